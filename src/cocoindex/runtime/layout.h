// cocoindex/runtime/layout.h: the rows that the runtime keeps in an app's database. docs/format/state.md,
// "Key space". Threads: pure functions over bytes. Decoding throws StateError naming the kind of row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/fingerprint.h"
#include "cocoindex/key.h"
#include "cocoindex/runtime/deps.h"
#include "cocoindex/target/provider.h"

namespace cocoindex::inline v0::layout {

/// Components and directories have numbers, so that keys stay short whatever the path.
using NodeId = std::uint64_t;
inline constexpr NodeId kNoNode = 0;
inline constexpr NodeId kRootNode = 1;

enum class Kind : std::uint8_t { directory = 0, component = 1 };

/// 0x10 | parent | key: a child of a component or of a directory.
struct NodeRow {
  NodeId id = kNoNode;
  Kind kind = Kind::directory;
  bool tracked = false;         ///< has committed at least once
  bool residue = false;         ///< a directory that was a component and still has that one's items
  bool has_call_memos = false;  ///< there are 0x30 rows
  std::string_view name = {};   ///< of the function
  std::string_view memo = {};   ///< MemoRow of the component, or empty
  bool operator==(const NodeRow&) const = default;
};
std::string encode_node(const NodeRow& row);
NodeRow decode_node(std::string_view value);

/// What may be skipped, and under which conditions. Views point into the row.
struct MemoRow {
  Fingerprint key{};
  std::string_view deps;     ///< 33 bytes each
  std::string_view states;   ///< of memo-state functions, as the processor encoded them
  std::string_view targets;  ///< call memos: length-prefixed paths of what was declared
  std::string_view nested;   ///< call memos: 16 bytes each, of the memos that it called
  bool has_result = false;
  std::string_view result;
  bool operator==(const MemoRow&) const = default;
};
std::string encode_memo(const MemoRow& row);
MemoRow decode_memo(std::string_view value);

/// 0x40 | component | target path | provider id: what may be true now of one target state.
struct ItemRow {
  std::vector<std::optional<std::string_view>> states;  ///< oldest first; nullopt: deleted
  std::uint64_t schema = 0;                             ///< of the provider, when it was written
  std::optional<Generation> child;                      ///< containers
  std::string_view key;                                 ///< encoded
  bool operator==(const ItemRow&) const = default;
  bool may_be_deleted() const;
  std::vector<std::string_view> records() const;
};
std::string encode_item(const ItemRow& row);
ItemRow decode_item(std::string_view value);

std::string node_key(NodeId parent, std::string_view encoded_key);
std::string node_prefix(NodeId parent);
std::string_view all_nodes_prefix();
std::string call_memo_key(NodeId component, const Fingerprint& fp);
std::string call_memo_prefix(NodeId component);
std::string item_key(NodeId component, std::string_view path, std::uint64_t provider_id);
std::string item_prefix(NodeId component);
std::string_view all_items_prefix();
struct ItemKey {
  std::string_view path;
  std::uint64_t provider_id;
  std::string_view provider_path() const { return path.substr(0, path.size() - 16); }
  std::string_view key_fp() const { return path.substr(path.size() - 16); }
};
ItemKey parse_item_key(std::string_view key);
std::string owner_key(std::string_view path);  ///< value: encode_id(component)
std::string mark_key(std::string_view container_path);
/// Others took target states from the component: its memos vouch for them no more. Value: kMovesKey's then.
std::string robbed_key(NodeId component);
std::string_view robbed_prefix();
NodeId robbed_component(std::string_view key);
/// Of a node's row.
NodeId parent_of(std::string_view node_key);
std::string encode_id(std::uint64_t id);
std::uint64_t decode_id(std::string_view value);

inline constexpr std::string_view kFormatKey =
    "\x01"
    "format";
inline constexpr std::string_view kFormat = "cocoindex runtime 1";
inline constexpr std::string_view kNextIdKey =
    "\x01"
    "next id";  ///< every id below is taken
inline constexpr std::string_view kMovesKey =
    "\x01"
    "ownership moves";  ///< raised when an item changes its component

}  // namespace cocoindex::inline v0::layout
