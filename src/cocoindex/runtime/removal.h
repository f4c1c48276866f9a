// cocoindex/runtime/removal.h: deletes a component that is no longer mounted, and all that lies below it.
//
// Own target states first, then children; its row goes last, when everything below is gone: as long as
// something is left, the path stays recorded, and the next commit of its parent (or a drop) tries again
// (cocoindex-engine.md 11.3). Threads: start() once; `done` is called on a thread of the pool.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "cocoindex/runtime/inflight.h"
#include "cocoindex/runtime/mount_tree.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

class Removal : public std::enable_shared_from_this<Removal> {
 public:
  /// `done` gets whether all of it is gone; what failed was reported to `run`.
  Removal(Run& run, InflightLimit::Holder* parent, Orphan orphan, std::function<void(bool)> done)
      : run_(run), orphan_(std::move(orphan)), parent_(parent), token_(parent), done_(std::move(done)) {}
  void start();

  /// Removes all, side by side, then calls `done`.
  static void all(Run& run, InflightLimit::Holder* parent, std::vector<Orphan> orphans,
                  std::function<void(bool)> done);

 private:
  void admitted();
  void own_states_gone(std::exception_ptr error, const std::string& collection);
  void remove_children();
  void children_gone(bool ok);
  void finish(std::exception_ptr error, const std::string& collection = {});
  bool has_states() const { return is_component() || layout::decode_node(orphan_.row).residue; }
  bool is_component() const { return orphan_.demoted || orphan_.kind == layout::Kind::component; }

  Run& run_;
  Orphan orphan_;
  InflightLimit::Holder* const parent_;
  InflightLimit::Holder token_;
  std::function<void(bool)> done_;
};

}  // namespace cocoindex::inline v0
