// zvec/collection/write_call.h: from what a caller asks to what the log records. Calls that wait together are
// resolved one after the other, each seeing the effects of those before it, and later documents of a call see
// earlier ones. Threads: a WriteCall is filled by its caller and then belongs to whoever holds the write
// lock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "zvec/collection.h"
#include "zvec/collection/doc_codec.h"
#include "zvec/collection/version.h"

namespace zvec::inline v0 {

enum class WriteKind { kInsert, kUpsert, kUpdate };

struct WriteCall {
  WriteKind kind = WriteKind::kUpsert;
  std::vector<std::string_view> ids;     ///< of the documents
  std::vector<std::string> rows;         ///< insert, upsert: as `ids`
  std::vector<DocPatch> patches;         ///< update: as `ids`
  std::span<const std::string> deletes;  ///< after the documents

  bool done = false;
  Status status;
  WriteResult result;
};

/// Resolves calls against one version. A call that fails leaves no trace.
/// Threads: under the write lock.
class Resolver {
 public:
  Resolver(const Version& version, const CollectionSchema& schema, const RowLayout& layout)
      : version_(version), schema_(schema), layout_(layout) {}

  /// Fills call.result and returns the log record (with room for its header); nullopt when nothing changes.
  Result<std::optional<std::string>> Resolve(WriteCall& call);

 private:
  /// What is known of an id after the calls so far.
  struct Known {
    std::optional<Location> stored;    ///< its live row in the version
    const std::string* row = nullptr;  ///< its row as the calls left it, or as it was read
    bool live = false;
    std::uint64_t call = 0;  ///< the last call that touched it, and of that call:
    bool live_before = false;
    std::size_t put = SIZE_MAX;  ///< its place among the puts
  };
  struct Put {
    const std::string* row = nullptr;  ///< null: overtaken by a later one
  };

  Result<Known*> Learn(std::string_view id);
  void Touch(std::string_view id, Known& known);
  void Store(std::string_view id, Known& known, const std::string* row);
  bool Remove(std::string_view id, Known& known);
  Status Change(WriteCall& call, std::size_t i, Known& known);
  Status NotThere(std::string_view id) const;
  std::optional<std::string> Record() const;

  const Version& version_;
  const CollectionSchema& schema_;
  const RowLayout& layout_;
  std::unordered_map<std::string_view, Known> known_;
  std::deque<std::string> rows_;  ///< that no call owns
  std::uint64_t call_ = 0;
  std::vector<Put> puts_;                                     ///< of the current call
  std::vector<std::pair<std::string_view, Known*>> touched_;  ///< by the current call, in order
};

}  // namespace zvec::inline v0
