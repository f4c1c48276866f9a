#include "cocoindex/runtime/mount_tree.h"

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

std::string Encoded(const StableKey& key) {
  std::string out;
  encode_key(key, out);
  return out;
}

std::optional<std::string> ReadRow(AppState& app, const std::string& key) {
  const auto txn = app.db->read();
  const auto row = txn->get(key);
  if (!row) return std::nullopt;
  return std::string(*row);
}

Orphan MakeOrphan(layout::NodeId parent, std::string_view key, std::string_view value,
                  const StablePath& path) {
  const layout::NodeRow row = layout::decode_node(value);
  std::string_view rest = key;
  return {{parent, std::string(key), row.id},
          row.kind,
          false,
          std::string(row.name),
          std::string(value),
          path / decode_key(rest)};
}

}  // namespace

MountTree::MountTree(layout::NodeId id, bool stored) : root_{id, stored, false, {}} {}
MountTree::~MountTree() = default;

MountTree::Mounted MountTree::mount(const StablePath& path, AppState& app, const StablePath& parent_path) {
  if (path.empty())
    throw InvalidRequest("component path " + parent_path.display() + " already exists: the subpath is empty");
  Mounted out;
  Directory* dir = &root_;
  for (std::size_t i = 0; i < path.keys().size(); ++i) {
    const bool last = i + 1 == path.keys().size();
    NodePlace place{dir->id, Encoded(path.keys()[i]), layout::kNoNode};
    auto it = dir->children.find(place.key);
    if (it != dir->children.end()) {
      if (last) throw InvalidRequest("component path " + (parent_path / path).display() + " already exists");
      if (it->second->component) {
        throw InvalidRequest("component path " + (parent_path / path).display() + ": /" +
                             path.keys()[i].display() + " is not a directory, it is mounted as a component");
      }
      place.id = it->second->directory.id;
      out.directories.push_back(std::move(place));
      dir = &it->second->directory;
      out.memo_above |= dir->has_memo;
      continue;
    }
    const auto row = dir->stored ? ReadRow(app, place.row_key()) : std::nullopt;
    const layout::NodeRow stored = row ? layout::decode_node(*row) : layout::NodeRow{.id = app.ids.next()};
    place.id = stored.id;
    auto node = std::make_unique<Node>();
    node->component = last;
    node->directory = {place.id, row.has_value(), !stored.memo.empty(), {}};
    Directory* next = &node->directory;
    dir->children.emplace(place.key, std::move(node));
    if (last) {
      if (row) out.row = *row;
      out.place = std::move(place);
    } else {
      out.directories.push_back(std::move(place));
      out.memo_above |= next->has_memo;
    }
    dir = next;
  }
  return out;
}

MountTree::Difference MountTree::compare(ReadTxn& txn, const StablePath& parent_path) const {
  Difference out;
  if (root_.stored) compare_directory(txn, root_, parent_path, out);
  return out;
}

void MountTree::compare_directory(ReadTxn& txn, const Directory& directory, const StablePath& path,
                                  Difference& out) {
  std::vector<std::pair<const Directory*, StablePath>> deeper;
  auto next = directory.children.begin();  // both in key order
  txn.scan(layout::node_prefix(directory.id), [&](std::string_view key, std::string_view value) {
    key.remove_prefix(9);
    while (next != directory.children.end() && next->first < key) ++next;
    if (next == directory.children.end() || next->first != key) {
      out.orphans.push_back(MakeOrphan(directory.id, key, value, path));
      return true;
    }
    if (next->second->component) return true;
    Orphan node = MakeOrphan(directory.id, key, value, path);
    layout::NodeRow row = layout::decode_node(value);
    if (row.kind == layout::Kind::component || row.residue) {
      // It was a component and is a directory now: what it had declared goes, what lies below belongs to us.
      row.kind = layout::Kind::directory;
      row.residue = true;
      row.memo = {};
      node.row = layout::encode_node(row);
      if (node.row != value) out.changed_rows.emplace(layout::node_key(directory.id, key), node.row);
      node.demoted = true;
      out.orphans.push_back(node);
    }
    deeper.emplace_back(&next->second->directory, node.path);
    return true;
  });
  for (const auto& [d, p] : deeper) compare_directory(txn, *d, p, out);
}

std::vector<Orphan> children_of(ReadTxn& txn, layout::NodeId node, const StablePath& path) {
  std::vector<Orphan> out;
  txn.scan(layout::node_prefix(node), [&](std::string_view key, std::string_view value) {
    key.remove_prefix(9);
    out.push_back(MakeOrphan(node, key, value, path));
    return true;
  });
  return out;
}

}  // namespace cocoindex::inline v0
