// The graphs of sealed segments: built by maintenance (store_maintain.cc), or by Optimize.
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

std::size_t ThreadsFor(std::uint32_t concurrency) {
  return concurrency != 0 ? std::min(concurrency, kMostThreads)
                          : std::max(1u, std::thread::hardware_concurrency());
}

bool Names(const SegmentEntry& entry, std::size_t field) {
  for (const IndexEntry& index : entry.indexes)
    if (index.field == field) return true;
  return false;
}

}  // namespace

bool Store::LacksGraph(const SealedView& view, std::size_t field) const {
  if (!WantsIndex(schema_->fields[field]) || view.row_count() < options_.index_min_rows) return false;
  const hnsw::Graph* graph = view.Graph(field);
  return graph == nullptr || graph->growing();
}

bool Store::LacksGraphs(const SealedView& view) const {
  for (std::size_t f = 0; f < schema_->fields.size(); ++f)
    if (LacksGraph(view, f) || (view.Graph(f) != nullptr && !view.Graph(f)->Verify().ok())) return true;
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
    bool grows = false;
    for (std::size_t f = 0; f < graphs->size(); ++f) {
      const hnsw::Graph* graph = (*graphs)[f].get();
      grows |= graph != nullptr && graph->growing();
      const Status sound = graph != nullptr ? graph->Verify() : Status();
      if (!sound.ok())
        cocozvec::Log(cocozvec::LogLevel::kWarning,
                      "a damaged or unreadable graph is built anew: " + sound.ToString());
      if (sound.ok() && !LacksGraph(*view, f)) continue;
      (*graphs)[f] = nullptr;
      std::erase_if(entry.indexes, [f](const IndexEntry& index) { return index.field == f; });
    }
    // A graph that grows towards the one that is lacking is taken over, row for row.
    std::vector<const SegmentView*> sources;
    if (grows) sources.push_back(view.get());
    std::vector<RowRef> rows(view->row_count());
    for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row].row = row;
    ZVEC_RETURN_IF_ERROR(BuildGraphs(rewrite, *view, sources,
                                     grows ? std::span<const RowRef>(rows) : std::span<const RowRef>(), entry,
                                     *graphs));
    kept = std::make_shared<SealedView>(view->segment(), view->dead(), std::move(graphs));
  }
  rewrite.manifest.segments.push_back(std::move(entry));
  rewrite.version->sealed.push_back(std::move(kept));
  return {};
}

Status Store::CompleteTail(std::uint32_t concurrency) {
  const auto version = Snapshot();
  const std::uint32_t rows = version->tail->row_count();
  if (options_.maintenance == Maintenance::kManual || !version->growing->Wants(rows, /*last=*/true))
    return {};
  std::unique_ptr<cocozvec::ThreadPool> pool;
  if (rows >= kRowsForThreads && ThreadsFor(concurrency) > 1)
    pool = std::make_unique<cocozvec::ThreadPool>(ThreadsFor(concurrency) - 1);
  ZVEC_RETURN_IF_ERROR(Complete(*version->growing, *version->tail, {pool.get(), nullptr}, [] {}));
  ShowTailGraphs();
  return {};
}

Status Store::BuildGraphs(Rewrite& rewrite, const SealedView& view,
                          std::span<const SegmentView* const> sources, std::span<const RowRef> from,
                          SegmentEntry& entry, Graphs& graphs) {
  if (view.row_count() < options_.index_min_rows) return {};
  const std::size_t threads = ThreadsFor(rewrite.concurrency);
  if (!rewrite.pool && threads > 1 && view.row_count() >= kRowsForThreads)
    rewrite.pool = std::make_unique<cocozvec::ThreadPool>(threads - 1);
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!WantsIndex(schema_->fields[f]) || Names(entry, f)) continue;
    const std::uint64_t number = TakeNumber();
    rewrite.made.push_back(PathOf(IndexName(number)));
    ZVEC_ASSIGN_OR_RETURN(NewGraph made,
                          MakeGraph(view, entry, f, sources, from, number, rewrite.manifest.collection,
                                    {rewrite.pool.get(), nullptr}));
    graphs[f] = std::move(made.graph);
    entry.indexes.push_back(made.entry);
  }
  return {};
}

Result<Store::NewGraph> Store::MakeGraph(const SealedView& view, const SegmentEntry& segment,
                                         std::size_t field, std::span<const SegmentView* const> sources,
                                         std::span<const RowRef> from, std::uint64_t number,
                                         std::uint64_t collection, const BuildHelp& help) {
  NewGraph made;
  if (sparse::WantsLists(schema_->fields[field])) {
    ZVEC_ASSIGN_OR_RETURN(made.entry, MakeLists(view, field, segment, number, collection));
    ZVEC_ASSIGN_OR_RETURN(made.graph, OpenGraphOf(segment, made.entry, collection));
    return made;
  }
  ZVEC_ASSIGN_OR_RETURN(const auto built, BuildGraph(view, field, sources, from, help));
  if (!built) {
    made.entry = {.field = field, .nodes = view.row_count()};
    made.graph = RefusedGraph();
    return made;
  }
  const hnsw::GraphPlace place{collection, segment.file.number, static_cast<std::uint32_t>(field)};
  ZVEC_ASSIGN_OR_RETURN(
      made.entry, hnsw::WriteGraph(fs_, PathOf(IndexName(number)), number, place, built->Current().view));
  ZVEC_ASSIGN_OR_RETURN(made.graph, OpenGraphOf(segment, made.entry, collection));
  return made;
}

Result<IndexEntry> Store::MakeLists(const SealedView& view, std::size_t field, const SegmentEntry& segment,
                                    std::uint64_t number, std::uint64_t collection) const {
  ZVEC_ASSIGN_OR_RETURN(const auto lists, sparse::BuildLists(view, field));
  if (!lists) return IndexEntry{.field = field, .nodes = view.row_count()};  // scanned
  const hnsw::GraphPlace place{collection, segment.file.number, static_cast<std::uint32_t>(field)};
  return sparse::WriteLists(fs_, PathOf(IndexName(number)), number, place, *lists);
}

}  // namespace zvec::inline v0
