#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "commands.h"
#include "json.h"
#include "reader.h"

namespace cocozvec::cli {
namespace {

struct Found {
  std::shared_ptr<const cocoindex::text::Embedder> embedder;
  std::vector<float> question;
  zvec::HitList list;
  double seconds = 0;
};

template <class T>
T FieldOf(const zvec::Doc& doc, std::string_view name) {
  const T* value = doc.Get<T>(name);
  return value != nullptr ? *value : T{};
}

Found Search(const Options& options) {
  const OpenedStore store = OpenForReading(options.store).value();
  Found found;
  found.embedder = EmbedderOfStore(store.config.embedder, options.store).value();
  const auto begin = std::chrono::steady_clock::now();
  zvec::VectorQuery query;
  query.field = "embedding";
  query.topk = options.topk;
  query.filter = options.filter;
  if (!HasWord(options.text)) {
    throw std::runtime_error("search: '" + options.text + "' has no letter or digit to look for");
  }
  found.question = found.embedder->embed(options.text);
  if (cocoindex::text::is_zero(found.question)) {
    throw std::runtime_error("search: '" + options.text + "' has nothing that the embedder '" +
                             found.embedder->identity() + "' knows");
  }
  query.vector = found.question;
  found.list = store.collection->Query(query).value();
  found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return found;
}

std::string ToJson(const Found& found) {
  JsonWriter json;
  json.Object().Key("hits").Array();
  for (const zvec::Hit& hit : found.list.hits) {
    json.Object().Key("id").Text(hit.doc.id).Key("score").Float(hit.score);
    json.Key("file").Text(FieldOf<std::string>(hit.doc, "file"));
    json.Key("start").Int(FieldOf<std::int64_t>(hit.doc, "start"));
    json.Key("text").Text(FieldOf<std::string>(hit.doc, "text")).EndObject();
  }
  const zvec::QueryStats& stats = found.list.stats;
  json.EndArray().Key("stats").Object();
  json.Key("strategy")
      .Text(stats.strategy)
      .Key("documents")
      .Int(stats.documents)
      .Key("matches")
      .Int(stats.matches);
  json.Key("distances").Int(stats.distances).Key("segments").Int(stats.segments);
  json.Key("seconds").Double(found.seconds).EndObject().EndObject();
  return json.Take();
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.emplace_back(line);
  }
  return lines;
}

std::string Shortened(const std::string& line) {
  constexpr std::size_t kWidth = 110;
  if (line.size() <= kWidth) return line;
  std::size_t cut = kWidth;
  while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;  // not inside a character
  return line.substr(0, cut) + "...";
}

// How near each line is to the question.
std::vector<float> Likeness(const Found& found, const std::vector<std::string>& lines) {
  const std::vector<std::string_view> texts(lines.begin(), lines.end());
  const std::size_t dimension = found.question.size();
  std::vector<float> rows(texts.size() * dimension), out;
  found.embedder->embed(texts, rows);
  for (auto row = rows.begin(); row != rows.end(); row += static_cast<std::ptrdiff_t>(dimension)) {
    out.push_back(std::inner_product(found.question.begin(), found.question.end(), row, 0.0F));
  }
  return out;
}

// Three lines of a piece, those nearest to the question; ten hits then fit on a screen.
std::string Excerpt(std::string_view text, const Found& found) {
  constexpr std::size_t kLines = 3;
  const std::vector<std::string> lines = LinesOf(text);
  const std::vector<float> likeness = Likeness(found, lines);
  std::size_t best = 0;
  float most = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i == 0 || i + kLines <= lines.size(); ++i) {
    float sum = 0;
    for (std::size_t j = i; j < std::min(i + kLines, lines.size()); ++j) sum += likeness[j];
    if (sum > most) best = i, most = sum;
  }
  std::string out;
  for (std::size_t j = best; j < std::min(best + kLines, lines.size()); ++j)
    out += "    " + Printable(Shortened(lines[j])) + "\n";
  return out;
}

void Print(const Found& found, Console& console) {
  int rank = 0;
  for (const zvec::Hit& hit : found.list.hits) {
    console.Write(
        fmt::format("{:2}  {:.3f}  {}  {}\n", ++rank, hit.score,
                    console.Bold(Printable(FieldOf<std::string>(hit.doc, "file"))),
                    console.Dim(fmt::format("from character {}", FieldOf<std::int64_t>(hit.doc, "start")))));
    console.Write(Excerpt(FieldOf<std::string>(hit.doc, "text"), found));
  }
  if (rank == 0) console.WriteLine("nothing found");
}

}  // namespace

int RunSearch(const Options& options, Console& console) {
  const Found found = Search(options);
  if (options.json) {
    console.WriteLine(ToJson(found));
  } else {
    Print(found, console);
  }
  return kDone;
}

}  // namespace cocozvec::cli
