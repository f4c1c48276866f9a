// The other half of cpython_test.py: reads one line for each value, writes one line for its text.
//
//   KIND ARGUMENT...      numbers in decimal, bytes and text in hexadecimal ("-" is empty)
//
// Lines that it does not understand end the program, so that no value goes uncompared.
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/json_of.h"

namespace coco = cocoindex;
namespace text = cocoindex::text;
using namespace std::chrono;

namespace {

class Line {
 public:
  explicit Line(std::string_view line) : all_(line), rest_(line) {}
  [[noreturn]] void fail() const {
    std::fprintf(stderr, "text_tool: cannot read this line: %.*s\n", static_cast<int>(all_.size()),
                 all_.data());
    std::exit(2);
  }
  std::string_view word() {
    if (rest_.empty()) fail();
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view w = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return w;
  }
  bool more() const { return !rest_.empty(); }
  template <class T>
  T number() {
    const std::string_view w = word();
    T v{};
    const auto [end, error] = std::from_chars(w.data(), w.data() + w.size(), v);
    if (error != std::errc{} || end != w.data() + w.size()) fail();
    return v;
  }
  std::string hex() {
    const std::string_view w = word();
    std::string out;
    for (std::size_t i = 0; w != "-" && i < w.size(); i += 2) {
      unsigned v = 0;
      if (std::from_chars(w.data() + i, w.data() + i + 2, v, 16).ec != std::errc{}) fail();
      out.push_back(static_cast<char>(v));
    }
    return out;
  }
  double real() { return std::bit_cast<double>(number<std::uint64_t>()); }
  microseconds micros() { return microseconds(number<std::int64_t>()); }

 private:
  std::string_view all_;
  std::string_view rest_;
};

std::span<const std::byte> as_bytes(const std::string& s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

coco::Bytes to_bytes(const std::string& s) {
  const auto bytes = as_bytes(s);
  return {bytes.begin(), bytes.end()};
}

coco::Uuid to_uuid(Line& in) {
  coco::Uuid v;
  const std::string bytes = in.hex();
  if (bytes.size() != v.bytes.size()) in.fail();
  for (std::size_t i = 0; i < bytes.size(); ++i) v.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
  return v;
}

/// A tree in prefix form: [ count, { count, then the leaves. Containers of it are C++ containers, so that
/// what is compared is what a nested column holds.
struct Node;
using NodeList = std::vector<Node>;
using NodeMap = std::vector<std::pair<std::string, Node>>;
struct Node {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, coco::Bytes, coco::Uuid,
               coco::Decimal, year_month_day, coco::TimeOfDay, text::LocalDateTime, coco::OffsetDateTime,
               microseconds, coco::Json::BigInteger, NodeList, NodeMap>
      value;
};

coco::TimeOfDay time_of(Line& in) {
  coco::TimeOfDay v{in.micros()};
  if (const std::string_view offset = in.word(); offset != "none") {
    Line again(offset);
    v.offset = again.micros();
  }
  return v;
}

year_month_day date_of(Line& in) { return year_month_day(local_days(days(in.number<int>()))); }

Node node(Line& in) {
  const std::string_view kind = in.word();
  if (kind == "n") return {};
  if (kind == "b") return {in.number<int>() != 0};
  if (kind == "i") return {in.number<std::int64_t>()};
  if (kind == "I") return {coco::Json::BigInteger{std::string(in.word())}};
  if (kind == "f") return {in.real()};
  if (kind == "s") return {in.hex()};
  if (kind == "x") return {to_bytes(in.hex())};
  if (kind == "u") return {to_uuid(in)};
  if (kind == "d") return {coco::Decimal(in.word())};
  if (kind == "D") return {date_of(in)};
  if (kind == "t") return {time_of(in)};
  if (kind == "l") return {text::LocalDateTime(in.micros())};
  if (kind == "o") {
    const microseconds local = in.micros();
    return {coco::OffsetDateTime{text::LocalDateTime(local), in.micros()}};
  }
  if (kind == "p") return {in.micros()};
  if (kind == "[") {
    NodeList list(in.number<std::size_t>());
    for (Node& element : list) element = node(in);
    return {std::move(list)};
  }
  if (kind != "{") in.fail();
  NodeMap map(in.number<std::size_t>());
  for (auto& [name, member] : map) {
    name = in.hex();
    member = node(in);
  }
  return {std::move(map)};
}

void write(coco::JsonWriter& out, const Node& node) {
  std::visit(
      [&]<class T>(const T& v) {
        if constexpr (std::same_as<T, NodeList>) {
          out.begin_array();
          for (const Node& element : v) write(out, element);
          out.end_array();
        } else if constexpr (std::same_as<T, NodeMap>) {
          out.begin_object();
          for (const auto& [name, member] : v) {
            out.key(name);
            write(out, member);
          }
          out.end_object();
        } else if constexpr (std::same_as<T, coco::Json::BigInteger>) {
          out.number(v.digits);
        } else {
          coco::write_json(out, v);
        }
      },
      node.value);
}

/// What was written must be read back as the same value: its text again is the same.
template <class Parse, class Write>
std::string both(const std::string& written, Parse parse, Write write) {
  const std::string again = write(parse(written));
  return again == written ? written : "read back as " + again;
}

std::string date_or_time(std::string_view kind, Line& in) {
  using namespace text;
  const char separator = kind.ends_with("_str") ? ' ' : 'T';
  if (kind == "date") return both(date_text(date_of(in)), parse_date, date_text);
  if (kind == "time") return both(time_text(time_of(in)), parse_time, time_text);
  if (kind == "utc") {
    return both(datetime_text(UtcDateTime(in.micros())), parse_utc_datetime,
                [](UtcDateTime v) { return datetime_text(v); });
  }
  const LocalDateTime local(in.micros());
  if (kind == "naive" || kind == "naive_str") {
    return both(datetime_text(local, separator), parse_local_datetime,
                [&](LocalDateTime v) { return datetime_text(v, separator); });
  }
  if (kind != "aware" && kind != "aware_str") in.fail();
  return both(datetime_text(coco::OffsetDateTime{local, in.micros()}, separator), parse_offset_datetime,
              [&](const coco::OffsetDateTime& v) { return datetime_text(v, separator); });
}

std::string answer(Line in) {
  const std::string_view kind = in.word();
  const auto reparsed = [](const std::string& written) {
    return both(written, coco::Json::parse, [](const coco::Json& v) { return v.text(); });
  };
  if (kind == "float") return both(text::real_text(in.real()), text::parse_real, text::real_text);
  if (kind == "int") return coco::json_text(in.number<std::int64_t>());
  if (kind == "string") return reparsed(coco::json_text(in.hex()));
  if (kind == "base64") return both(text::to_base64(as_bytes(in.hex())), text::from_base64, text::to_base64);
  if (kind == "bytes")
    return both(text::bytes_text(as_bytes(in.hex())), text::parse_bytes_text, text::bytes_text);
  if (kind == "uuid") return both(text::uuid_text(to_uuid(in)), text::parse_uuid, text::uuid_text);
  if (kind == "decimal")
    return both(coco::Decimal(in.word()).text(), text::parse_decimal, text::decimal_text);
  if (kind == "seconds") return text::real_text(text::total_seconds(in.micros()));
  if (kind == "span") return both(text::span_text(in.micros()), text::parse_span, text::span_text);
  if (kind == "json") {
    std::string out;
    coco::JsonWriter writer(out);
    write(writer, node(in));
    return reparsed(out);
  }
  return date_or_time(kind, in);
}

}  // namespace

int main() {
  std::string line;
  int c = 0;
  while ((c = std::getchar()) != EOF) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    std::puts(answer(Line(line)).c_str());
    line.clear();
  }
  return 0;
}
