// zvec/index/hnsw/index_file.h: a graph as a file that is walked where it is mapped. docs/format/index.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "zvec/index/file/section_file.h"
#include "zvec/index/hnsw/graph.h"
#include "zvec/storage/index_entry.h"

namespace zvec::inline v0::hnsw {

/// Version 1 has codes of 7 bits and no breadth; it is written where that suffices, for older readers.
inline constexpr index::SectionFormat kGraphFile{kIndexMagic, 4, 2};

/// Which field of which segment of which collection the graph is of.
struct GraphPlace {
  std::uint64_t collection = 0;
  std::uint64_t segment = 0;
  std::uint32_t field = 0;
};

/// Writes and syncs the file (its name is durable when the caller has synced the directory). The view is of a
/// finished graph in memory. On an error the file may be there in part.
Result<IndexEntry> WriteGraph(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                              const GraphPlace& place, const GraphView& graph);

/// The same of a graph that grows, but not meanwhile; not synced. Rows keep the links that Finish would take
/// from them, so its m is larger.
Result<IndexEntry> WriteGrowing(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                                const GraphPlace& place, const GraphView& graph);

/// What a graph's file says of itself: how to open it where no manifest names it.
struct GraphNote {
  IndexEntry entry;
  GraphPlace place;
};
/// Checks the header alone. Errors   kNotFound, kIoError, kDataLoss, kUnimplemented.
Result<GraphNote> ReadGraphNote(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number);

inline constexpr std::uint32_t kSearchesBeforeCopy = 64;

/// Checks header, section table and what they say about the graph; blocks are checked when a walk first
/// touches them, and no link is followed that leads outside. `map`: else read into memory at once.
/// `resident`: a mapped graph that has been searched kSearchesBeforeCopy times is copied to memory on huge
/// pages, which a walk's random steps need; until then, and without it, it is walked where it is mapped.
/// Errors   kNotFound, kIoError, kDataLoss, kUnimplemented (a newer version).
Result<std::shared_ptr<const Graph>> OpenGraph(cocozvec::FileSystem& fs, const std::string& path,
                                               const IndexEntry& expected, const GraphPlace& place,
                                               MetricType metric, std::size_t dim, bool map,
                                               bool resident = true);

}  // namespace zvec::inline v0::hnsw
