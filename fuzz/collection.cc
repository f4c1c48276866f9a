// fuzz/collection.cc: a small collection with a file of every kind, of which one file is patched, then used.
//   byte 0   which file (of those sorted by name); divided by their number, which filter is asked
//   byte 1   1: checksums made right again, those that name the file included, so that what is behind them is
//   reached
//            2: files are read, not mapped      4: opened to write, and optimized
//            8: verified and repaired before
//   then     patches, three bytes each: offset (16 bits), new value
// Without checksums made right, no patch may change an answer: it is the pristine one, or an error; and what
// a repair calls complete is. What Verify finds nothing in, opens and answers.
#include <algorithm>
#include <set>

#include "base/io/sim_disk.h"
#include "fuzz.h"
#include "seal.h"
#include "zvec/collection.h"
#include "zvec/upkeep.h"

namespace fuzz {
namespace {

using cocozvec::SimDisk;
using cocozvec::Status;
using cocozvec::StatusCode;

constexpr const char* kPath = "c";
constexpr const char* kRepaired = "repaired";

void Must(const Status& status) {
  if (!status.ok()) Fail("the pristine collection", status.message());
}

struct File {
  std::string name, bytes;
};

zvec::CollectionOptions Options(SimDisk& disk) {
  zvec::CollectionOptions options;
  options.file_system = &disk;
  options.index_min_rows = 1;
  options.maintenance = zvec::Maintenance::kManual;  // no threads
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

constexpr const char* kFilters[] = {"", "n > 12", "text = 'text 3'", "text is null"};

/// Every document and what is found under one of the filters, as text; or the first error.
class Answers {
 public:
  Answers(const zvec::Collection& collection, const char* filter) {
    auto docs = collection.Iterate();
    if (!Good(docs.status())) return;
    for (zvec::Doc doc; true;) {
      const auto more = (*docs)->Next(&doc);
      if (!Good(more.status()) || !*more) break;
      const std::size_t begin = text.size();
      text += doc.id + "=";
      for (const auto& field : doc.fields) Add(field.value);
      documents.insert(text.substr(begin));
    }
    Rank(collection, "v", std::vector<float>{12, 1, -12, 0}, filter);
    Rank(collection, "s", zvec::SparseVector{{7, 101}, {1, 1}}, filter);
    const auto fetched = collection.Fetch(std::vector<std::string>{"id 1", "id 17", "id 26", "none"});
    if (Good(fetched.status())) {
      for (const auto& doc : *fetched) text += doc.id + ";";
    }
  }
  Status error;
  std::string text;
  std::set<std::string> documents;

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
    query.topk = 4;  // fewer than there are: the graphs are walked
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
    put(0, 24);
    Must(collection->Optimize());
    Must(collection->Delete(std::vector<std::string>{"id 3", "id 17"}).status());
    put(24, 32);
    Must(collection->Flush());
    Must(collection->SetMark("mark"));
    put(32, 35);
    for (const char* filter : kFilters) {
      const Answers answers(*collection, filter);
      Must(answers.error);
      texts_.push_back(answers.text);
      documents_ = answers.documents;
    }
    Must(collection->Close());
    for (const auto& entry : disk_.List(kPath).value()) {
      const std::string path = cocozvec::JoinPath(kPath, entry.name);
      files_.push_back({entry.name, cocozvec::ReadFile(disk_, path, 1 << 24).value()});
    }
    std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.name < b.name; });
    for (const File& file : files_)
      if (file.name.starts_with("MANIFEST-")) collection_ = Get<std::uint64_t>(file.bytes, 16);
    for (const File& file : files_) {  // what is understood here is what is written there
      std::string again = file.bytes;
      Seal(file.name, again);
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
    if (sealed && file.name != "MARK") {
      Seal(file.name, bytes);
      if (file.name != "LOCK") NameAnew(*disk, file, bytes);
    }
    Write(*disk, file.name, bytes);
    const bool pristine_or_error = !sealed || bytes == file.bytes || file.name == "LOCK";
    const std::size_t asked = which / files_.size() % std::size(kFilters);
    const bool clean = (mode & 8) != 0 && Mend(*disk, mode, asked, pristine_or_error);
    Require(bytes != file.bytes || clean || (mode & 8) == 0, "Verify finds something in what is whole");
    Use(*disk, mode, asked, pristine_or_error, clean);
  }

 private:
  void Seal(const std::string& name, std::string& bytes) const {
    return name == "LOCK" ? SealLock(bytes, collection_) : SealFile(name, bytes);
  }

  static void Write(SimDisk& disk, const std::string& name, const std::string& bytes) {
    Must(cocozvec::WriteFileAtomically(disk, cocozvec::JoinPath(kPath, name), bytes));
  }

  // The manifest names a file by the checksum of its header.
  void NameAnew(SimDisk& disk, const File& file, const std::string& bytes) const {
    for (const File& manifest : files_) {
      const std::size_t at = manifest.bytes.find(file.bytes.substr(56, 8), kHeaderBytes);
      if (!manifest.name.starts_with("MANIFEST-") || at == std::string::npos) continue;
      std::string other = manifest.bytes;
      other.replace(at, 8, bytes, 56, 8);
      SealFile(manifest.name, other);
      Write(disk, manifest.name, other);
    }
  }

  static std::string Text(const std::vector<zvec::Finding>& findings) {
    std::string text;
    for (const auto& finding : findings)
      text += finding.file + " at " + std::to_string(finding.offset) + ": " + finding.what + "\n";
    return text;
  }

  /// Whether nothing was found.
  bool Mend(SimDisk& disk, std::uint8_t mode, std::size_t asked, bool pristine_or_error) const {
    auto options = Options(disk);
    options.enable_mmap = (mode & 2) == 0;
    const auto found = zvec::Verify(kPath, options);
    if (!found.ok()) Expected(found.status());
    const auto repaired = zvec::Repair(kPath, kRepaired, options);
    if (!repaired.ok()) {
      Expected(repaired.status());
      return false;
    }
    if (found.ok())
      Require(Text(found->findings) == Text(repaired->before.findings),
              "Repair finds another thing than Verify",
              Text(found->findings) + "against\n" + Text(repaired->before.findings));
    const auto again = zvec::Verify(kRepaired, options);
    Must(again.status());
    Require(again->clean(), "a repaired collection is damaged", Text(again->findings));
    options.read_only = true;
    const auto opened = zvec::Collection::Open(kRepaired, options);
    Must(opened.status());
    const Answers answers(**opened, kFilters[asked]);
    Must(answers.error);
    if (pristine_or_error && repaired->complete())
      Require(answers.documents == documents_, "a complete repair has other documents");
    return found.ok() && found->clean();
  }

  /// `clean`: Verify says so.
  void Use(SimDisk& disk, std::uint8_t mode, std::size_t asked, bool pristine_or_error, bool clean) const {
    auto options = Options(disk);
    options.enable_mmap = (mode & 2) == 0;
    options.read_only = (mode & 4) == 0;
    (void)zvec::Collection::ReadMark(kPath, options);
    auto opened = zvec::Collection::Open(kPath, options);
    if (!opened.ok()) {
      Require(!clean, "Verify finds nothing in what does not open", opened.status().message());
      return Expected(opened.status());
    }
    const auto check = [&] {
      const Answers answers(**opened, kFilters[asked]);
      if (!answers.error.ok()) {
        Require(!clean, "Verify finds nothing in what does not answer", answers.error.message());
        Expected(answers.error);
      } else if (pristine_or_error && answers.text != texts_[asked]) {
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
  std::uint64_t collection_ = 0;
  std::vector<std::string> texts_;  ///< with each of the filters
  std::set<std::string> documents_;
};

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (char mode = 0; mode < 16; ++mode) seeds.push_back({static_cast<char>(mode + 2), mode, 100, 0, 1});
  // Each file with a byte changed where its content is, verified and repaired.
  for (char which = 0; which < 12; ++which)
    for (const char place : {70, 100, 127}) seeds.push_back({which, 8, place, 1, 1});
  return seeds;
}

void Run(std::string_view input) {
  static const Pristine pristine;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(input.data());
  if (input.size() >= 2) pristine.Run(bytes[0], bytes[1], bytes + 2, (input.size() - 2) / 3);
}

void Vary(std::string& input, std::size_t most, Random& random) {
  VaryBytes(input, std::min<std::size_t>(most, 64), random);
  if (input.size() < 2) return;
  // What takes twenty times as long as the rest, for a share of the inputs.
  constexpr unsigned kOptimized = 4, kMended = 8;
  unsigned mode = static_cast<std::uint8_t>(input[1]) & ~(kOptimized | kMended);
  if (random() % 32 == 0) mode |= kOptimized;
  if (random() % 16 == 0) mode |= kMended;
  input[1] = static_cast<char>(mode);
}
void Seal(std::string&) {}  // the second byte asks for it

}  // namespace fuzz
