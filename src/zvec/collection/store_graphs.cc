// The graphs of sealed segments: built when a segment is written, or when Optimize finds one lacking.
#include <algorithm>
#include <thread>

#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/rewrite.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/index/sparse/list_builder.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

namespace {

/// Fewer rows are linked before threads have started.
constexpr std::uint32_t kRowsForThreads = 2'000;
constexpr std::uint32_t kMostThreads = 256;

bool Names(const SegmentEntry& entry, std::size_t field) {
  for (const IndexEntry& index : entry.indexes)
    if (index.field == field) return true;
  return false;
}

}  // namespace

bool Store::LacksGraph(const SealedView& view, std::size_t field) const {
  if (!WantsIndex(schema_->fields[field])) return false;
  const hnsw::Graph* graph = view.Graph(field);
  if (graph == nullptr) return view.row_count() >= options_.index_min_rows;
  return !graph->Verify().ok();
}

bool Store::LacksGraphs(const SealedView& view) const {
  for (std::size_t f = 0; f < schema_->fields.size(); ++f)
    if (LacksGraph(view, f)) return true;
  return false;
}

Result<std::shared_ptr<const hnsw::Graph>> Store::OpenGraphOf(const SegmentEntry& segment,
                                                              const IndexEntry& index,
                                                              std::uint64_t collection) const {
  if (index.refused()) return RefusedGraph();
  const FieldSchema& field = schema_->fields[index.field];
  const hnsw::GraphPlace place{collection, segment.file.number, static_cast<std::uint32_t>(index.field)};
  if (sparse::WantsLists(field))
    return sparse::OpenLists(fs_, PathOf(IndexName(index.number)), index, place, options_.enable_mmap);
  return hnsw::OpenGraph(fs_, PathOf(IndexName(index.number)), index, place, field.metric(), field.dimension,
                         options_.enable_mmap, options_.resident_graphs);
}

Status Store::KeepSegment(Rewrite& rewrite, const std::shared_ptr<const SealedView>& view,
                          SegmentEntry entry) {
  std::shared_ptr<const SealedView> kept = view;
  if (rewrite.complete && LacksGraphs(*view)) {
    auto graphs = view->graphs() ? std::make_shared<Graphs>(*view->graphs())
                                 : std::make_shared<Graphs>(schema_->fields.size());
    for (std::size_t f = 0; f < graphs->size(); ++f) {
      if (!LacksGraph(*view, f)) continue;
      if (const hnsw::Graph* damaged = (*graphs)[f].get())
        cocozvec::Log(cocozvec::LogLevel::kWarning,
                      "a damaged graph is built anew: " + damaged->Verify().ToString());
      (*graphs)[f] = nullptr;
      std::erase_if(entry.indexes, [f](const IndexEntry& index) { return index.field == f; });
    }
    ZVEC_RETURN_IF_ERROR(BuildGraphs(rewrite, *view, {}, {}, entry, *graphs));
    kept = std::make_shared<SealedView>(view->segment(), view->dead(), std::move(graphs));
  }
  rewrite.manifest.segments.push_back(std::move(entry));
  rewrite.version->sealed.push_back(std::move(kept));
  return {};
}

Status Store::BuildGraphs(Rewrite& rewrite, const SealedView& view,
                          std::span<const SegmentView* const> sources, std::span<const RowRef> from,
                          SegmentEntry& entry, Graphs& graphs) {
  if (view.row_count() < options_.index_min_rows) return {};
  const std::size_t threads = rewrite.concurrency != 0 ? std::min(rewrite.concurrency, kMostThreads)
                                                       : std::max(1u, std::thread::hardware_concurrency());
  if (!rewrite.pool && threads > 1 && view.row_count() >= kRowsForThreads)
    rewrite.pool = std::make_unique<cocozvec::ThreadPool>(threads - 1);
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!WantsIndex(schema_->fields[f]) || Names(entry, f)) continue;
    const std::uint64_t number = TakeNumber();
    rewrite.made.push_back(PathOf(IndexName(number)));
    if (sparse::WantsLists(schema_->fields[f])) {
      ZVEC_ASSIGN_OR_RETURN(const IndexEntry made,
                            MakeLists(view, f, entry, number, rewrite.manifest.collection));
      entry.indexes.push_back(made);
      ZVEC_ASSIGN_OR_RETURN(graphs[f], OpenGraphOf(entry, made, rewrite.manifest.collection));
      continue;
    }
    ZVEC_ASSIGN_OR_RETURN(const auto built, BuildGraph(view, f, sources, from, rewrite.pool.get()));
    if (!built) {
      entry.indexes.push_back({.field = f, .nodes = view.row_count()});
      graphs[f] = RefusedGraph();
      continue;
    }
    const hnsw::GraphPlace place{rewrite.manifest.collection, entry.file.number,
                                 static_cast<std::uint32_t>(f)};
    ZVEC_ASSIGN_OR_RETURN(const IndexEntry index, hnsw::WriteGraph(fs_, PathOf(IndexName(number)), number,
                                                                   place, built->Current().view));
    ZVEC_ASSIGN_OR_RETURN(graphs[f], OpenGraphOf(entry, index, rewrite.manifest.collection));
    entry.indexes.push_back(index);
  }
  return {};
}

Result<IndexEntry> Store::MakeLists(const SealedView& view, std::size_t field, const SegmentEntry& segment,
                                    std::uint64_t number, std::uint64_t collection) const {
  ZVEC_ASSIGN_OR_RETURN(const auto lists, sparse::BuildLists(view, field));
  if (!lists) return IndexEntry{.field = field, .nodes = view.row_count()};  // scanned
  const hnsw::GraphPlace place{collection, segment.file.number, static_cast<std::uint32_t>(field)};
  return sparse::WriteLists(fs_, PathOf(IndexName(number)), number, place, *lists);
}

}  // namespace zvec::inline v0
