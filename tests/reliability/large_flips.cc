// C1 at size: one byte changed in a large collection with graphs and lists, which lies in memory, so that a
// change costs no copy. What a change cannot reach has the bytes that it had, so each case reads the part it
// can: the rows of the damaged segment by columns, vectors, ids and graph. All answers are right, or an
// error names the file.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "children.h"
#include "harness.h"
#include "life.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace reliability {
namespace {

using cocozvec::File;
using cocozvec::FileInfo;
using cocozvec::FileKind;
using zvec::Result;

constexpr const char* kPath = "large";
constexpr std::uint32_t kDim = 512;
constexpr std::uint64_t kSegments = 4;  ///< about

/// Files in memory, to be read. One byte of one of them may be changed in place.
class MemoryFiles final : public cocozvec::FileSystem {
 public:
  using PathView = cocozvec::PathView;
  std::map<std::string, std::string> files;  ///< by name, in one directory

  Result<std::unique_ptr<File>> Open(PathView path, cocozvec::OpenMode mode) override {
    const auto found = files.find(std::string(cocozvec::BaseName(path)));
    if (found == files.end()) return Status::NotFound("open " + path.str() + ": not there");
    if (mode != cocozvec::OpenMode::kRead) return Refused();
    return std::unique_ptr<File>(std::make_unique<OneOfThem>(path.str(), found->second));
  }
  Result<FileInfo> Stat(PathView path) override {
    if (path.str() == kPath) return FileInfo{FileKind::kDirectory, 0, 1, 1};
    const auto found = files.find(std::string(cocozvec::BaseName(path)));
    if (found == files.end()) return Status::NotFound("stat " + path.str() + ": not there");
    return FileInfo{FileKind::kFile, found->second.size(), 1, 2};
  }
  Result<std::vector<cocozvec::DirEntry>> List(PathView) override {
    std::vector<cocozvec::DirEntry> entries;
    for (const auto& [name, content] : files) entries.push_back({name, FileKind::kFile});
    return entries;
  }
  Status CreateDirectory(PathView) override { return Refused(); }
  Status Rename(PathView, PathView) override { return Refused(); }
  Status RenameNoReplace(PathView, PathView) override { return Refused(); }
  Status RemoveFile(PathView) override { return Refused(); }
  Status RemoveDirectory(PathView) override { return Refused(); }
  Status SyncDirectory(PathView) override { return Refused(); }

 private:
  static Status Refused() { return Status::PermissionDenied("files in memory, to be read"); }

  class View final : public cocozvec::Mapping {
   public:
    explicit View(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes() const noexcept override { return bytes_; }
    Status Populate(std::uint64_t, std::uint64_t) const override { return {}; }

   private:
    const std::span<const std::byte> bytes_;
  };

  class OneOfThem final : public File {
   public:
    OneOfThem(std::string path, const std::string& content) : path_(std::move(path)), content_(content) {}
    const std::string& path() const noexcept override { return path_; }
    Result<std::uint64_t> Size() const override { return std::uint64_t{content_.size()}; }
    Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
      if (offset >= content_.size()) return std::size_t{0};
      return content_.copy(reinterpret_cast<char*>(out.data()), out.size(), offset);
    }
    Status WriteAt(std::uint64_t, std::span<const std::byte>) override { return Refused(); }
    Status Truncate(std::uint64_t) override { return Refused(); }
    Status Sync() override { return Refused(); }
    Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
      return std::unique_ptr<cocozvec::Mapping>(
          std::make_unique<View>(std::as_bytes(std::span(content_)).first(size)));
    }
    Status TryLock(bool) override { return {}; }
    Status Unlock() override { return {}; }
    Result<cocozvec::HeldLock> OtherLock() const override { return cocozvec::HeldLock::kNone; }

   private:
    const std::string path_;
    const std::string& content_;
  };
};

/// Row n: its number, a text, a vector near one of a hundred places, a few weights.
Doc Row(std::uint64_t n) {
  Random random(n);
  std::vector<float> vector(kDim);
  const auto place = static_cast<float>(n % 100);
  for (std::uint32_t i = 0; i < kDim; ++i)
    vector[i] = std::sin(place * static_cast<float>(i % 7 + 1)) + static_cast<float>(random() % 1000) / 2000;
  Doc doc("row " + std::to_string(n));
  doc.fields = {{"n", static_cast<std::int64_t>(n)},
                {"text", "text " + std::to_string(random() % 1000)},
                {"v", std::move(vector)},
                {"s", zvec::SparseVector{{static_cast<std::uint32_t>(n % 50), 100}, {1, 0.5F}}}};
  return doc;
}

/// The rows of one sealed segment, or of the log.
struct Part {
  std::uint64_t from = 0, rows = 0;
};

struct Large {
  MemoryFiles disk;
  std::uint64_t rows = 0, bytes = 0;
  std::vector<std::string> names;
  std::vector<Part> parts;                     ///< in storage order, which is the order of the rows
  std::map<std::string, std::size_t> part_of;  ///< of the files of segments, and the log

  zvec::CollectionOptions Options() {
    zvec::CollectionOptions options;
    options.file_system = &disk;
    options.read_only = true;
    return options;
  }
};

Large Make(const std::string& directory, std::uint64_t megabytes) {
  const std::string path = cocozvec::JoinPath(directory, kPath);
  zvec::CollectionSchema schema;
  schema.name = "large";
  zvec::IndexParams hnsw = zvec::IndexParams::Hnsw(zvec::MetricType::kL2);
  hnsw.m = 8;
  hnsw.ef_construction = 40;
  schema.fields = {
      {"n", zvec::DataType::kInt64, false, 0, {}},
      {"text", zvec::DataType::kString, false, 0, {}},
      {"v", zvec::DataType::kVectorFp32, false, kDim, hnsw},
      {"s", zvec::DataType::kSparseVectorFp32, false, 0, zvec::IndexParams::Hnsw(zvec::MetricType::kIp)}};
  zvec::CollectionOptions options;
  options.durability = zvec::Durability::kRelaxed;
  options.maintenance = zvec::Maintenance::kInline;
  options.index_min_rows = 1;
  options.seal_bytes = (megabytes << 20) / kSegments * 3 / 4;
  Large large;
  large.rows = (megabytes << 20) / (kDim * 4 + kDim + 200);
  auto collection = Collection::Create(path, schema, options).value();
  std::vector<Doc> docs;
  for (std::uint64_t n = 0; n < large.rows; ++n) {
    docs.push_back(Row(n));
    if (docs.size() < 500 && n + 1 < large.rows) continue;
    (void)collection->Insert(docs).value();
    docs.clear();
  }
  if (!collection->SetMark("mark").ok() || !collection->Close().ok()) std::abort();
  auto& real = cocozvec::PosixFileSystem();
  for (const auto& entry : real.List(path).value()) {
    std::string& content = large.disk.files[entry.name];
    content = cocozvec::ReadFile(real, cocozvec::JoinPath(path, entry.name), std::uint64_t{1} << 30).value();
    if (content.empty() || entry.name == "LOCK") continue;
    large.bytes += content.size();
    large.names.push_back(entry.name);
  }
  (void)cocozvec::RemoveTree(real, path);
  std::uint64_t newest = 0, from = 0;
  for (const std::string& name : large.names)
    if (const auto parsed = zvec::ParseName(name); parsed->kind == zvec::NameKind::kManifest)
      newest = std::max(newest, parsed->number);
  const auto manifest =
      zvec::DecodeManifest(large.disk.files.at(zvec::ManifestName(newest)), newest, "manifest").value();
  for (const auto& entry : manifest.segments) {
    large.part_of[zvec::SegmentName(entry.file.number)] = large.parts.size();
    for (const auto& index : entry.indexes) large.part_of[zvec::IndexName(index.number)] = large.parts.size();
    large.parts.push_back({from, entry.file.rows});
    from += entry.file.rows;
  }
  large.part_of[zvec::LogName(manifest.log_number)] = large.parts.size();
  if (from < large.rows) large.parts.push_back({from, large.rows - from});
  return large;
}

/// What is read of one collection, in a fixed order; the first error ends it.
struct Answers {
  Status failed;
  std::vector<std::pair<std::string, float>> hits;
  std::vector<std::pair<std::string, float>> near;  ///< through a graph, which may be scanned instead
  std::vector<Doc> docs;
  std::uint64_t matches = 0;
  std::string ways;  ///< how segments were searched
};

class Reader {
 public:
  Reader(const Collection& collection, Answers* answers) : collection_(collection), answers_(*answers) {}
  bool ok() const { return answers_.failed.ok(); }

  void Query(const char* field, decltype(zvec::VectorQuery::vector) vector, const std::string& filter,
             bool exact) {
    if (!ok()) return;
    zvec::VectorQuery query;
    query.field = field;
    query.vector = std::move(vector);
    query.filter = filter;
    query.exact = exact;
    query.output_fields.emplace();
    const auto found = collection_.Query(query);
    if (answers_.failed = found.status(); !ok()) return;
    auto& hits = exact || query.field == "s" ? answers_.hits : answers_.near;
    for (const auto& hit : found->hits) hits.emplace_back(hit.doc.id, hit.score);
    answers_.matches += found->stats.matches;
    answers_.ways += found->stats.strategy + "; ";
  }
  void Fetch(std::uint64_t n) {
    if (!ok()) return;
    auto found = collection_.Fetch(std::vector{"row " + std::to_string(n)});
    if (answers_.failed = found.status(); !ok()) return;
    for (Doc& doc : *found) answers_.docs.push_back(std::move(doc));
  }
  void Scan(const std::string& filter) {
    if (!ok()) return;
    zvec::ScanQuery scan;
    scan.filter = filter;
    scan.limit = 20;
    scan.include_vectors = true;
    auto found = collection_.Scan(scan);
    if (answers_.failed = found.status(); !ok()) return;
    answers_.matches += found->stats.matches;
    for (auto& hit : found->hits) answers_.docs.push_back(std::move(hit.doc));
  }
  void Ids(std::uint64_t rows) {
    if (!ok()) return;
    zvec::VectorQuery query;
    query.field = "v";
    query.vector = std::vector<float>(kDim, 0);
    query.topk = 1;
    query.filter = "n = 0";
    const auto first = collection_.QueryRows(query);
    if (answers_.failed = first.status(); !ok()) return;
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t row = 0; row < rows; row += 97) numbers.push_back(row);
    const auto ids = collection_.IdsOfRows(numbers, first->layout);
    if (answers_.failed = ids.status(); !ok()) return;
    for (const auto& id : *ids) answers_.hits.emplace_back(id.value_or("none"), 0.0F);
  }

 private:
  const Collection& collection_;
  Answers& answers_;
};

/// `part`: the rows that are looked at more closely.
Answers Read(Large& large, const Part& part) {
  Answers answers;
  const auto mark = Collection::ReadMark(kPath, large.Options());
  if (answers.failed = mark.status(); !mark.ok()) return answers;
  answers.docs.emplace_back(*mark);
  auto opened = Collection::Open(kPath, large.Options());
  if (answers.failed = opened.status(); !opened.ok()) return answers;
  Reader reader(**opened, &answers);
  const std::uint64_t each = part.rows, from = part.from;
  const std::string rows = "n >= " + std::to_string(from) + " and n < " + std::to_string(from + each);
  reader.Ids(large.rows);
  reader.Scan("text like '%7'");
  reader.Scan(rows + " and text >= 'text 5'");
  for (std::uint64_t i = 0; i < 5; ++i) {
    const std::uint64_t n = from + i * each / 5;
    const Doc row = Row(n);
    reader.Fetch(n);
    reader.Query("v", std::get<std::vector<float>>(row.fields[2].value), "", false);
  }
  const Doc row = Row(from);
  reader.Query("v", std::get<std::vector<float>>(row.fields[2].value), rows, true);
  reader.Query("s", std::get<zvec::SparseVector>(row.fields[3].value), "", false);
  reader.Query("s", std::get<zvec::SparseVector>(row.fields[3].value), rows, true);
  return answers;
}

Outcome Judge(const Answers& found, const Answers& right, const std::string& name, const std::string& what) {
  if (!found.failed.ok()) {
    const bool code = found.failed.code() == StatusCode::kDataLoss;
    const std::string kind = name.starts_with("MANIFEST") ? "manifest" : name;
    const std::string_view message = found.failed.message();
    if (code &&
        (message.find(name) != std::string_view::npos || message.find(kind) != std::string_view::npos))
      return {"reported", ""};
    return {"", what + ": " + found.failed.ToString()};
  }
  if (found.hits == right.hits && found.docs == right.docs && found.matches == right.matches) {
    // Whatever is read is checked: nothing here read the byte, or the graph was refused.
    if (found.near == right.near) return {found.ways == right.ways ? "not read" : "scanned", ""};
    // Without its graph a segment is scanned, which finds no less.
    float worse = found.near.size() == right.near.size() ? 0.0F : 1.0F;
    for (std::size_t i = 0; worse == 0 && i < found.near.size(); ++i)
      worse = std::max(worse, found.near[i].second - right.near[i].second);
    if (worse <= 0 && name.starts_with("index-")) return {"scanned", ""};
  }
  return {"", what + ": an answer changed without a word"};
}

}  // namespace

/// C1. Case n: a random byte of 100 MB gets a random other value; a tenth of that below 1,000 cases.
void LargeFlips(const Settings& settings, Tally& tally) {
  Large large = Make(settings.directory, settings.count < 1000 ? 10 : 100);
  tally.Most("large_bytes", large.bytes);
  if (large.parts.size() < 2) return tally.Violation("the rows are not in several segments");
  std::vector<Answers> right;
  for (const Part& part : large.parts) {
    right.push_back(Read(large, part));
    if (!right.back().failed.ok() || right.back().hits.empty())
      return tally.Violation("undamaged: " + right.back().failed.ToString());
  }
  RunInChildren(settings.from, settings.count, tally, [&](std::uint64_t n) -> Outcome {
    Random random(n);
    std::uint64_t at = random() % large.bytes;
    auto name = large.names.begin();
    while (at >= large.disk.files[*name].size()) at -= large.disk.files[*name++].size();
    char& byte = large.disk.files[*name][at];
    const char old = byte;
    byte = static_cast<char>(old ^ static_cast<char>(1 + random() % 255));
    const auto own = large.part_of.find(*name);
    const std::size_t part = (own != large.part_of.end() ? own->second : n) % large.parts.size();
    const Outcome outcome = Judge(Read(large, large.parts[part]), right[part], *name,
                                  *name + " at byte " + std::to_string(at) + ", case " + std::to_string(n));
    byte = old;
    return outcome;
  });
}

}  // namespace reliability
