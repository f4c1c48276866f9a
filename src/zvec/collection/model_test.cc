// Random operations beside a std::map, with reopening, killing and optimizing mixed in: both always hold the
// same.
#include <gtest/gtest.h>

#include <random>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::PowerCutKind;
using cocozvec::SimDisk;

class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : random_(seed), disk_(std::make_unique<SimDisk>()) {
    options_.file_system = disk_.get();
    options_.seal_bytes = 1000 + Pick(8000);
    options_.enable_mmap = Pick(2) == 0;
    options_.durability = Pick(3) == 0 ? Durability::kRelaxed : Durability::kDurable;
    ids_ = 5 + Pick(60);
    collection_ = Collection::Create("c", NoteSchema(), options_).value();
  }

  void Run(int operations) {
    for (int i = 0; i < operations && !::testing::Test::HasFatalFailure(); ++i) {
      Operate(Pick(100));
      if (i % 50 == 0) Compare();
    }
    Compare();
  }

  std::size_t compared() const { return compared_; }
  std::size_t seals() const { return seals_; }

 private:
  std::size_t Pick(std::size_t below) { return random_() % below; }
  std::string Id() { return "id" + std::to_string(Pick(ids_)); }
  Doc RandomNote() { return Note(Id(), std::string(Pick(80), 'x'), static_cast<std::int64_t>(Pick(50)) - 5); }

  void Operate(std::size_t what) {
    if (what < 30) return Upsert();
    if (what < 45) return Insert();
    if (what < 60) return Update();
    if (what < 75) return Delete();
    if (what < 80) return DeleteByFilter();
    if (what < 88) return Fetch();
    if (what < 92) return Query();
    if (what < 94) return (void)collection_->Flush();
    if (what < 96) return Reopen();
    if (what < 98) return Kill();
    ASSERT_TRUE(collection_->Optimize().ok());
  }

  std::vector<Doc> Notes() {
    std::vector<Doc> docs;
    for (std::size_t n = 1 + Pick(6); n-- > 0;) docs.push_back(RandomNote());
    return docs;
  }
  void Upsert() {
    const auto docs = Notes();
    ASSERT_EQ(collection_->Upsert(docs).value().applied, docs.size());
    for (const Doc& doc : docs) model_[doc.id] = doc;
  }
  void Insert() {
    const auto docs = Notes();
    const WriteResult result = collection_->Insert(docs).value();
    for (std::size_t i = 0; i < docs.size(); ++i)
      ASSERT_EQ(result.statuses[i].ok(), model_.emplace(docs[i].id, docs[i]).second);
  }
  void Update() {
    std::vector<Doc> patches;
    for (std::size_t n = 1 + Pick(4); n-- > 0;)
      patches.push_back(Doc(Id(), {{"size", static_cast<std::int64_t>(Pick(9))}}));
    const WriteResult result = collection_->Update(patches).value();
    for (std::size_t i = 0; i < patches.size(); ++i) {
      const auto it = model_.find(patches[i].id);
      ASSERT_EQ(result.statuses[i].ok(), it != model_.end());
      if (it != model_.end()) SetSize(it->second, *patches[i].Get<std::int64_t>("size"));
    }
  }
  /// Fields come back in the order of the schema.
  static void SetSize(Doc& doc, std::int64_t size) {
    if (doc.Find("size") == nullptr) doc.fields.insert(doc.fields.begin() + 1, {"size", size});
    doc.Set("size", size);
  }
  void Delete() {
    std::vector<std::string> ids;
    for (std::size_t n = 1 + Pick(5); n-- > 0;) ids.push_back(Id());
    const WriteResult result = collection_->Delete(ids).value();
    for (std::size_t i = 0; i < ids.size(); ++i)
      ASSERT_EQ(result.statuses[i].ok(), model_.erase(ids[i]) == 1);
  }
  void DeleteByFilter() {
    const auto size = static_cast<std::int64_t>(Pick(60));
    const auto deleted = collection_->DeleteByFilter("size > " + std::to_string(size)).value();
    ASSERT_EQ(deleted, std::erase_if(model_, [&](const auto& entry) {
                const auto* value = entry.second.template Get<std::int64_t>("size");
                return value != nullptr && *value > size;
              }));
  }
  void Fetch() {
    const std::vector<std::string> ids = {Id(), Id(), "never"};
    std::vector<Doc> expected;
    for (const std::string& id : {ids[0], ids[1]})
      if (model_.contains(id) && (expected.empty() || expected[0].id != id)) expected.push_back(model_[id]);
    ASSERT_EQ(collection_->Fetch(ids).value(), expected);
  }
  /// The nearest by l2, with a filter; equal distances in any order.
  void Query() {
    VectorQuery query;
    query.field = "v";
    query.vector = std::vector<float>{static_cast<float>(Pick(80)), static_cast<float>(Pick(40)), 1};
    query.topk = static_cast<std::uint32_t>(1 + Pick(5));
    query.filter = "size >= 3";
    const auto& q = std::get<std::vector<float>>(query.vector);
    std::vector<float> expected;
    for (const auto& [id, doc] : model_) {
      const auto* size = doc.Get<std::int64_t>("size");
      const auto& v = *doc.Get<std::vector<float>>("v");
      if (size && *size >= 3)
        expected.push_back((v[0] - q[0]) * (v[0] - q[0]) + (v[1] - q[1]) * (v[1] - q[1]));
    }
    std::sort(expected.begin(), expected.end());
    expected.resize(std::min<std::size_t>(expected.size(), query.topk));
    std::vector<float> scores;
    for (const Hit& hit : collection_->Query(query).value().hits) scores.push_back(hit.score);
    ASSERT_EQ(scores, expected);
  }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_ = Collection::Open("c", options_).value();
  }
  /// The process dies: the disk as it was, nothing closed.
  void Kill() {
    auto disk = disk_->PowerCut(PowerCutKind::kKeepEverything);
    collection_.reset();
    disk_ = std::move(disk);
    options_.file_system = disk_.get();
    collection_ = Collection::Open("c", options_).value();
  }
  void Compare() {
    std::map<std::string, Doc> docs;
    for (Doc& doc : AllDocs(*collection_)) docs[doc.id] = doc;
    ASSERT_EQ(docs.size(), collection_->Stats().doc_count);
    ASSERT_EQ(docs, model_);
    compared_ += docs.size();
    seals_ += collection_->Stats().sealed_segments;
  }

  std::mt19937_64 random_;
  std::unique_ptr<SimDisk> disk_;
  CollectionOptions options_;
  std::size_t ids_ = 0;
  std::shared_ptr<Collection> collection_;
  std::map<std::string, Doc> model_;
  std::size_t compared_ = 0, seals_ = 0;
};

TEST(Model, RandomOperationsEqualAMap) {
  std::size_t compared = 0, seals = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelRun run(seed);
    run.Run(500);
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
    compared += run.compared();
    seals += run.seals();
  }
  EXPECT_GT(compared, 5'000u);  // the runs did hold documents, in memory and in segments
  EXPECT_GT(seals, 300u);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
