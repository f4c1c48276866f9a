#include "cocoindex/runtime/layout.h"

#include <algorithm>

#include "base/coding.h"
#include "cocoindex/errors.h"

namespace cocoindex::inline v0::layout {
namespace {

using cocozvec::PutBytes;
using cocozvec::PutVarint;
using cocozvec::Reader;

constexpr char kNode = 0x10, kCallMemo = 0x30, kItem = 0x40, kOwner = 0x50, kMark = 0x60, kRobbed = 0x70;

void Check(const Reader& in, const char* what) {
  if (!in.done()) throw StateError(std::string("damaged state: a ") + what + " row cannot be read");
}

// Big-endian: ids that follow each other lie beside each other.
void PutId(std::string& out, std::uint64_t id) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(id >> shift));
}
std::uint64_t GetId(std::string_view in) {
  std::uint64_t id = 0;
  for (char c : in.substr(0, 8)) id = id << 8 | static_cast<unsigned char>(c);
  return id;
}
std::string Key(char kind, NodeId id, std::string_view rest = {}) {
  std::string out;
  out.reserve(9 + rest.size() + 8);
  out.push_back(kind);
  PutId(out, id);
  out += rest;
  return out;
}

}  // namespace

std::string encode_node(const NodeRow& row) {
  std::string out;
  out.push_back(static_cast<char>(static_cast<int>(row.kind) | row.tracked << 1 | row.residue << 2 |
                                  row.has_call_memos << 3));
  PutVarint(out, row.id);
  PutBytes(out, row.name);
  out += row.memo;
  return out;
}

NodeRow decode_node(std::string_view value) {
  Reader in(value);
  NodeRow row;
  const auto flags = in.Read<std::uint8_t>();
  if (flags > 15) in.Fail();
  row.kind = static_cast<Kind>(flags & 1);
  row.tracked = flags & 2;
  row.residue = flags & 4;
  row.has_call_memos = flags & 8;
  row.id = in.Varint();
  row.name = in.Bytes();
  row.memo = in.Raw(in.remaining());
  if (row.id == kNoNode) in.Fail();
  Check(in, "node");
  return row;
}

std::string encode_memo(const MemoRow& row) {
  std::string out;
  out += as_bytes(row.key);
  PutBytes(out, row.deps);
  PutBytes(out, row.states);
  PutBytes(out, row.targets);
  PutBytes(out, row.nested);
  out.push_back(row.has_result);
  out += row.result;
  return out;
}

MemoRow decode_memo(std::string_view value) {
  Reader in(value);
  MemoRow row;
  const std::string_view key = in.Raw(16);
  std::copy(key.begin(), key.end(), row.key.bytes.begin());
  row.deps = in.Bytes();
  row.states = in.Bytes();
  row.targets = in.Bytes();
  row.nested = in.Bytes();
  row.has_result = in.Read<std::uint8_t>() != 0;
  row.result = in.Raw(in.remaining());
  if (row.deps.size() % kDepSize != 0 || row.nested.size() % 16 != 0) in.Fail();
  Check(in, "memo");
  return row;
}

bool ItemRow::may_be_deleted() const {
  return std::any_of(states.begin(), states.end(), [](const auto& s) { return !s; });
}

std::vector<std::string_view> ItemRow::records() const {
  std::vector<std::string_view> out;
  for (const auto& s : states) {
    if (s) out.push_back(*s);
  }
  return out;
}

std::string encode_item(const ItemRow& row) {
  std::string out;
  PutVarint(out, row.states.size());
  for (const auto& s : row.states) {
    PutVarint(out, s ? s->size() + 1 : 0);
    if (s) out += *s;
  }
  PutVarint(out, row.schema);
  out.push_back(row.child.has_value());
  if (row.child) {
    PutVarint(out, row.child->id);
    PutVarint(out, row.child->schema);
  }
  out += row.key;
  return out;
}

ItemRow decode_item(std::string_view value) {
  Reader in(value);
  ItemRow row;
  const std::uint64_t count = in.Count(1);
  row.states.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t size = in.Varint();
    row.states.push_back(size == 0 ? std::nullopt : std::optional(in.Raw(size - 1)));
  }
  row.schema = in.Varint();
  if (in.Read<std::uint8_t>() != 0) {
    row.child.emplace();
    row.child->id = in.Varint();
    row.child->schema = in.Varint();
  }
  row.key = in.Raw(in.remaining());
  if (count == 0) in.Fail();
  Check(in, "target state");
  return row;
}

std::string node_key(NodeId parent, std::string_view encoded_key) { return Key(kNode, parent, encoded_key); }
std::string node_prefix(NodeId parent) { return Key(kNode, parent); }
std::string_view all_nodes_prefix() { return {&kNode, 1}; }
std::string call_memo_key(NodeId component, const Fingerprint& fp) {
  return Key(kCallMemo, component, as_bytes(fp));
}
std::string call_memo_prefix(NodeId component) { return Key(kCallMemo, component); }

std::string item_key(NodeId component, std::string_view path, std::uint64_t provider_id) {
  std::string out = Key(kItem, component, path);
  PutId(out, provider_id);
  return out;
}
std::string item_prefix(NodeId component) { return Key(kItem, component); }
std::string_view all_items_prefix() { return {&kItem, 1}; }

ItemKey parse_item_key(std::string_view key) {
  if (key.size() < 9 + 32 + 8 || (key.size() - 17) % 16 != 0)
    throw StateError("damaged state: a target state's key");
  key.remove_prefix(9);
  return {key.substr(0, key.size() - 8), GetId(key.substr(key.size() - 8))};
}

std::string owner_key(std::string_view path) { return kOwner + std::string(path); }
std::string mark_key(std::string_view container_path) { return kMark + std::string(container_path); }

std::string robbed_key(NodeId component) { return Key(kRobbed, component); }
std::string_view robbed_prefix() { return {&kRobbed, 1}; }
NodeId robbed_component(std::string_view key) { return decode_id(key.substr(1)); }
NodeId parent_of(std::string_view node_key) { return decode_id(node_key.substr(1, 8)); }

std::string encode_id(std::uint64_t id) {
  std::string out;
  PutId(out, id);
  return out;
}
std::uint64_t decode_id(std::string_view value) {
  if (value.size() != 8)
    throw StateError("damaged state: a number of " + std::to_string(value.size()) + " bytes, not 8");
  return GetId(value);
}

}  // namespace cocoindex::inline v0::layout
