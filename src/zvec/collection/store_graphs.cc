// The graphs of sealed segments: built by maintenance (store_maintain.cc) and merges (store_merge.cc).
#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/rewrite.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/index/sparse/list_builder.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

bool Store::LacksGraph(const SealedView& view, std::size_t field) const {
  if (!WantsIndex(schema_->fields[field]) || view.row_count() < options_.index_min_rows) return false;
  const hnsw::Graph* graph = view.Graph(field);
  return graph == nullptr || graph->growing();
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

Result<Store::NewGraph> Store::MakeGraph(const SealedView& view, const SegmentEntry& segment,
                                         std::size_t field, std::span<const SegmentView* const> sources,
                                         std::span<const RowRef> from, std::uint64_t number,
                                         std::uint64_t collection, const BuildHelp& help) {
  NewGraph made;
  if (sparse::WantsLists(schema_->fields[field])) {
    ZVEC_ASSIGN_OR_RETURN(made.entry, MakeLists(view, field, segment, number, collection, help));
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
  ZVEC_ASSIGN_OR_RETURN(made.entry,
                        hnsw::WriteGraph(help.files != nullptr ? *help.files : fs_, PathOf(IndexName(number)),
                                         number, place, built->Current().view));
  ZVEC_ASSIGN_OR_RETURN(made.graph, OpenGraphOf(segment, made.entry, collection));
  return made;
}

Result<IndexEntry> Store::MakeLists(const SealedView& view, std::size_t field, const SegmentEntry& segment,
                                    std::uint64_t number, std::uint64_t collection,
                                    const BuildHelp& help) const {
  ZVEC_ASSIGN_OR_RETURN(const auto lists, sparse::BuildLists(view, field));
  if (!lists) return IndexEntry{.field = field, .nodes = view.row_count()};  // scanned
  const hnsw::GraphPlace place{collection, segment.file.number, static_cast<std::uint32_t>(field)};
  return sparse::WriteLists(help.files != nullptr ? *help.files : fs_, PathOf(IndexName(number)), number,
                            place, *lists);
}

}  // namespace zvec::inline v0
