// zvec/options.h: how a collection is opened and worked on.
#pragma once

#include <cstdint>

namespace cocozvec::inline v0 {
class FileSystem;
}

namespace zvec::inline v0 {

enum class Durability {
  kDurable,  ///< a write that returned survives a power cut: one sync per call, so batch your rows
  kRelaxed,  ///< a write that returned, Create too, survives the death of the process only
};

/// Who links new rows into graphs and merges small segments. Queries are right without it, and slower.
enum class Maintenance {
  kBackground,  ///< threads of the collection's own: they start when there is something to do, Close joins
                ///< them
  kInline,      ///< the write call that gave rise to it, before it returns: equal calls leave equal bytes
  kManual,      ///< nobody: Optimize does all of it
};

struct CollectionOptions {
  bool read_only = false;   ///< writes nothing at all; every write answers kFailedPrecondition
  bool enable_mmap = true;  ///< map sealed files; false reads them into memory
  /// A graph that is searched again and again is copied to memory on huge pages (per row: the code and 8 * m
  /// bytes), where walks are 1.3 to 1.7 times as fast. false: it is only mapped.
  bool resident_graphs = true;
  Durability durability = Durability::kDurable;
  /// The mutable segment is sealed into a file at this many bytes. Smaller: less memory, more files.
  std::uint64_t seal_bytes = 64ull << 20;
  /// The log does not pass this many bytes unless calls of waiting threads, written together, do by
  /// themselves: the mutable segment is sealed before. 0: as seal_bytes, at least 1 MiB.
  std::uint64_t log_bytes = 0;
  /// A segment with fewer rows gets no graph: scanning them is as fast. For tests: 1.
  std::uint32_t index_min_rows = 1'000;
  Maintenance maintenance = Maintenance::kBackground;
  /// Threads that link rows in the background (kInline: beside the caller), and as many that merge. 0: half
  /// of the cores, at least one.
  std::uint32_t maintenance_threads = 0;
  /// The threads of kBackground give way to those of the callers: their nice values rise by so much, up to 19
  /// (Linux). Where callers take all cores, 10 leaves them a tenth of what a caller's thread gets, and a
  /// writer that waits for them (max_unlinked_rows, deleted rows that no merge has removed yet) goes at that
  /// speed. 0: where writers shall not wait because of many readers.
  std::uint32_t maintenance_nice = 10;
  /// Rows that no graph holds yet are scanned by every query: a write waits while there are more of them and
  /// somebody is linking them. What they cost: bench/index/README.md, a query by backlog. Smaller: quicker
  /// queries during a bulk load, and a slower load.
  std::uint64_t max_unlinked_rows = 150'000;
  /// The same while somebody asks: a query was begun in the last second, or a process has the collection open
  /// read-only and has come to the newest generation. What a burst has left by then is worked off while
  /// writers go on at four fifths of the linker's speed; at this many they go at that speed, which is theirs
  /// in the long run with any limit. Never more than max_unlinked_rows; as many: readers change nothing.
  std::uint64_t max_unlinked_rows_while_read = 4'096;
  /// What the build of a graph holds in a merge; beside the writers half of it. It limits a segment's rows,
  /// so how many segments a query searches: a row takes its code and 10 to 14 * m bytes (700,000 of 128
  /// dimensions take all), a sparse value 24. On top come rows not yet sealed, those sealed last, and graphs
  /// that grow over them: two to four times seal_bytes. A merge has 512 rows at least, or 2.5 seal_bytes of
  /// sparse values; a segment made under a larger budget that lacks its graph gets it whole.
  std::uint64_t maintenance_memory_bytes = 256ull << 20;
  /// Merges beside the writers (not Optimize) write no faster than so many bytes a second; 0: no limit. When
  /// deleted rows come faster than merges can remove them, writers wait. For disks that serve others, too.
  std::uint64_t maintenance_bytes_per_second = 0;
  /// Where the bytes live; null: the operating system. For tests: a simulated disk.
  cocozvec::FileSystem* file_system = nullptr;
};

struct OptimizeOptions {
  std::uint32_t concurrency = 0;  ///< threads; 0: all cores
};

/// The merge that is under way, of Optimize too; all zero: none is.
struct MergeProgress {
  std::uint32_t segments = 0;             ///< that become one
  std::uint64_t rows = 0, rows_done = 0;  ///< to copy and to put into each index, counted together
  std::uint64_t bytes_written = 0;
};

}  // namespace zvec::inline v0
