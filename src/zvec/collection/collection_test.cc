// The public operations, on a simulated disk and on a real one.
#include "zvec/collection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_docs::AllIds;
using testing_docs::AllTypesDoc;
using testing_docs::AllTypesSchema;
using testing_docs::Note;
using testing_docs::NoteSchema;
using testing_docs::Place;
using testing_docs::SimPlace;
using testing_docs::TempPlace;

std::vector<std::string> Ids(std::initializer_list<std::string> ids) { return ids; }

/// Every test runs on both back ends, with sealed segments mapped and read.
class CollectionTest : public ::testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  void SetUp() override {
    const auto [real, map] = GetParam();
    if (real)
      place_ = std::make_unique<TempPlace>();
    else
      place_ = std::make_unique<SimPlace>();
    options_ = place_->options();
    options_.enable_mmap = map;
  }
  void Create(const CollectionSchema& schema = NoteSchema()) {
    collection_ = Collection::Create(place_->path("c"), schema, options_).value();
  }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_ = Collection::Open(place_->path("c"), options_).value();
  }
  std::vector<Doc> Fetch(const std::vector<std::string>& ids, const FetchOptions& options = {}) {
    return collection_->Fetch(ids, options).value();
  }
  WriteResult Upsert(const std::vector<Doc>& docs) { return collection_->Upsert(docs).value(); }

  std::unique_ptr<Place> place_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
};

TEST_P(CollectionTest, EveryTypeComesBackAsItWasWritten) {
  Create(AllTypesSchema());
  const std::vector<Doc> docs = {AllTypesDoc("one", 1), AllTypesDoc("two", 2), AllTypesDoc("nulls", 0)};
  EXPECT_EQ(Upsert(docs).applied, 3u);
  EXPECT_EQ(Fetch(Ids({"one", "two", "nulls"})), docs);
  Reopen();
  EXPECT_EQ(Fetch(Ids({"one", "two", "nulls"})), docs);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  EXPECT_EQ(Fetch(Ids({"one", "two", "nulls"})), docs);
  Reopen();
  EXPECT_EQ(Fetch(Ids({"one", "two", "nulls"})), docs);
}

TEST_P(CollectionTest, InsertRefusesAnIdThatIsThere) {
  Create();
  const std::vector<Doc> docs = {Note("a", "first"), Note("a", "second"), Note("b", "third")};
  const WriteResult result = collection_->Insert(docs).value();
  EXPECT_EQ(result.applied, 2u);
  EXPECT_EQ(result.statuses[1].code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(result.statuses[1].message()), HasSubstr("\"a\""));
  EXPECT_EQ(Fetch(Ids({"a"}))[0], Note("a", "first"));
}

TEST_P(CollectionTest, UpsertKeepsTheLastOfACall) {
  Create();
  EXPECT_EQ(Upsert({Note("a", "first"), Note("b", "x"), Note("a", "last")}).applied, 3u);
  EXPECT_EQ(Fetch(Ids({"a"}))[0], Note("a", "last"));
  EXPECT_EQ(collection_->Stats().doc_count, 2u);
  EXPECT_EQ(collection_->Stats().deleted_count, 0u);
}

TEST_P(CollectionTest, UpdateMergesWhatIsGiven) {
  Create();
  Upsert({Note("a", "text", 7)});
  Doc size("a");
  size.Set("size", std::int64_t{8});
  Doc text("a");
  text.Set("text", std::string("new"));
  Doc gone("gone");
  const std::vector<Doc> docs = {size, text, gone};
  for (int i = 0; i < 2; ++i) {
    const WriteResult result = collection_->Update(docs).value();
    EXPECT_EQ(result.applied, 2u);
    EXPECT_EQ(result.statuses[2].code(), StatusCode::kNotFound);
    EXPECT_EQ(Fetch(Ids({"a"}))[0],
              Note("a", "text", 7).Set("size", std::int64_t{8}).Set("text", std::string("new")));
    ASSERT_TRUE(collection_->Optimize().ok());  // the second time the document is in a sealed segment
  }
}

TEST_P(CollectionTest, AnUpdateThatGivesNothingWritesNothing) {
  Create();
  Upsert({Note("a", "text", 7)});
  const auto before = place_->FileSizes();
  const WriteResult result = collection_->Update(std::vector{Doc("a"), Doc("b")}).value();
  EXPECT_TRUE(result.statuses[0].ok());
  EXPECT_EQ(result.statuses[1].code(), StatusCode::kNotFound);
  EXPECT_EQ(place_->FileSizes(), before);
}

TEST_P(CollectionTest, ALogOfDeletionsIsSealedToo) {
  options_.seal_bytes = 64 << 10;
  Create();
  std::vector<Doc> docs;
  std::vector<std::string> ids;
  for (int i = 0; i < 2500; ++i) {
    ids.push_back(std::string(500, 'i') + std::to_string(i));
    docs.push_back(Note(ids.back(), "x"));
  }
  Upsert(docs);
  ASSERT_EQ(collection_->Stats().sealed_segments, 1u);
  ASSERT_EQ(collection_->Delete(ids).value().applied, 2500u);
  EXPECT_EQ(collection_->Stats().sealed_segments, 0u);
  EXPECT_LT(collection_->Stats().disk_bytes, 1000u);
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 0u);
}

TEST_P(CollectionTest, DeletedDocumentsAreGoneAndMayComeBack) {
  Create();
  Upsert({Note("a", "1"), Note("b", "2"), Note("c", "3")});
  const WriteResult result = collection_->Delete(Ids({"b", "b", "nobody"})).value();
  EXPECT_EQ(result.applied, 1u);
  EXPECT_EQ(result.statuses[1].code(), StatusCode::kNotFound);
  EXPECT_THAT(AllIds(*collection_), ElementsAre("a", "c"));
  Reopen();
  EXPECT_THAT(AllIds(*collection_), ElementsAre("a", "c"));
  EXPECT_EQ(collection_->Insert(std::vector{Note("b", "again")}).value().applied, 1u);
  EXPECT_EQ(Fetch(Ids({"b"}))[0], Note("b", "again"));
}

TEST_P(CollectionTest, ApplyUpsertsThenDeletes) {
  Create();
  Upsert({Note("a", "1"), Note("b", "2")});
  const std::vector<Doc> docs = {Note("c", "3"), Note("d", "4")};
  const WriteResult result = collection_->Apply(docs, Ids({"a", "d", "x"})).value();
  EXPECT_EQ(result.applied, 4u);
  EXPECT_EQ(result.statuses.size(), 5u);
  Reopen();
  EXPECT_THAT(AllIds(*collection_), ElementsAre("b", "c"));
}

TEST_P(CollectionTest, OneBadDocumentLeavesNothingOfTheCall) {
  Create();
  Doc bad = Note("bad", "2");
  bad.Set("size", std::string("eight"));
  const auto result = collection_->Upsert(std::vector{Note("a", "1"), bad});
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  const std::string message(result.status().message());
  EXPECT_THAT(message, HasSubstr("\"notes\""));
  EXPECT_THAT(message, HasSubstr("\"bad\""));
  EXPECT_THAT(message, HasSubstr("\"size\""));
  EXPECT_THAT(message, HasSubstr("INT64"));
  EXPECT_THAT(AllIds(*collection_), IsEmpty());
}

TEST_P(CollectionTest, FieldsOutOfRuleAreRefused) {
  Create();
  const auto refused = [&](Doc doc) { return collection_->Upsert(std::vector{doc}).status(); };
  EXPECT_THAT(std::string(refused(Note("a", "1").Set("zz", std::int64_t{1})).message()), HasSubstr("\"zz\""));
  Doc twice = Note("a", "1");
  twice.fields.push_back(twice.fields[0]);
  EXPECT_THAT(std::string(refused(twice).message()), HasSubstr("twice"));
  EXPECT_THAT(std::string(refused(Note("a", "1").Set("v", std::vector<float>{1, 2})).message()),
              HasSubstr("3"));
  EXPECT_THAT(std::string(refused(Note("a", "1").Set("text", Value())).message()), HasSubstr("null"));
  EXPECT_EQ(refused(Note("", "1")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused(Note("a\nb", "1")).code(), StatusCode::kInvalidArgument);
}

TEST_P(CollectionTest, FetchReturnsTheFieldsThatAreAskedFor) {
  Create();
  Upsert({Note("a", "text", 7), Note("b", "text", 8)});
  const auto docs = Fetch(Ids({"b", "nobody", "a", "b"}),
                          {.output_fields = std::vector<std::string>{"size"}, .include_vectors = false});
  ASSERT_EQ(docs.size(), 2u);
  EXPECT_EQ(docs[0], Doc("b", {{"size", std::int64_t{8}}}));
  EXPECT_EQ(Fetch(Ids({"a"}), {.output_fields = std::vector<std::string>{}, .include_vectors = false})[0],
            Doc("a"));
  const auto unknown = collection_->Fetch(Ids({"a"}), {.output_fields = std::vector<std::string>{"zz"}});
  EXPECT_EQ(unknown.status().code(), StatusCode::kNotFound);
}

TEST_P(CollectionTest, FetchOfManyIdsKeepsTheirOrderOverAllSegments) {
  options_.seal_bytes = 50'000;  // some sealed segments of more than a chunk, the newest rows in memory
  Create();
  std::vector<Doc> docs;
  for (int i = 0; i < 3000; ++i) docs.push_back(Note("id" + std::to_string(i), std::string(i % 50, 'x'), i));
  for (int i = 0; i < 3000; i += 500) Upsert(std::vector<Doc>(docs.begin() + i, docs.begin() + i + 500));
  ASSERT_GT(collection_->Stats().sealed_segments, 1u);
  ASSERT_TRUE(collection_->Delete(Ids({"id7", "id2300"})).ok());
  for (int pass = 0; pass < 2; ++pass) {  // of the file's blocks, some are verified by the first pass
    std::vector<std::string> ids = {"nobody", "id2999", "id0"};
    std::vector<Doc> expected = {docs[2999], docs[0]};
    for (int i = 2995; i >= 0; i -= 5) {
      ids.push_back("id" + std::to_string(i));
      ids.push_back("none" + std::to_string(i));
      if (i != 2300 && i != 0) expected.push_back(docs[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(Fetch(ids), expected);
    Reopen();
  }
}

TEST_P(CollectionTest, AnIteratorKeepsItsMoment) {
  Create();
  Upsert({Note("a", "1"), Note("b", "2")});
  auto iterator = collection_->Iterate().value();
  Upsert({Note("a", "changed"), Note("c", "3")});
  ASSERT_TRUE(collection_->Delete(Ids({"b"})).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  Doc doc;
  ASSERT_TRUE(iterator->Next(&doc).value());
  EXPECT_EQ(doc, Note("a", "1"));
  ASSERT_TRUE(iterator->Next(&doc).value());
  EXPECT_EQ(doc, Note("b", "2"));
  EXPECT_FALSE(iterator->Next(&doc).value());
}

TEST_P(CollectionTest, SmallSealSizeMakesManySegmentsAndOptimizeOne) {
  options_.seal_bytes = 4096;
  options_.maintenance = Maintenance::kManual;  // which would merge them
  Create();
  for (int i = 0; i < 100; ++i) Upsert({Note("id" + std::to_string(i % 60), std::string(300, 'x'), i)});
  EXPECT_GT(collection_->Stats().sealed_segments, 3u);
  EXPECT_EQ(collection_->Stats().doc_count, 60u);
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 60u);
  EXPECT_EQ(Fetch(Ids({"id5"}))[0], Note("id5", std::string(300, 'x'), 65));
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  EXPECT_EQ(collection_->Stats().deleted_count, 0u);
  Reopen();
  EXPECT_EQ(AllIds(*collection_).size(), 60u);
}

TEST_P(CollectionTest, ACallLargerThanTheSealSizeWorks) {
  options_.seal_bytes = 1024;
  Create();
  std::vector<Doc> docs;
  for (int i = 0; i < 3000; ++i) docs.push_back(Note("id" + std::to_string(i), "text", i));
  EXPECT_EQ(Upsert(docs).applied, 3000u);
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 3000u);
  EXPECT_EQ(Fetch(Ids({"id2999"}))[0], docs[2999]);
}

TEST_P(CollectionTest, DeletionsInSealedSegmentsSurviveASeal) {
  options_.seal_bytes = 2000;
  Create();
  for (int i = 0; i < 20; ++i) Upsert({Note("id" + std::to_string(i), std::string(200, 'x'))});
  ASSERT_TRUE(collection_->Delete(Ids({"id0", "id1"})).ok());
  for (int i = 20; i < 40; ++i) Upsert({Note("id" + std::to_string(i), std::string(200, 'x'))});
  ASSERT_TRUE(collection_->Delete(Ids({"id2"})).ok());
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 37u);
  EXPECT_THAT(Fetch(Ids({"id0", "id1", "id2"})), IsEmpty());
}

TEST_P(CollectionTest, AnEmptyCollectionIsSmall) {
  Create();
  EXPECT_LT(collection_->Stats().disk_bytes, 32u << 10);
  EXPECT_GT(collection_->Stats().disk_bytes, 0u);
}

TEST_P(CollectionTest, NothingWorksAfterCloseButSchemaAndPath) {
  Create();
  Upsert({Note("a", "1")});
  ASSERT_TRUE(collection_->Close().ok());
  ASSERT_TRUE(collection_->Close().ok());
  EXPECT_EQ(collection_->Upsert(std::vector{Note("a", "1")}).status().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->Fetch(Ids({"a"})).status().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->Iterate().status().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->Scan({}).status().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->Flush().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->Optimize().code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->SetMark("m").code(), StatusCode::kClosed);
  EXPECT_EQ(collection_->schema(), NoteSchema());
}

TEST_P(CollectionTest, ReadOnlyReadsBesideTheWriterAndWritesNothing) {
  Create();
  Upsert({Note("a", "1")});
  CollectionOptions read_only = options_;
  read_only.read_only = true;
  const auto before = place_->FileSizes();
  auto reader = Collection::Open(place_->path("c"), read_only).value();
  EXPECT_EQ(AllIds(*reader), Ids({"a"}));
  EXPECT_EQ(reader->Upsert(std::vector{Note("b", "2")}).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(reader->Optimize().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(reader->SetMark("m").code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(reader->Flush().ok());
  ASSERT_TRUE(reader->Close().ok());
  EXPECT_EQ(place_->FileSizes(), before);
  EXPECT_EQ(Upsert({Note("b", "2")}).applied, 1u);
  ASSERT_TRUE(collection_->Optimize().ok());
  Upsert({Note("c", "3")});
  EXPECT_EQ(AllIds(*Collection::Open(place_->path("c"), read_only).value()), Ids({"a", "b", "c"}));
}

TEST_P(CollectionTest, AMarkTravelsWithTheDirectory) {
  Create();
  EXPECT_EQ(Collection::ReadMark(place_->path("c"), options_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(collection_->SetMark("generation 7").ok());
  ASSERT_TRUE(collection_->SetMark(std::string(Collection::kMaxMarkBytes, 'm')).ok());
  EXPECT_EQ(collection_->SetMark(std::string(Collection::kMaxMarkBytes + 1, 'm')).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Collection::ReadMark(place_->path("c"), options_).value(),
            std::string(Collection::kMaxMarkBytes, 'm'));
  Reopen();
  EXPECT_EQ(Collection::ReadMark(place_->path("c"), options_).value(),
            std::string(Collection::kMaxMarkBytes, 'm'));
  EXPECT_EQ(Collection::ReadMark(place_->path("d"), options_).status().code(), StatusCode::kNotFound);
}

TEST_P(CollectionTest, QueryFindsTheNearestWhereverTheyLie) {
  Create();
  Upsert(
      {Note("far", std::string(50, 'x'), 5), Note("near", std::string(11, 'x'), 5), Note("null", "x", -1)});
  ASSERT_TRUE(collection_->Optimize().ok());
  Upsert({Note("nearer", std::string(10, 'x'), 5), Note("small", std::string(10, 'x'), 1)});
  VectorQuery query{.field = "v", .vector = std::vector<float>{10, 5, 1}, .topk = 2, .filter = "size = 5"};
  const HitList found = collection_->Query(query).value();
  ASSERT_EQ(found.hits.size(), 2u);
  EXPECT_EQ(found.hits[0].doc, Doc("nearer", {{"text", std::string(10, 'x')}, {"size", std::int64_t{5}}}));
  EXPECT_EQ(found.hits[0].score, 0);
  EXPECT_EQ(found.hits[1].doc.id, "near");
  EXPECT_EQ(found.hits[1].score, 1);
  EXPECT_EQ(found.stats.segments, 2u);
  query.include_vectors = true;
  EXPECT_EQ(collection_->Query(query).value().hits[0].doc, Note("nearer", std::string(10, 'x'), 5));
  query.field = "nothing";
  EXPECT_EQ(collection_->Query(query).status().code(), StatusCode::kNotFound);
}

TEST_P(CollectionTest, ScanListsInStorageOrder) {
  Create();
  Upsert({Note("a", "1"), Note("b", "2"), Note("c", "3", 9)});
  Upsert({Note("a", "again")});
  std::vector<std::string> ids;
  for (const Hit& hit : collection_->Scan({}).value().hits) ids.push_back(hit.doc.id);
  EXPECT_THAT(ids, ElementsAre("b", "c", "a"));
  EXPECT_EQ(collection_->Scan({.limit = 1, .filter = "size > 1"}).value().hits[0].doc.id, "c");
  EXPECT_EQ(collection_->Scan({.filter = "size >"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_P(CollectionTest, DeleteByFilterRefusesABlankFilter) {
  Create();
  Upsert({Note("a", "1", 1), Note("b", "2", 2), Note("c", "3", 3)});
  for (const char* blank : {"", "  \t"})
    EXPECT_EQ(collection_->DeleteByFilter(blank).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(collection_->DeleteByFilter("size >= 2").value(), 2u);
  EXPECT_EQ(collection_->DeleteByFilter("size >= 2").value(), 0u);
  Reopen();
  EXPECT_THAT(AllIds(*collection_), ElementsAre("a"));
  EXPECT_EQ(collection_->Insert(std::vector{Note("b", "again")}).value().applied, 1u);
}

INSTANTIATE_TEST_SUITE_P(Disks, CollectionTest, ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "Posix" : "Sim") +
                                  (std::get<1>(info.param) ? "Mapped" : "Read");
                         });

}  // namespace
}  // namespace zvec::inline v0
