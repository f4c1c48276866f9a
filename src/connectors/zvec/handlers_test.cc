// The two decision tables (connector.md 2.3 and 2.5), row by row; deciding touches no disk.
#include "connectors/zvec/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cocoindex/connectors/zvec/row_writer.h"
#include "cocoindex/context.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::ChildInvalidation, coco::ManagedBy, coco::MarkState;
using testing::HasSubstr;

namespace {

std::shared_ptr<const zc::SchemaCore> Schema(std::uint32_t dimension) {
  return zc::SchemaCore::from_columns("id", {{.name = "v",
                                              .kind = zc::ColumnKind::dense,
                                              .type = zc::DataType::VECTOR_FP32,
                                              .dimension = dimension}});
}
std::string Record(std::uint32_t dimension, ManagedBy managed_by = ManagedBy::system) {
  return zc::collection_record(*Schema(dimension), managed_by);
}
const coco::StableKey kKey = coco::StableKey::Array{coco::StableKey("db"), coco::StableKey("docs")};

struct Answer {
  std::string action = "nothing";
  bool record = false;
  ChildInvalidation children = ChildInvalidation::none;
};

Answer Ask(std::optional<ManagedBy> desired, std::vector<std::string> previous, bool may_be_missing,
           MarkState mark = MarkState::unknown) {
  zc::CollectionHandler handler;
  const std::vector<std::string_view> records(previous.begin(), previous.end());
  std::optional<zc::CollectionValue> value;
  if (desired) value.emplace(Schema(4), *desired);
  const auto out = handler.reconcile({.key = kKey,
                                      .desired = value ? &*value : nullptr,
                                      .previous = records,
                                      .previous_may_be_missing = may_be_missing,
                                      .mark = mark});
  if (!out) return {};
  std::string action = out->action->describe();
  return {action.substr(0, action.find(" collection")), out->record.has_value(), out->child_invalidation};
}

const std::string kSame = Record(4), kOther = Record(5), kUser = Record(4, ManagedBy::user);

TEST(CollectionTable, UserManagedIsNeverTouched) {
  for (const bool missing : {false, true}) {
    for (const auto& previous : std::vector<std::vector<std::string>>{{}, {kSame}, {kOther}, {kUser}}) {
      const Answer answer = Ask(ManagedBy::user, previous, missing);
      EXPECT_EQ(answer.action, "keep");
      EXPECT_TRUE(answer.record);
      EXPECT_EQ(answer.children, ChildInvalidation::none);
    }
  }
}

TEST(CollectionTable, Undeclared) {
  EXPECT_EQ(Ask(std::nullopt, {}, false).action, "nothing");
  EXPECT_EQ(Ask(std::nullopt, {kSame, kUser}, true).action, "keep");
  EXPECT_EQ(Ask(std::nullopt, {kSame, kOther}, true).action, "destroy");
  EXPECT_FALSE(Ask(std::nullopt, {kSame}, false).record);
}

TEST(CollectionTable, SystemManaged) {
  EXPECT_EQ(Ask(ManagedBy::system, {kOther}, false).action, "replace");
  EXPECT_EQ(Ask(ManagedBy::system, {kSame, kOther}, true).action, "replace");
  EXPECT_EQ(Ask(ManagedBy::system, {kOther}, false).children, ChildInvalidation::destructive);
  EXPECT_EQ(Ask(ManagedBy::system, {}, true).action, "create");
  EXPECT_EQ(Ask(ManagedBy::system, {kUser}, true).action, "create");
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, true).action, "open or create");
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, true).children, ChildInvalidation::none);
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, false).action, "keep");
  EXPECT_EQ(Ask(ManagedBy::system, {kUser}, false).action, "keep");
}

TEST(CollectionTable, LostAndRestoredDirectories) {
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, false, MarkState::current).action, "keep");
  // Guards: a damaged mark beside a whole collection left rows that were no longer declared in it for ever.
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, false, MarkState::missing).action, "replace");
  EXPECT_EQ(Ask(ManagedBy::system, {kSame}, false, MarkState::stale).action, "replace");
  EXPECT_EQ(Ask(ManagedBy::user, {kUser}, false, MarkState::stale).action, "keep");
  for (const MarkState mark : {MarkState::missing, MarkState::stale}) {
    EXPECT_EQ(Ask(ManagedBy::system, {kSame}, false, mark).children, ChildInvalidation::destructive);
    // Not ours to rebuild: its rows are written again, and those no longer declared are still deleted.
    EXPECT_EQ(Ask(ManagedBy::user, {kUser}, false, mark).children, ChildInvalidation::lossy);
    // The user's collection, taken over: never destroyed.
    EXPECT_EQ(Ask(ManagedBy::system, {kUser}, false, mark).action, "open or create");
  }
}

TEST(CollectionTable, UndeclaredCollectionHasNoChildren) {
  zc::CollectionHandler handler;
  const std::vector<std::string_view> records{kSame};
  const auto out = handler.reconcile(
      {.key = kKey, .desired = nullptr, .previous = records, .previous_may_be_missing = false});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->sink->child_handler(coco::ContextProvider(), *out->action), nullptr);
}

// R93, R98: a missing connection is found before anything is applied.
TEST(CollectionSink, ChildHandlerNeedsTheConnection) {
  zc::CollectionHandler handler;
  const zc::CollectionValue value(Schema(4), ManagedBy::system);
  const auto out =
      handler.reconcile({.key = kKey, .desired = &value, .previous = {}, .previous_may_be_missing = true});
  ASSERT_TRUE(out);
  try {
    out->sink->child_handler(coco::ContextProvider(), *out->action);
    FAIL() << "no error";
  } catch (const coco::ContextError& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("'docs'"), HasSubstr("db")));
  }
}

TEST(DocumentTable, EveryRow) {
  zc::DocumentHandler handler(nullptr, "docs", Schema(1), ManagedBy::system);
  const auto schema = Schema(1);
  zc::RowWriter writer(*schema, "docs");
  writer.id("a");
  writer.column(1);
  writer.dense(std::vector<float>{1});
  const auto row = writer.finish();
  const std::string same(reinterpret_cast<const char*>(row->fingerprint().bytes.data()), 16);
  const std::string other(16, 'x');
  const coco::StableKey key("a");
  const auto ask = [&](const coco::TargetValue* desired, std::vector<std::string_view> previous,
                       bool missing) {
    const auto out = handler.reconcile(
        {.key = key, .desired = desired, .previous = previous, .previous_may_be_missing = missing});
    if (!out) return std::string("nothing");
    EXPECT_EQ(out->record.has_value(), desired != nullptr);
    EXPECT_EQ(out->record.value_or(same), same);
    return out->action->describe();
  };
  EXPECT_EQ(ask(nullptr, {}, false), "nothing");
  EXPECT_EQ(ask(nullptr, {}, true), "delete a");
  EXPECT_EQ(ask(nullptr, {same}, false), "delete a");
  EXPECT_EQ(ask(row.get(), {same}, false), "nothing");
  EXPECT_EQ(ask(row.get(), {same, same}, false), "nothing");
  EXPECT_EQ(ask(row.get(), {same, other}, false), "upsert a");
  EXPECT_EQ(ask(row.get(), {}, false), "upsert a");
  EXPECT_EQ(ask(row.get(), {same}, true), "upsert a");
  EXPECT_TRUE(handler.tracks_fingerprint());
}

}  // namespace
