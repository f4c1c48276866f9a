// D12: collections that earlier formats wrote open, read and go on; a newer format is refused and left alone.
#include "golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "zvec/collection/testing/indexed_schema.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0::testing_docs {
namespace {

std::vector<std::string> Versions() {
  std::vector<std::string> versions;
  for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_FOLDER))
    versions.push_back(entry.path().filename().string());
  return versions;
}

/// A copy of a golden collection at "c".
class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  Golden() {
    std::filesystem::copy(std::string(GOLDEN_FOLDER) + "/" + GetParam(), path_,
                          std::filesystem::copy_options::recursive);
  }
  std::map<std::string, std::string> Bytes() {
    std::map<std::string, std::string> bytes;
    for (const auto& [name, size] : place_.FileSizes())
      bytes[name] = cocozvec::ReadFile(place_.fs(), path_ + "/" + name, size).value();
    return bytes;
  }
  static std::map<std::string, Doc> Docs(const Collection& collection) {
    std::map<std::string, Doc> docs;
    for (Doc& doc : AllDocs(collection)) docs[doc.id] = doc;
    return docs;
  }

  TempPlace place_;
  const std::string path_ = place_.path("c");
};

template <class T>
T At(const std::string& bytes, std::uint64_t at) {
  T value{};
  std::memcpy(&value, bytes.substr(at, sizeof(T)).data(), sizeof(T));
  return value;
}

TEST_P(Golden, HoldsAFileOfEveryKindThatItsFormatHas) {
  const auto files = Bytes();
  std::uint32_t manifest = 0;
  for (const auto& [name, bytes] : files)
    if (name.starts_with("MANIFEST-")) manifest = std::max(manifest, At<std::uint32_t>(bytes, 8));
  EXPECT_EQ(manifest, GetParam() == "relaxed" ? 1 : GetParam()[0] - '0');
  if (GetParam() == "relaxed") {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{"LOCK", UnsettledManifestName(), UnsettledLogName()}));
    return;
  }
  if (GetParam() == "3") {
    EXPECT_EQ(MissingKind(files), "");
  }
  for (const char* kind : {"LOCK", "MARK", "MANIFEST-", "log-", "segment-", "deletes-", "index-"}) {
    if (std::string_view(kind) == "index-" && manifest == 1) continue;  // that version knew none
    bool found = false;
    for (const auto& [name, bytes] : files) found |= name.starts_with(kind);
    EXPECT_TRUE(found) << kind;
  }
}

// docs/format/index.md: version 1 is read without a breadth and, as a time wrote it, with one.
TEST_P(Golden, AGraphHasABreadthOrIsOneOfTheFirst) {
  for (const auto& [name, bytes] : Bytes()) {
    if (!bytes.starts_with(kIndexMagic)) continue;
    const std::uint64_t about = At<std::uint64_t>(bytes, At<std::uint64_t>(bytes, 40) + 8);
    constexpr std::uint64_t kWithout = 32 + 21 + 4 * 4;  // of dimension 4
    EXPECT_EQ(about, GetParam() == "2-first-graphs" ? kWithout : kWithout + 4) << name;
  }
}

TEST_P(Golden, IsReadWithoutAWrite) {
  const auto before = Bytes();
  CollectionOptions options;
  options.read_only = true;
  for (const bool map : {true, false}) {
    options.enable_mmap = map;
    EXPECT_EQ(Docs(*Collection::Open(path_, options).value()), GoldenDocs());
  }
  const auto mark = Collection::ReadMark(path_);
  if (GetParam() == "relaxed") {
    EXPECT_EQ(mark.status().code(), StatusCode::kNotFound);  // one would have made all of it durable
  } else {
    EXPECT_EQ(mark.value(), kGoldenMark);
  }
  EXPECT_EQ(Bytes(), before);
}

TEST_P(Golden, EveryVectorFieldAnswersAsAnExactScanDoes) {
  CollectionOptions options;
  options.read_only = true;
  const auto collection = Collection::Open(path_, options).value();
  const Doc wanted = AllTypesDoc("document 11", 11);
  int searched = 0;
  for (const FieldSchema& field : collection->schema().fields) {
    VectorQuery query;
    query.field = field.name;
    if (const auto* floats = wanted.Get<std::vector<float>>(field.name); floats && IsDenseVector(field.type))
      query.vector = *floats;
    else if (const auto* halves = wanted.Get<std::vector<Half>>(field.name))
      query.vector = *halves;
    else if (const auto* bytes = wanted.Get<std::vector<std::int8_t>>(field.name))
      query.vector = *bytes;
    else if (const auto* sparse = wanted.Get<SparseVector>(field.name))
      query.vector = *sparse;
    else
      continue;
    ++searched;
    query.topk = 5;
    const HitList found = collection->Query(query).value();
    if (GetParam() == "3" || (GetParam().starts_with("2") && IsDenseVector(field.type))) {
      EXPECT_NE(found.stats.strategy.find(IsDenseVector(field.type) ? "graph" : "lists"), std::string::npos)
          << field.name << ": " << found.stats.strategy;
    }
    query.exact = true;
    const HitList exact = collection->Query(query).value();
    ASSERT_EQ(found.hits.size(), 5u) << field.name;
    if (IsDenseVector(field.type)) {
      EXPECT_EQ(found.hits[0].doc.id, "document 11") << field.name;
    }
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_EQ(found.hits[i].score, exact.hits[i].score) << field.name << " " << i;
  }
  EXPECT_GE(searched, 4);
}

TEST_P(Golden, GoesOn) {
  auto expected = GoldenDocs();
  auto collection = Collection::Open(path_).value();
  ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("new", 7)}).ok());
  ASSERT_TRUE(collection->Delete(std::vector<std::string>{"document 1", "document 21"}).ok());
  ASSERT_TRUE(collection->Optimize().ok());
  ASSERT_TRUE(collection->Close().ok());
  expected["new"] = AllTypesDoc("new", 7);
  expected.erase("document 1");
  expected.erase("document 21");
  EXPECT_EQ(Docs(*Collection::Open(path_).value()), expected);
}

TEST_P(Golden, ANewerFormatOfAnyFileIsRefusedAndLeftAlone) {
  const auto before = Bytes();
  std::uint64_t newest = 0;
  const auto parse = [](const std::string& name) {
    if (name == UnsettledManifestName()) return std::optional(ParsedName{NameKind::kManifest, 1});
    if (name == UnsettledLogName()) return std::optional(ParsedName{NameKind::kLog, 1});
    return ParseName(name);
  };
  for (const auto& [name, bytes] : before)
    if (const auto parsed = parse(name); parsed && parsed->kind == NameKind::kManifest)
      newest = std::max(newest, parsed->number);
  int refused = 0;
  for (const auto& [name, bytes] : before) {
    const auto parsed = parse(name);
    if (!parsed || parsed->kind == NameKind::kLock || parsed->kind == NameKind::kMark) continue;
    if (parsed->kind == NameKind::kManifest && parsed->number != newest) continue;
    const std::string magic = bytes.substr(0, 8);
    FileHeader header = DecodeFileHeader(magic, bytes, parsed->number, name, 1000).value();
    header.version = 1000;
    std::string newer = EncodeFileHeader(magic, header) + bytes.substr(kFileHeaderBytes);
    // Zeros of a format that we do not know are nothing that a power cut left out.
    if (name == UnsettledManifestName()) newer += std::string(2048, '\0');
    ASSERT_TRUE(cocozvec::WriteFileAtomically(place_.fs(), path_ + "/" + name, newer).ok());
    const auto as_changed = Bytes();
    const Status status = Collection::Open(path_).status();
    // What no manifest names is not looked at; the rest answers as what it is, not as damage.
    if (!status.ok()) {
      EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << name << ": " << status.ToString();
      EXPECT_NE(status.message().find("1000"), std::string::npos);
      auto after = Bytes();
      after["LOCK"] = as_changed.at("LOCK");
      EXPECT_EQ(after, as_changed) << name;
      ++refused;
    }
    ASSERT_TRUE(cocozvec::WriteFileAtomically(place_.fs(), path_ + "/" + name, bytes).ok());
  }
  EXPECT_GE(refused, GetParam() == "relaxed" ? 2 : 4);
}

// The codes of such a graph say nothing by themselves: a query's code, made today, must go with them.
TEST(GoldenFineCodes, AreThoseOfTodayAndAnswerAndGoOn) {
  TempPlace place;
  const std::string path = place.path("c");
  std::filesystem::copy(FINE_FOLDER, path, std::filesystem::copy_options::recursive);
  std::uint64_t generation = 0;
  for (const auto& [name, size] : place.FileSizes())
    if (const auto parsed = ParseName(name); parsed && parsed->kind == NameKind::kManifest)
      generation = std::max(generation, parsed->number);
  const Manifest manifest = ReadManifest(place.fs(), path, generation).value();
  const SegmentEntry& segment = manifest.segments.at(0);
  const IndexEntry& entry = segment.indexes.at(0);
  const auto graph = hnsw::OpenGraph(place.fs(), path + "/" + IndexName(entry.number), entry,
                                     {manifest.collection, segment.file.number, 0}, MetricType::kL2,
                                     kGoldenFineDim, /*map=*/false, /*resident=*/false)
                         .value();
  const hnsw::GraphView view = graph->Current().view;
  ASSERT_EQ(view.encoder->kind(), hnsw::CodeKind::kBits4Fine);
  ASSERT_EQ(view.nodes, static_cast<std::uint32_t>(kGoldenFineDocs));
  std::vector<std::uint8_t> code(view.code_bytes());
  for (std::uint32_t row = 0; row < view.nodes; ++row) {
    const std::vector<std::int8_t> vector = GoldenFineVector(static_cast<int>(row));
    const std::vector<float> floats(vector.begin(), vector.end());
    view.encoder->EncodeRow(floats.data(), code.data());
    EXPECT_TRUE(std::equal(code.begin(), code.end(), view.codes + row * code.size())) << row;
  }
  auto collection = Collection::Open(path).value();
  const auto ask = [&](int i) {
    VectorQuery query;
    query.field = "v";
    query.vector = GoldenFineVector(i);
    query.topk = 3;
    return collection->Query(query).value();
  };
  for (int i = 0; i < kGoldenFineDocs; ++i) {
    const HitList found = ask(i);
    EXPECT_EQ(found.stats.strategy, "graph");
    EXPECT_EQ(found.hits.at(0).doc.id, "document " + std::to_string(i));
    EXPECT_EQ(found.hits.at(0).score, 0);
  }
  ASSERT_TRUE(collection->Upsert(std::vector{Doc("new", {{"v", GoldenFineVector(99)}})}).ok());
  ASSERT_TRUE(collection->Optimize().ok());
  EXPECT_EQ(ask(99).hits.at(0).doc.id, "new");
  EXPECT_EQ(ask(7).hits.at(0).doc.id, "document 7");
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden, ::testing::ValuesIn(Versions()));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
