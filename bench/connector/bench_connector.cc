// The cost of the connector itself, on rows of 10 scalars and one 384-d vector.
//
//   bench_connector [DIRECTORY]        works in a folder of its own inside; default: the temporary one
//
// Prints one line a step: what, microseconds a row (of the wall clock, of the CPU), rows, rows written.
// "encode": from the record to the bytes that are hashed and kept, with nothing behind it. "new": the first
// update, with the database. "unchanged": a whole update in which every row is declared and none has changed.
// Counts are checked: a step that wrote another number of rows than expected ends the program.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"
#include "cocoindex/connectors/zvec/dynamic.h"

namespace {

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

constexpr std::size_t kRows = 5'000;  // a round is short, so that one of them falls into a quiet moment
constexpr std::size_t kDimension = 384;
constexpr int kRounds = 40;

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"bench"};

struct Row {
  std::string id;
  std::string title, author, path;
  std::int64_t year, start;
  double score;
  bool draft;
  std::optional<std::string> note;
  std::chrono::year_month_day day;
  std::vector<std::string> tags;
  Annotated<std::vector<float>, VectorSchema{kDimension}> embedding;
};

std::vector<Row> MakeRows() {
  using namespace std::chrono_literals;
  std::vector<Row> rows(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    Row& r = rows[i];
    char id[16];
    std::snprintf(id, sizeof id, "%08zu", i);
    r.id = id;
    r.title = "The title of document number " + r.id;
    r.author = "Author " + std::to_string(i % 100);
    r.path = "folder/of/documents/" + r.id + ".md";
    r.year = 1990 + static_cast<std::int64_t>(i % 30);
    r.start = static_cast<std::int64_t>(i) * 17;
    r.score = static_cast<double>(i) / 7;
    r.draft = i % 3 == 0;
    if (i % 2 == 0) r.note = "a note";
    r.day = 2020y / std::chrono::January / (static_cast<unsigned>(i) % 28 + 1);
    r.tags = {"red", "blue"};
    r.embedding.resize(kDimension);
    for (std::size_t d = 0; d < kDimension; ++d) {
      r.embedding[d] = static_cast<float>((i * 31 + d * 17) % 1000) * 0.001f;
    }
  }
  return rows;
}

struct Time {
  double wall = 1e9;
  double cpu = 1e9;  ///< of all threads: what a busy machine adds to the wall clock is not in it
};

Time Measure(auto&& f) {
  const auto began = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  f();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
          static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC};
}

/// The fastest of some rounds: the rest of the machine only adds.
Time Best(auto&& f) {
  Time best;
  for (int i = 0; i < kRounds; ++i) {
    const Time t = Measure(f);
    best = {std::min(best.wall, t.wall), std::min(best.cpu, t.cpu)};
  }
  return best;
}

void Print(const char* what, Time time, std::uint64_t written) {
  std::printf("%-24s %8.2f us a row, %6.2f us of CPU   %zu rows, %llu written\n", what,
              time.wall * 1e6 / kRows, time.cpu * 1e6 / kRows, kRows,
              static_cast<unsigned long long>(written));
  std::fflush(stdout);
}

zc::CollectionSchema<Row> MakeSchema() {
  return zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
}

void Encode(const std::vector<Row>& rows) {
  const auto schema = MakeSchema();
  std::uint64_t bytes = 0;
  const Time best = Best([&] {
    std::string id;
    for (const Row& row : rows) bytes += schema.encode(row, "docs", &id)->bytes().size();
  });
  if (bytes == 0) std::exit(1);
  Print("encode", best, 0);
}

void EncodeDynamic(const std::vector<Row>& rows) {
  using zc::FieldType;
  const auto schema = zc::CollectionSchema<coco::DynamicRow>::from_columns(
      {.primary_key = {"id"},
       .columns = zc::Columns()
                      .add("id", FieldType::text)
                      .add("title", FieldType::text)
                      .add("author", FieldType::text)
                      .add("path", FieldType::text)
                      .add("year", FieldType::integer)
                      .add("start", FieldType::integer)
                      .add("score", FieldType::real)
                      .add("draft", FieldType::boolean)
                      .add("note", FieldType::text, {.nullable = true})
                      .add("day", FieldType::date)
                      .add("tags", FieldType::text_list)
                      .add("embedding", FieldType::float32_vector, {.notes = VectorSchema{kDimension}})});
  std::vector<coco::DynamicRow> dynamic;
  for (const Row& r : rows) {
    coco::DynamicRow row{
        {"id", r.id}, {"title", r.title}, {"author", r.author}, {"path", r.path}, {"year", r.year}};
    row.set("start", r.start)
        .set("score", r.score)
        .set("draft", r.draft)
        .set("day", r.day)
        .set("tags", r.tags);
    if (r.note) row.set("note", *r.note);
    row.set("embedding", static_cast<const std::vector<float>&>(r.embedding));
    dynamic.push_back(std::move(row));
  }
  std::uint64_t bytes = 0;
  const Time best = Best([&] {
    std::string id;
    for (const auto& row : dynamic) bytes += schema.encode(row, "docs", &id)->bytes().size();
  });
  if (bytes == 0) std::exit(1);
  Print("encode, DynamicRow", best, 0);
}

void IndexRows(coco::Ctx& ctx, const std::vector<Row>* rows) {
  auto target = zc::mount_collection_target(ctx, DB, "docs", MakeSchema());
  for (const Row& row : *rows) target.declare_row(ctx, row);
}

/// Rows written.
std::uint64_t Update(coco::App& app, std::uint64_t expected) {
  const coco::UpdateResult result = app.update_blocking();
  for (const coco::Failure& f : result.failures) {
    std::fprintf(stderr, "bench_connector: %s\n", f.message.c_str());
  }
  const std::uint64_t written = result.stats.target_total().upserted;
  if (!result.failures.empty() || written != expected) {
    std::fprintf(stderr, "bench_connector: %llu written, %llu expected\n",
                 static_cast<unsigned long long>(written), static_cast<unsigned long long>(expected));
    std::exit(1);
  }
  return written;
}

void Engine(const std::vector<Row>& rows, const std::string& directory) {
  coco::Environment env({.db_path = directory + "/state"}, [&](coco::EnvironmentBuilder& b) {
    b.provide(DB, zc::connect(directory + "/data"));
  });
  coco::App app(env, "bench", coco::fn<&IndexRows>(), &rows);
  std::uint64_t written = 0, rewritten = 0;
  const Time fresh = Measure([&] { written = Update(app, kRows); });
  Print("new, with the database", fresh, written);
  const Time unchanged = Best([&] { rewritten += Update(app, 0); });
  Print("unchanged", unchanged, rewritten);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::filesystem::path parent = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
  const std::string directory = parent / ("bench_connector." + std::to_string(getpid()));
  const std::vector<Row> rows = MakeRows();
  Encode(rows);
  EncodeDynamic(rows);
  Engine(rows, directory);
  std::filesystem::remove_all(directory);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "bench_connector: %s\n", e.what());
  return 1;
}
