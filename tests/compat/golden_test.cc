// D12: collections that earlier formats wrote open, read and go on; a newer format is refused and left alone.
#include "golden.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"

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

TEST_P(Golden, HoldsAFileOfEveryKind) {
  for (const char* kind : {"LOCK", "MARK", "MANIFEST-", "log-", "segment-", "deletes-", "index-"}) {
    if (std::string_view(kind) == "index-" && GetParam() == "1")
      continue;  // the manifest's version 1 knew none
    bool found = false;
    for (const auto& [name, size] : place_.FileSizes()) found |= name.starts_with(kind);
    EXPECT_TRUE(found) << kind;
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
  EXPECT_EQ(Collection::ReadMark(path_).value(), kGoldenMark);
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
  for (const auto& [name, bytes] : before)
    if (const auto parsed = ParseName(name); parsed && parsed->kind == NameKind::kManifest)
      newest = std::max(newest, parsed->number);
  int refused = 0;
  for (const auto& [name, bytes] : before) {
    const auto parsed = ParseName(name);
    if (!parsed || parsed->kind == NameKind::kLock || parsed->kind == NameKind::kMark) continue;
    if (parsed->kind == NameKind::kManifest && parsed->number != newest) continue;
    const std::string magic = bytes.substr(0, 8);
    FileHeader header = DecodeFileHeader(magic, bytes, parsed->number, name, 1000).value();
    header.version = 1000;
    const std::string newer = EncodeFileHeader(magic, header) + bytes.substr(kFileHeaderBytes);
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
  EXPECT_GE(refused, 4);
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden, ::testing::ValuesIn(Versions()));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
