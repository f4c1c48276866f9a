#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "commands.h"
#include "json.h"
#include "reader.h"

namespace cocozvec::cli {
namespace {

struct Found {
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
  const auto begin = std::chrono::steady_clock::now();
  zvec::VectorQuery query;
  query.field = "embedding";
  query.topk = options.topk;
  query.filter = options.filter;
  std::vector<float> vector = cocoindex::text::HashingEmbedder(store.config.embedder).embed(options.text);
  if (cocoindex::text::is_zero(vector)) {
    throw std::runtime_error("search: '" + options.text + "' has no letter or digit to look for");
  }
  query.vector = std::move(vector);
  Found found{store.collection->Query(query).value()};
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

// The first lines of a piece, indented, so that ten hits fit on a screen.
std::string Excerpt(std::string_view text) {
  constexpr std::size_t kLines = 3, kWidth = 110;
  std::string out;
  std::size_t lines = 0;
  while (!text.empty() && lines < kLines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line.size() > kWidth) {
      std::size_t cut = kWidth;
      while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80)
        --cut;  // not inside a character
      line = line.substr(0, cut) + "...";
    }
    out += "    " + Printable(line) + "\n";
    ++lines;
  }
  return out;
}

void Print(const Found& found, Console& console) {
  int rank = 0;
  for (const zvec::Hit& hit : found.list.hits) {
    console.Write(
        fmt::format("{:2}  {:.3f}  {}  {}\n", ++rank, hit.score,
                    console.Bold(Printable(FieldOf<std::string>(hit.doc, "file"))),
                    console.Dim(fmt::format("from character {}", FieldOf<std::int64_t>(hit.doc, "start")))));
    console.Write(Excerpt(FieldOf<std::string>(hit.doc, "text")));
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
