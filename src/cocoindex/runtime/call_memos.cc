#include "cocoindex/runtime/call_memos.h"

#include <algorithm>
#include <cstring>

#include "base/coding.h"
#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {

void append_string(std::string& list, std::string_view s) { cocozvec::PutBytes(list, s); }

std::vector<std::string> split_strings(std::string_view list) {
  cocozvec::Reader in(list);
  std::vector<std::string> out;
  while (in.remaining() > 0) out.emplace_back(in.Bytes());
  if (!in.ok()) throw StateError("damaged state: a list of texts cannot be read");
  return out;
}

void CallMemos::load(AppState& app) {
  if (loaded_) return;
  loaded_ = true;
  const auto txn = app.db->read();
  txn->scan(layout::call_memo_prefix(node_), [this](std::string_view key, std::string_view value) {
    Fingerprint fp;
    if (key.size() != 9 + 16) throw StateError("damaged state: the key of a memo");
    std::memcpy(fp.bytes.data(), key.data() + 9, 16);
    entries_[fp] = {Status::stored, true, false, std::string(value)};
    return true;
  });
}

CallMemos::Entry* CallMemos::find(const Fingerprint& key) {
  auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

void CallMemos::protect(const Fingerprint& key) {
  Entry* e = find(key);
  if (!e || e->status != Status::stored) return;
  e->status = Status::hit;
  const layout::MemoRow row = layout::decode_memo(e->row);
  for (std::string& path : split_strings(row.targets)) protected_.insert(std::move(path));
  for (std::string_view nested = row.nested; nested.size() >= 16; nested.remove_prefix(16)) {
    Fingerprint fp;
    std::memcpy(fp.bytes.data(), nested.data(), 16);
    protect(fp);
  }
}

bool CallMemos::has_stale_rows() const {
  return !loaded_ || std::any_of(entries_.begin(), entries_.end(), [](const auto& e) {
    return e.second.on_disk && e.second.status != Status::hit;
  });
}

void CallMemos::remove_stale_rows(WriteTxn& txn) const {
  if (!loaded_) {
    txn.del_prefix(layout::call_memo_prefix(node_));
    return;
  }
  for (const auto& [key, e] : entries_) {
    if (e.on_disk && e.status != Status::hit) txn.del(layout::call_memo_key(node_, key));
  }
}

bool CallMemos::has_new_rows() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const auto& e) {
    return e.second.status == Status::executed || (e.second.status == Status::hit && e.second.rewritten);
  });
}

void CallMemos::write_new_rows(WriteTxn& txn) const {
  for (const auto& [key, e] : entries_) {
    if (e.status == Status::executed || (e.status == Status::hit && e.rewritten)) {
      txn.put(layout::call_memo_key(node_, key), e.row);
    }
  }
}

bool CallMemos::any_left() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const auto& e) { return is_kept(e.second); });
}

}  // namespace cocoindex::inline v0
