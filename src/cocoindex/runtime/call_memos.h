// cocoindex/runtime/call_memos.h: the memoised calls of one component.
//
// Rows that this run did not use are removed together with the intent: from then on the target states that
// only they covered may be gone, and an old row must not vouch for them after a crash. New rows come with the
// confirmation. Threads: all functions under the lock of the Build.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cocoindex/runtime/layout.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

class CallMemos {
 public:
  enum class Status { stored, running, hit, executed, failed };
  struct Entry {
    Status status = Status::stored;
    bool on_disk = false;
    bool rewritten = false;  ///< a hit whose states were refreshed
    std::string row;
  };

  CallMemos(layout::NodeId node, bool any_stored) : node_(node), loaded_(!any_stored) {}

  /// Reads the stored rows at the first use.
  void load(AppState& app);
  Entry* find(const Fingerprint& key);
  Entry& add(const Fingerprint& key) { return entries_[key]; }

  /// The entry and all that its call had called are kept, with what they declared.
  void protect(const Fingerprint& key);
  /// By a hit of this run.
  bool is_protected(std::string_view path) const { return protected_.contains(std::string(path)); }
  bool protects_anything() const noexcept { return !protected_.empty(); }

  bool has_stale_rows() const;  ///< rows to remove with the intent
  void remove_stale_rows(WriteTxn& txn) const;
  bool has_new_rows() const;
  void write_new_rows(WriteTxn& txn) const;
  bool any_left() const;

 private:
  static bool is_kept(const Entry& e) { return e.status == Status::hit || e.status == Status::executed; }

  const layout::NodeId node_;
  bool loaded_;
  std::unordered_map<Fingerprint, Entry, FingerprintHash> entries_;
  std::unordered_set<std::string> protected_;
};

/// Length-prefixed strings, one behind the other.
void append_string(std::string& list, std::string_view s);
std::vector<std::string> split_strings(std::string_view list);

}  // namespace cocoindex::inline v0
