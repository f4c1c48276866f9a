// fuzz/collection.cc: a small collection with a file of every kind, of which one file is patched, then used.
//   byte 0   which file (of those sorted by name)
//   byte 1   1: checksums made right again, those that name the file included, so that what is behind them is
//   reached
//            2: files are read, not mapped      4: opened to write, and optimized
//   then     patches, three bytes each: offset (16 bits), new value
// Without checksums made right, no patch may change an answer: it is the pristine one, or an error.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/io/sim_disk.h"
#include "zvec/collection.h"

namespace {

using cocozvec::ChecksumAt;
using cocozvec::SimDisk;
using cocozvec::Status;
using cocozvec::StatusCode;

constexpr const char* kPath = "c";
constexpr std::size_t kHeader = 64, kRecordHeader = 56;

[[noreturn]] void Fail(const char* what, std::string_view more) {
  std::fprintf(stderr, "fuzz_collection: %s: %.*s\n", what, static_cast<int>(more.size()), more.data());
  std::abort();
}

void Must(const Status& status) {
  if (!status.ok()) Fail("the pristine collection", status.message());
}

std::uint64_t Get(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

void Put(std::string& bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

/// What a checksum covers, and where it is kept.
struct Block {
  std::size_t at, size, checksum_at;
};

struct File {
  std::string name, bytes;
  std::vector<Block> blocks = {};
};

std::uint64_t Sum(const std::string& bytes, std::size_t at, std::size_t size) {
  return ChecksumAt({reinterpret_cast<const std::byte*>(bytes.data()) + at, size}, Get(bytes, 24, 8), at,
                    Get(bytes, 16, 8));
}

// The blocks of a segment's or an index's sections, from its table.
std::vector<Block> BlocksOf(const std::string& bytes, bool segment) {
  std::vector<Block> blocks;
  std::size_t at = Get(bytes, 40, 8) + (segment ? 4 : 0);
  while (at < bytes.size()) {
    const std::uint64_t kind = segment ? Get(bytes, at, 1) : 0;
    if (segment) at += 5;
    const std::uint64_t offset = Get(bytes, at, 8), size = Get(bytes, at + 8, 8);
    const std::uint64_t block_bytes = segment ? Get(bytes, at + 16, 8) : 64 << 10;
    const std::uint64_t count = Get(bytes, at + (segment ? 24 : 16), 4);
    at += segment ? 28 : 20;
    const std::size_t ends = at;
    if (kind == 1 || kind == 3) at += 8 * count;
    std::uint64_t begin = 0;
    for (std::uint64_t i = 0; i < count; ++i, at += 8) {
      const std::uint64_t end =
          block_bytes == 0 ? Get(bytes, ends + 8 * i, 8) : std::min(size, begin + block_bytes);
      blocks.push_back({offset + begin, end - begin, at});
      begin = end;
    }
  }
  return blocks;
}

std::vector<Block> RecordsOf(const std::string& log) {
  std::vector<Block> records;
  for (std::size_t at = kHeader; at + kRecordHeader <= log.size();) {
    const std::size_t size = Get(log, at + 8, 8);
    records.push_back({at + kRecordHeader, size, at + 40});
    at += kRecordHeader + size;
  }
  return records;
}

void SealHeader(std::string& bytes) {
  const std::string_view head = std::string_view(bytes).substr(0, 56);
  Put(bytes, 56,
      ChecksumAt({reinterpret_cast<const std::byte*>(head.data()), head.size()}, Get(bytes, 24, 8), 0,
                 Get(bytes, 16, 8)));
}

/// Makes every checksum in a patched file right. One that lies in a patched place is overwritten.
void Seal(const File& pristine, std::string& bytes) {
  if (bytes.size() < kHeader) return;
  std::uint64_t previous = 0;
  const bool log = pristine.name.starts_with("log-");
  if (log) SealHeader(bytes), previous = Get(bytes, 56, 8);
  for (const Block& block : pristine.blocks) {
    Put(bytes, block.checksum_at, Sum(bytes, block.at, block.size));
    if (!log) continue;
    const std::size_t header = block.at - kRecordHeader;
    Put(bytes, header + 32, previous);
    previous = Sum(bytes, header, 48);
    Put(bytes, header + 48, previous);
  }
  if (log) return;
  if (pristine.name.starts_with("MANIFEST-") || pristine.name.starts_with("deletes-")) {
    Put(bytes, 40, Sum(bytes, kHeader, bytes.size() - kHeader));
  } else if (!pristine.blocks.empty()) {
    const std::size_t table = std::min<std::size_t>(Get(bytes, 40, 8), bytes.size());
    Put(bytes, 48, Sum(bytes, table, bytes.size() - table));
  }
  SealHeader(bytes);
}

zvec::CollectionOptions Options(SimDisk& disk) {
  zvec::CollectionOptions options;
  options.file_system = &disk;
  options.index_min_rows = 1;
  return options;
}

zvec::Doc Document(int n) {
  zvec::Doc doc("id " + std::to_string(n));
  const auto x = static_cast<float>(n);
  doc.fields = {{"n", std::int64_t{n}},
                {"text", std::string("text ") + std::to_string(n % 7)},
                {"v", std::vector<float>{x, 1, -x, 0.5F}},
                {"s", zvec::SparseVector{{1, 7, 100U + static_cast<std::uint32_t>(n % 3)}, {x, 1, 0.5F}}}};
  if (n % 5 == 0) doc.fields[1].value = std::monostate();
  return doc;
}

/// Every answer, as text; or the first error.
class Answers {
 public:
  explicit Answers(const zvec::Collection& collection) {
    auto docs = collection.Iterate();
    if (!Good(docs.status())) return;
    for (zvec::Doc doc; true;) {
      const auto more = (*docs)->Next(&doc);
      if (!Good(more.status()) || !*more) break;
      text += doc.id + "=";
      for (const auto& field : doc.fields) Add(field.value);
    }
    for (const char* filter : {"", "n > 20", "text = 'text 3'", "text is null"}) {
      Rank(collection, "v", std::vector<float>{20, 1, -20, 0}, filter);
      Rank(collection, "s", zvec::SparseVector{{7, 101}, {1, 1}}, filter);
    }
    const auto fetched = collection.Fetch(std::vector<std::string>{"id 1", "id 30", "id 44", "none"});
    if (Good(fetched.status())) {
      for (const auto& doc : *fetched) text += doc.id + ";";
    }
  }
  Status error;
  std::string text;

 private:
  bool Good(const Status& status) {
    if (!status.ok() && error.ok()) error = status;
    return status.ok();
  }
  void Add(const zvec::Value& value) {
    if (const auto* n = std::get_if<std::int64_t>(&value)) text += std::to_string(*n);
    if (const auto* s = std::get_if<std::string>(&value)) text += *s;
    if (const auto* v = std::get_if<std::vector<float>>(&value)) {
      for (const float x : *v) text += std::to_string(x);
    }
    if (const auto* v = std::get_if<zvec::SparseVector>(&value)) {
      for (const float x : v->values) text += std::to_string(x);
    }
    text += ",";
  }
  template <typename Vector>
  void Rank(const zvec::Collection& collection, const char* field, Vector vector, const char* filter) {
    zvec::VectorQuery query;
    query.field = field;
    query.vector = std::move(vector);
    query.filter = filter;
    const auto hits = collection.Query(query);
    if (!Good(hits.status())) return;
    for (const auto& hit : hits->hits) text += hit.doc.id + std::to_string(hit.score) + ";";
  }
};

class Pristine {
 public:
  Pristine() {
    zvec::CollectionSchema schema;
    schema.name = "fuzz";
    schema.fields = {
        {"n", zvec::DataType::kInt64, false, 0, {}},
        {"text", zvec::DataType::kString, true, 0, {}},
        {"v", zvec::DataType::kVectorFp32, false, 4, zvec::IndexParams::Hnsw(zvec::MetricType::kL2)},
        {"s", zvec::DataType::kSparseVectorFp32, false, 0, zvec::IndexParams::Hnsw(zvec::MetricType::kIp)}};
    auto collection = zvec::Collection::Create(kPath, schema, Options(disk_)).value();
    const auto put = [&](int first, int last) {
      std::vector<zvec::Doc> docs;
      for (int i = first; i < last; ++i) docs.push_back(Document(i));
      Must(collection->Upsert(docs).status());
    };
    put(0, 40);
    Must(collection->Optimize());
    Must(collection->Delete(std::vector<std::string>{"id 3", "id 30"}).status());
    put(40, 60);
    Must(collection->Flush());
    Must(collection->SetMark("mark"));
    put(60, 64);
    const Answers answers(*collection);
    Must(answers.error);
    text_ = answers.text;
    Must(collection->Close());
    for (const auto& entry : disk_.List(kPath).value()) {
      const std::string path = cocozvec::JoinPath(kPath, entry.name);
      File file{entry.name, cocozvec::ReadFile(disk_, path, 1 << 24).value()};
      const bool segment = entry.name.starts_with("segment-");
      if (segment || entry.name.starts_with("index-")) file.blocks = BlocksOf(file.bytes, segment);
      if (entry.name.starts_with("log-")) file.blocks = RecordsOf(file.bytes);
      files_.push_back(std::move(file));
    }
    std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.name < b.name; });
    for (const File& file : files_) {  // what is understood here is what is written there
      std::string again = file.bytes;
      if (file.name != "LOCK" && file.name != "MARK") Seal(file, again);
      if (again != file.bytes) Fail("checksums are made otherwise than written", file.name);
    }
  }

  void Run(std::uint8_t which, std::uint8_t mode, const std::uint8_t* patches, std::size_t count) const {
    const File& file = files_[which % files_.size()];
    std::string bytes = file.bytes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = (patches[3 * i] | patches[3 * i + 1] << 8) % bytes.size();
      bytes[at] = static_cast<char>(patches[3 * i + 2]);
    }
    const auto disk = disk_.ProcessKill();
    const bool sealed = (mode & 1) != 0;
    if (sealed && file.name != "LOCK" && file.name != "MARK") {
      Seal(file, bytes);
      NameAnew(*disk, file, bytes);
    }
    Write(*disk, file.name, bytes);
    Use(*disk, mode, !sealed || bytes == file.bytes);
  }

 private:
  static void Write(SimDisk& disk, const std::string& name, const std::string& bytes) {
    Must(cocozvec::WriteFileAtomically(disk, cocozvec::JoinPath(kPath, name), bytes));
  }

  // The manifest names a file by the checksum of its header.
  void NameAnew(SimDisk& disk, const File& file, const std::string& bytes) const {
    for (const File& manifest : files_) {
      const std::size_t at = manifest.bytes.find(file.bytes.substr(56, 8), kHeader);
      if (!manifest.name.starts_with("MANIFEST-") || at == std::string::npos) continue;
      std::string other = manifest.bytes;
      other.replace(at, 8, bytes, 56, 8);
      Seal(manifest, other);
      Write(disk, manifest.name, other);
    }
  }

  void Use(SimDisk& disk, std::uint8_t mode, bool pristine_or_error) const {
    auto options = Options(disk);
    options.enable_mmap = (mode & 2) == 0;
    options.read_only = (mode & 4) == 0;
    (void)zvec::Collection::ReadMark(kPath, options);
    auto opened = zvec::Collection::Open(kPath, options);
    if (!opened.ok()) return Expected(opened.status());
    const auto check = [&] {
      const Answers answers(**opened);
      if (!answers.error.ok()) {
        Expected(answers.error);
      } else if (pristine_or_error && answers.text != text_) {
        Fail("a patch changed an answer", answers.text);
      }
    };
    check();
    if (!options.read_only) {
      const Status status = (*opened)->Optimize();
      if (status.ok()) {
        check();
      } else {
        Expected(status);
      }
    }
    const Status closed = (*opened)->Close();
    if (!closed.ok()) Expected(closed);
  }

  static void Expected(const Status& status) {
    switch (status.code()) {
      case StatusCode::kDataLoss:
      case StatusCode::kUnimplemented:       // a newer format, under a checksum that is right
      case StatusCode::kInvalidArgument:     // a schema that is well formed and against the rules
      case StatusCode::kNotFound:            // of a field that the schema has no more
      case StatusCode::kFailedPrecondition:  // a handle that has refused a write
      case StatusCode::kResourceExhausted:   // a number over a limit
        return;
      default:
        Fail("an error of an unexpected kind", status.message());
    }
  }

  SimDisk disk_;
  std::vector<File> files_;
  std::string text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Pristine pristine;
  if (size >= 2) pristine.Run(data[0], data[1], data + 2, (size - 2) / 3);
  return 0;
}
