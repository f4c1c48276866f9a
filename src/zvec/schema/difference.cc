// What changed between two schemas, in words.
#include <string>

#include "zvec/schema.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0 {
namespace {

class Lines {
 public:
  void Add(const std::string& what, const std::string& now, const std::string& before) {
    if (now != before) Line(what + ": " + now + ", was " + before);
  }
  void Line(const std::string& line) {
    if (!text_.empty()) text_ += '\n';
    text_ += line;
  }
  std::string Take() && { return std::move(text_); }

 private:
  std::string text_;
};

std::string Truth(bool value) { return value ? "true" : "false"; }
std::string Text(std::string_view value) { return std::string(value); }

std::string Join(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out += (out.size() > 1 ? ", " : "") + word;
  return out + "]";
}

void IndexDifference(const std::string& where, const IndexParams& now, const IndexParams& before,
                     Lines& lines) {
  lines.Add(where + " index", Text(IndexTypeName(now.type)), Text(IndexTypeName(before.type)));
  lines.Add(where + " metric", Text(MetricTypeName(now.metric)), Text(MetricTypeName(before.metric)));
  lines.Add(where + " quantize type", Text(QuantizeTypeName(now.quantize)),
            Text(QuantizeTypeName(before.quantize)));
  lines.Add(where + " m", std::to_string(now.m), std::to_string(before.m));
  lines.Add(where + " ef_construction", std::to_string(now.ef_construction),
            std::to_string(before.ef_construction));
  lines.Add(where + " range optimization", Truth(now.range_optimization), Truth(before.range_optimization));
  lines.Add(where + " extended wildcard", Truth(now.extended_wildcard), Truth(before.extended_wildcard));
  lines.Add(where + " tokenizer", Quoted(now.tokenizer), Quoted(before.tokenizer));
  lines.Add(where + " token filters", Join(now.filters), Join(before.filters));
  if (now.extra_params != before.extra_params) {
    lines.Line(where + " extra parameters: " + Quoted(now.extra_params) + ", were " +
               Quoted(before.extra_params));
  }
}

void FieldDifference(const FieldSchema& now, const FieldSchema& before, Lines& lines) {
  const std::string where = "field " + Quoted(now.name);
  lines.Add(where + " type", Text(DataTypeName(now.type)), Text(DataTypeName(before.type)));
  lines.Add(where + " nullable", Truth(now.nullable), Truth(before.nullable));
  lines.Add(where + " dimension", std::to_string(now.dimension), std::to_string(before.dimension));
  if (now.index && before.index) {
    IndexDifference(where, *now.index, *before.index, lines);
  } else if (now.index || before.index) {
    const auto text = [](const std::optional<IndexParams>& p) {
      return p ? Text(IndexTypeName(p->type)) : Text("none");
    };
    lines.Add(where + " index", text(now.index), text(before.index));
  }
}

}  // namespace

std::string CollectionSchema::Difference(const CollectionSchema& other) const {
  if (*this == other) return {};
  Lines lines;
  lines.Add("name", Quoted(name), Quoted(other.name));
  for (const FieldSchema& field : fields) {
    if (const FieldSchema* before = other.Find(field.name)) {
      FieldDifference(field, *before, lines);
    } else {
      lines.Line("field " + Quoted(field.name) + ": added, " + Text(DataTypeName(field.type)));
    }
  }
  for (const FieldSchema& field : other.fields) {
    if (!Find(field.name))
      lines.Line("field " + Quoted(field.name) + ": removed, was " + Text(DataTypeName(field.type)));
  }
  std::string text = std::move(lines).Take();
  return text.empty() ? "the order of the fields" : text;
}

}  // namespace zvec::inline v0
