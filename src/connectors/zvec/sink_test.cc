// The sinks alone, over the real database: the same actions twice and in every order (reliability.md E10).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/io/recorder.h"
#include "base/io/sim_disk.h"
#include "cocoindex/connectors/zvec/row_writer.h"
#include "cocoindex/context.h"
#include "connectors/zvec/connection_impl.h"
#include "connectors/zvec/handlers.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
namespace db = ::zvec;
namespace fs = std::filesystem;
using coco::ManagedBy;

namespace {

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"db"};
const coco::StableKey kKey = coco::StableKey::Array{coco::StableKey("db"), coco::StableKey("docs")};
using Actions = std::vector<std::shared_ptr<coco::TargetAction>>;
using Rows = std::map<std::string, float>;

class Sink : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/connector_sink_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir_ = pattern;
    context_.provide(DB, std::make_shared<zc::ManagedConnection>(
                             zc::connect(dir_, {.durability = db::Durability::kRelaxed})));
  }
  void TearDown() override {
    context_.clear();
    fs::remove_all(dir_);
  }

  static std::shared_ptr<const zc::SchemaCore> Schema(std::uint32_t dimension) {
    return zc::SchemaCore::from_columns("id", {{.name = "v",
                                                .kind = zc::ColumnKind::dense,
                                                .type = zc::DataType::VECTOR_FP32,
                                                .dimension = dimension}});
  }
  zc::ManagedConnection& connection() { return context_.get(DB); }

  coco::ReconcileOutput Collection(std::optional<std::uint32_t> dimension, std::vector<std::string> previous,
                                   bool missing) {
    const std::vector<std::string_view> records(previous.begin(), previous.end());
    std::optional<zc::CollectionValue> value;
    if (dimension) value.emplace(Schema(*dimension), ManagedBy::system);
    return *handler_.reconcile({.key = kKey,
                                .desired = value ? &*value : nullptr,
                                .previous = records,
                                .previous_may_be_missing = missing,
                                .mark = coco::MarkState::unknown});
  }
  void Apply(const coco::ReconcileOutput& out) {
    const Actions actions{out.action};
    out.sink->apply(context_, actions, store_);
  }
  static std::string Record(std::uint32_t dimension) {
    return zc::collection_record(*Schema(dimension), ManagedBy::system);
  }
  std::string There() {
    if (!db::Collection::Exists(connection().collection_path("docs"))) return "nothing";
    const auto docs = connection().open_existing("docs");
    return std::to_string(docs->schema().Find("v")->dimension) + " with " +
           std::to_string(docs->Stats().doc_count);
  }

  coco::ReconcileOutput Document(zc::DocumentHandler& documents, const std::string& id,
                                 std::optional<float> value) {
    const auto schema = Schema(1);
    std::shared_ptr<const zc::EncodedRow> row;
    if (value) {
      zc::RowWriter writer(*schema, "docs");
      writer.id(id);
      writer.column(1);
      writer.dense(std::vector<float>{*value});
      row = writer.finish();
    }
    const coco::StableKey key(id);
    return *documents.reconcile(
        {.key = key, .desired = row.get(), .previous = {}, .previous_may_be_missing = true});
  }
  Rows Stored() {
    Rows rows;
    auto it = connection().open_existing("docs")->Iterate().value();
    for (db::Doc doc; it->Next(&doc).value();) rows[doc.id] = doc.Get<std::vector<float>>("v")->at(0);
    return rows;
  }

  fs::path dir_;
  coco::ContextProvider context_;
  zc::CollectionHandler handler_;
  const coco::Fingerprint store_{};
};

// Covers: E10, R98
TEST_F(Sink, EveryCollectionActionTwiceAndAfterEveryEarlierState) {
  const auto insert = Collection(1, {}, true);
  const auto upsert = Collection(1, {Record(1)}, true);
  const auto replace = Collection(2, {Record(1)}, false);
  const auto remove = Collection(std::nullopt, {Record(1)}, false);
  const auto keep = Collection(1, {Record(1)}, false);
  const auto states = {0, 1, 2};  // nothing; a collection of dimension 1; of dimension 2
  const auto make = [&](int state) {
    connection().destroy("docs");
    if (state > 0)
      connection().open_or_create("docs", Schema(static_cast<std::uint32_t>(state))->database_schema("docs"));
  };
  for (const int state : states) {
    for (int times = 1; times <= 2; ++times) {
      make(state);
      for (int i = 0; i < times; ++i) Apply(replace);
      EXPECT_EQ(There(), "2 with 0") << state;
      make(state);
      for (int i = 0; i < times; ++i) Apply(remove);
      EXPECT_EQ(There(), "nothing") << state;
      make(state);
      const std::string before = There();
      for (int i = 0; i < times; ++i) Apply(keep);
      EXPECT_EQ(There(), before) << state;
      if (state == 2) continue;  // insert and upsert never meet another schema of ours: that is a replacement
      for (const auto& action : {insert, upsert}) {
        make(state);
        for (int i = 0; i < times; ++i) Apply(action);
        EXPECT_EQ(There(), "1 with 0") << state;
      }
    }
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1);
}

// Covers: E10, R94
TEST_F(Sink, EveryDocumentActionTwiceAndAfterEveryEarlierState) {
  zc::DocumentHandler documents(connection().impl(), "docs", Schema(1), ManagedBy::system);
  const auto old = Document(documents, "x", 1.f), fresh = Document(documents, "x", 2.f),
             gone = Document(documents, "x", std::nullopt);
  const auto apply = [&](const Actions& actions) { fresh.sink->apply(context_, actions, store_); };
  for (int state = 0; state < 3; ++state) {
    for (int times = 1; times <= 2; ++times) {
      const auto prepare = [&] {
        apply({gone.action});
        if (state == 1) apply({old.action});
        if (state == 2) apply({fresh.action});
      };
      prepare();
      for (int i = 0; i < times; ++i) apply({fresh.action});
      EXPECT_EQ(Stored(), (Rows{{"x", 2.f}}));
      prepare();
      for (int i = 0; i < times; ++i) apply({gone.action});
      EXPECT_EQ(Stored(), Rows{});
    }
  }
}

/// Sizes of what is written to the log.
std::vector<std::uint64_t> LogWrites(const std::vector<cocozvec::IoEvent>& events) {
  std::vector<std::uint64_t> sizes;
  for (const auto& event : events) {
    if (event.operation == cocozvec::DiskOperation::kWrite && event.path.find("/log-") != std::string::npos)
      sizes.push_back(event.size);
  }
  return sizes;
}

/// Damages what a sealed collection has stored of vectors {value}.
void DamageVectors(cocozvec::SimDisk& disk, float value) {
  std::size_t damaged = 0;
  for (const auto& entry : disk.List("/data/docs").value()) {
    if (!entry.name.starts_with("segment-")) continue;
    const auto file = disk.Open("/data/docs/" + entry.name, cocozvec::OpenMode::kReadWrite).value();
    std::string bytes(file->Size().value(), '\0');
    ASSERT_EQ(file->ReadAt(0, std::as_writable_bytes(std::span(bytes))).value(), bytes.size());
    const std::string_view stored(reinterpret_cast<const char*>(&value), sizeof value);
    for (std::size_t at = 0; (at = bytes.find(stored, at)) != std::string::npos; ++at, ++damaged) {
      const std::byte wrong{0x55};
      ASSERT_TRUE(file->WriteAt(at, std::span(&wrong, 1)).ok());
    }
  }
  ASSERT_GT(damaged, 0u);
}

// A read of the stored document would meet the damage; a deletion would take room in the log.
// Covers: R17
TEST_F(Sink, WritingOverADocumentNeitherReadsNorDeletesItFirst) {
  cocozvec::SimDisk disk;
  cocozvec::Recorder recorder(disk);
  zc::ManagedConnection c = zc::connect("/data", {.file_system = &recorder});
  zc::DocumentHandler documents(c.impl(), "docs", Schema(1), ManagedBy::system);
  const auto apply = [&](const std::string& id, float value) {
    const auto out = Document(documents, id, value);
    out.sink->apply(context_, Actions{out.action}, store_);
  };
  const auto code = [&](const std::string& id) {
    return c.open_existing("docs")->Fetch(std::vector{id}).status().code();
  };
  apply("a", 12345.f);
  apply("b", 12345.f);
  ASSERT_TRUE(c.open_existing("docs")->Optimize().ok());
  c.close();
  DamageVectors(disk, 12345.f);
  ASSERT_EQ(code("a"), db::StatusCode::kDataLoss);

  recorder.Take();
  apply("c", 1.f);
  const auto of_a_new_one = LogWrites(recorder.Take());
  apply("b", 1.f);
  EXPECT_EQ(LogWrites(recorder.Take()), of_a_new_one);
  EXPECT_EQ(of_a_new_one.size(), 1u);
  EXPECT_EQ(code("b"), db::StatusCode::kOk);
  EXPECT_EQ(code("a"), db::StatusCode::kDataLoss);  // the damage is there still
}

// Guards: a row that moves between components within one batch must end as its last owner says.
// Covers: S23
TEST_F(Sink, WithinABatchTheLastWordOnAnIdCounts) {
  zc::DocumentHandler documents(connection().impl(), "docs", Schema(1), ManagedBy::system);
  const auto old = Document(documents, "x", 1.f), fresh = Document(documents, "x", 2.f),
             gone = Document(documents, "x", std::nullopt);
  const auto apply = [&](const Actions& actions) { fresh.sink->apply(context_, actions, store_); };
  apply({gone.action, fresh.action});
  EXPECT_EQ(Stored(), (Rows{{"x", 2.f}}));
  apply({fresh.action, gone.action});
  EXPECT_EQ(Stored(), Rows{});
  apply({fresh.action, old.action});
  EXPECT_EQ(Stored(), (Rows{{"x", 1.f}}));
  apply({gone.action, old.action, gone.action, fresh.action});
  EXPECT_EQ(Stored(), (Rows{{"x", 2.f}}));
}

}  // namespace
