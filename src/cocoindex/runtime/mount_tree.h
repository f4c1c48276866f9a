// cocoindex/runtime/mount_tree.h: what one run of a component has mounted, beside what is recorded below it.
// Threads: the owner's lock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cocoindex/runtime/layout.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

/// Where a node is: its row is node_key(parent, key).
struct NodePlace {
  layout::NodeId parent = layout::kNoNode;
  std::string key;  ///< encoded
  layout::NodeId id = layout::kNoNode;
  std::string row_key() const { return layout::node_key(parent, key); }
};

/// A node of which something is recorded although it was not mounted again.
struct Orphan {
  NodePlace place;
  layout::Kind kind;
  bool demoted = false;  ///< now a directory: only what it had declared as a component goes
  std::string name;
  std::string row;  ///< as recorded
  StablePath path;
};

class MountTree {
 public:
  /// `id`: of the component; `stored`: something may be recorded below it.
  MountTree(layout::NodeId id, bool stored);
  ~MountTree();

  struct Mounted {
    NodePlace place;
    std::string row;                     ///< as recorded; empty: new
    std::vector<NodePlace> directories;  ///< between the component and the child, outermost first
    bool memo_above = false;             ///< one of them is recorded as a component that has a memo
  };
  /// Throws InvalidRequest "already exists", "is not a directory".
  Mounted mount(const StablePath& path, AppState& app, const StablePath& parent_path);

  struct Difference {
    std::vector<Orphan> orphans;
    std::map<std::string, std::string> changed_rows;  ///< components that became directories
    bool empty() const { return orphans.empty() && changed_rows.empty(); }
  };
  /// What is recorded but was not mounted.
  Difference compare(ReadTxn& txn, const StablePath& parent_path) const;

 private:
  struct Node;
  struct Directory {
    layout::NodeId id;
    bool stored;
    bool has_memo;
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  };
  struct Node {
    bool component = false;
    Directory directory;
  };
  static void compare_directory(ReadTxn& txn, const Directory& directory, const StablePath& path,
                                Difference& out);

  Directory root_;
};

/// A child of a node, for removal.
std::vector<Orphan> children_of(ReadTxn& txn, layout::NodeId node, const StablePath& path);

}  // namespace cocoindex::inline v0
