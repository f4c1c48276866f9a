// What readers in other processes get of graphs that grow. Without it they would scan all rows since the last
// manifest that brought a graph. While somebody reads, the linker writes the graphs over the mutable segment
// into files again and again, and tells their number with the commits (storage/publication.h). No manifest
// names them and none is synced: they are of use as long as their writer lives, and a copy of what lies in
// memory. A reader that has come to a commit finds all rows of what is told with it. Where anything about
// them fails, rows are scanned.
#include <algorithm>
#include <chrono>
#include <utility>

#include "zvec/collection/graphs.h"
#include "zvec/collection/recovery.h"
#include "zvec/collection/rewrite.h"
#include "zvec/collection/tail_graphs.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

namespace {

/// Graphs are written anew when they have so many rows more, and this share.
constexpr std::uint32_t kLeastMore = 2'048, kShareMore = 8;
constexpr std::chrono::milliseconds kLookAgain{100};
/// A reader may be between two generations when it is looked for.
constexpr std::chrono::seconds kReadFor{1};

/// One that another process grows, as far as it had come.
class SharedGraph final : public hnsw::Graph {
 public:
  explicit SharedGraph(std::shared_ptr<const hnsw::Graph> file) : file_(std::move(file)) {}
  hnsw::GraphRef Current() const override { return file_->Current(); }
  bool growing() const noexcept override { return true; }
  Status Verify() const override { return file_->Verify(); }

 private:
  const std::shared_ptr<const hnsw::Graph> file_;
};

bool Serves(const hnsw::Graph* graph) { return graph != nullptr && graph->growing(); }

}  // namespace

bool Store::IsReadElsewhere() {
  MutexLock lock(read_mu_);
  const auto now = std::chrono::steady_clock::now();
  if (now >= look_again_) {
    look_again_ = now + kLookAgain;
    const std::uint64_t generation = Generation();
    // Of a newborn collection nobody knows under which name its manifest is just now.
    if (IsPinned(fs_, PathOf(ManifestName(generation))) ||
        (generation == kFirstGeneration && IsPinned(fs_, PathOf(UnsettledManifestName()))))
      read_until_ = now + kReadFor;
  }
  return now < read_until_;
}

std::size_t Store::GraphFields() const {
  return static_cast<std::size_t>(std::count_if(schema_->fields.begin(), schema_->fields.end(),
                                                [](const FieldSchema& field) { return WantsGraph(field); }));
}

void Store::ShareTail(const Version& version) {
  if (options_.maintenance != Maintenance::kBackground) return;
  const std::uint32_t linked = version.growing->linked(), shared = shared_rows_;
  if (linked == UINT32_MAX || linked < shared + std::max(kLeastMore, shared / kShareMore)) return;
  const auto graphs = version.growing->graphs();
  if (!graphs || !IsReadElsewhere()) return;
  std::uint64_t log = 0;
  {
    cocozvec::ReaderLock lock(state_mu_);
    log = manifest_->log_number;
  }
  const auto still = [&] {
    const auto now = Snapshot();
    if (!now || now->growing != version.growing) return false;
    shared_rows_ = linked;
    return true;
  };
  (void)Share(log, *graphs, still);
}

void Store::ShareHeritage(std::uint64_t segment, const Graphs& graphs) {
  if (options_.maintenance != Maintenance::kBackground || !IsReadElsewhere()) return;
  (void)Share(segment, graphs, [] { return true; });
}

Status Store::Share(std::uint64_t of, const Graphs& graphs, const std::function<bool()>& still) {
  std::uint64_t first = 0, collection = 0;
  {
    MutexLock lock(write_mu_);
    ZVEC_RETURN_IF_ERROR(CheckWritable());
    if (!still()) return {};
    for (std::size_t i = 0; i < GraphFields(); ++i) {
      const std::uint64_t number = TakeNumber();
      if (i == 0) first = number;
      in_work_.insert(IndexName(number));
    }
    cocozvec::ReaderLock state(state_mu_);
    collection = manifest_->collection;
  }
  Status status;
  std::uint64_t number = first;
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!WantsGraph(schema_->fields[f])) continue;
    const std::uint64_t mine = number++;
    if (!status.ok() || !Serves(graphs[f].get())) continue;
    const hnsw::GraphRef graph = graphs[f]->Current();
    if (graph.view.empty()) continue;
    const hnsw::GraphPlace place{collection, of, static_cast<std::uint32_t>(f)};
    status = hnsw::WriteGrowing(fs_, PathOf(IndexName(mine)), mine, place, graph.view).status();
  }
  MutexLock lock(write_mu_);
  if (status.ok()) status = CheckWritable();
  if (!status.ok() || !still()) {
    RemoveShared(first);
    return status;
  }
  const std::uint64_t before = std::exchange(shared_, first);
  PublishCommit(log_->position());
  if (before != 0) RemoveShared(before);
  return {};
}

void Store::RemoveShared(std::uint64_t first) {
  for (std::size_t i = 0; i < GraphFields(); ++i) {
    const std::string name = IndexName(first + i);
    in_work_.erase(name);
    (void)fs_.RemoveFile(PathOf(name));  // what stays is removed as a file that no manifest names
  }
}

// A reader's side.

void Store::TakeShared(std::uint64_t first) {
  follower_->graphs = first;  // one look at each
  std::uint64_t log = 0, collection = 0;
  {
    cocozvec::ReaderLock lock(state_mu_);
    log = manifest_->log_number;
    collection = manifest_->collection;
  }
  auto version = std::make_shared<Version>(*Snapshot());
  bool changed = false;
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    const FieldSchema& field = schema_->fields[f];
    if (!WantsGraph(field)) continue;
    const std::uint64_t number = first++;
    const std::string path = PathOf(IndexName(number));
    const auto note = hnsw::ReadGraphNote(fs_, path, number);
    if (!note.ok() || note->place.field != f || note->place.collection != collection) continue;
    const auto put = [&](const StoredView& view, const std::shared_ptr<const Graphs>& old) {
      std::shared_ptr<Graphs> graphs;
      if (note->entry.nodes > view.row_count()) return graphs;
      auto opened = hnsw::OpenGraph(fs_, path, note->entry, note->place, field.metric(), field.dimension,
                                    options_.enable_mmap, /*resident=*/false);
      if (!opened.ok()) return graphs;
      graphs = old ? std::make_shared<Graphs>(*old) : std::make_shared<Graphs>(schema_->fields.size());
      (*graphs)[f] = std::make_shared<const SharedGraph>(*std::move(opened));
      changed = true;
      return graphs;
    };
    if (note->place.segment == log) {
      if (auto graphs = put(*version->tail, version->tail->graphs())) {
        tail_->SetGraphs(std::move(graphs));
        version->tail = tail_->Publish(version->tail->dead());
      }
      continue;
    }
    for (auto& view : version->sealed) {
      if (view->segment()->file().number != note->place.segment) continue;
      if (view->Graph(f) != nullptr && !view->Graph(f)->growing()) continue;
      if (auto graphs = put(*view, view->graphs()))
        view = std::make_shared<SealedView>(*view, view->dead(), std::move(graphs));
    }
  }
  if (changed) Publish(std::move(version));
}

/// A seal takes a number for its segment and the next one for its log. When that segment has as many rows as
/// were ever in memory, they are the same in the same order.
void Store::Inherit(Store& next, const FileHeader& log) {
  const auto mine = Snapshot();
  if (!mine->tail->graphs() || follower_->spoilt || !follower_->log_file) return;
  std::shared_ptr<const Manifest> manifest, theirs;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  {
    cocozvec::ReaderLock lock(next.state_mu_);
    theirs = next.manifest_;
  }
  if (manifest->log_number == theirs->log_number) return;
  // What was written to the older log since is read first: only then its rows are counted.
  const auto size = follower_->log_file->Size();
  if (!size.ok()) return;
  follower_->spoilt = true;
  const Status read =
      ContinueLog(*follower_->log_file, &follower_->log, *size,
                  [&](std::string_view payload) { return Apply(payload, /*trusted=*/false); });
  if (!read.ok()) return;
  follower_->spoilt = false;
  if (follower_->log.position.sequence != log.a) return;
  auto version = std::make_shared<Version>(*next.Snapshot());
  for (auto& view : version->sealed) {
    if (view->segment()->file().number + 1 != theirs->log_number || view->row_count() != tail_->rows())
      continue;
    auto graphs = view->graphs() ? std::make_shared<Graphs>(*view->graphs())
                                 : std::make_shared<Graphs>(schema_->fields.size());
    for (std::size_t f = 0; f < graphs->size(); ++f)
      if (!(*graphs)[f]) (*graphs)[f] = (*mine->tail->graphs())[f];
    view = std::make_shared<SealedView>(*view, view->dead(), std::move(graphs));
  }
  next.Publish(std::move(version));
}

void Store::KeepGrowing(const SegmentFile& file, Graphs& graphs) const {
  if (!known_) return;
  for (const auto& view : known_->version->sealed) {
    if (view->segment()->file() != file || !view->graphs()) continue;
    for (std::size_t f = 0; f < graphs.size(); ++f)
      if (!graphs[f] && Serves(view->Graph(f))) graphs[f] = (*view->graphs())[f];
  }
}

}  // namespace zvec::inline v0
