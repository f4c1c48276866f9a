// Documents: the decision table of connector.md 2.5, and one durable call for each batch.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cocoindex/connectors/zvec/row_writer.h"
#include "connectors/zvec/connection_impl.h"
#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace db = ::zvec;

namespace {

std::string_view view(const Fingerprint& fingerprint) noexcept {
  return {reinterpret_cast<const char*>(fingerprint.bytes.data()), fingerprint.bytes.size()};
}

/// Of encoded rows in one call to the database: bounds the memory of a batch, and a sync every so often costs
/// little.
constexpr std::size_t kPartBytes = 32u << 20;

class DocumentAction final : public TargetAction {
 public:
  DocumentAction(std::string id, std::shared_ptr<const EncodedRow> row)
      : id(std::move(id)), row(std::move(row)) {}
  std::string describe() const override { return (row != nullptr ? "upsert " : "delete ") + id; }

  const std::string id;
  const std::shared_ptr<const EncodedRow> row;  ///< null: delete
};

class DocumentSink final : public TargetSink {
 public:
  DocumentSink(std::shared_ptr<ManagedConnection::Impl> connection, std::string collection,
               std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by)
      : connection_(std::move(connection)), collection_(std::move(collection)), schema_(std::move(schema)) {
    if (managed_by == ManagedBy::system) database_schema_ = schema_->database_schema(collection_);
  }

  ApplyResult apply(const ContextProvider&, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint& store_id) override {
    // A row may move between components within one batch: the last word on an id counts.
    std::unordered_map<std::string_view, std::size_t> last;
    last.reserve(actions.size());
    for (std::size_t i = 0; i < actions.size(); ++i) last[at(actions, i).id] = i;
    std::size_t next = 0;
    const auto part = [&](ManagedConnection::Impl::Part& out) { return fill(out, actions, last, &next); };
    const db::CollectionSchema* schema = database_schema_ ? &*database_schema_ : nullptr;
    return {.mark = connection_->Write(collection_, schema, part, store_id)};
  }

 private:
  static const DocumentAction& at(std::span<const std::shared_ptr<TargetAction>> actions, std::size_t i) {
    return static_cast<const DocumentAction&>(*actions[i]);
  }

  /// The next part: upserts first, in the order declared, at most kPartBytes; deletes with the last of them.
  bool fill(ManagedConnection::Impl::Part& out, std::span<const std::shared_ptr<TargetAction>> actions,
            const std::unordered_map<std::string_view, std::size_t>& last, std::size_t* next) const {
    if (*next > actions.size()) return false;
    for (std::size_t bytes = 0; *next < actions.size(); ++*next) {
      const DocumentAction& action = at(actions, *next);
      if (action.row == nullptr || last.at(action.id) != *next) continue;
      if (bytes >= kPartBytes) return true;
      bytes += action.row->bytes().size() + action.id.size();
      out.upserts.push_back(decode_row(*schema_, action.id, action.row->bytes()));
    }
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const DocumentAction& action = at(actions, i);
      if (action.row == nullptr && last.at(action.id) == i) out.deletes.push_back(action.id);
    }
    ++*next;  // past the end: all is given
    return true;
  }

  const std::shared_ptr<ManagedConnection::Impl> connection_;
  const std::string collection_;
  const std::shared_ptr<const SchemaCore> schema_;
  std::optional<db::CollectionSchema> database_schema_;  ///< none: user-managed
};

}  // namespace

DocumentHandler::DocumentHandler(std::shared_ptr<ManagedConnection::Impl> connection, std::string collection,
                                 std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by)
    : sink_(std::make_shared<DocumentSink>(std::move(connection), std::move(collection), std::move(schema),
                                           managed_by)) {}

std::optional<ReconcileOutput> DocumentHandler::reconcile(const ReconcileInput& in) {
  ReconcileOutput out;
  out.sink = sink_;
  const auto* id = in.key.get_if<std::string>();
  if (id == nullptr) throw StateError("document key " + in.key.display() + " is no text");
  if (in.desired == nullptr) {
    if (in.previous.empty() && !in.previous_may_be_missing) return std::nullopt;
    out.action = std::make_shared<DocumentAction>(*id, nullptr);
    return out;
  }
  const auto& row = static_cast<const EncodedRow&>(*in.desired);
  const std::string_view record = view(row.fingerprint());
  const bool there =
      !in.previous.empty() && !in.previous_may_be_missing &&
      std::all_of(in.previous.begin(), in.previous.end(), [&](std::string_view p) { return p == record; });
  if (there) return std::nullopt;
  out.action = std::make_shared<DocumentAction>(*id, row.shared_from_this());
  out.record = std::string(record);
  return out;
}

}  // namespace cocoindex::inline v0::connectors::zvec
