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
  /// The log does not pass this many bytes, unless one call alone does: the mutable segment is sealed before.
  /// 0: as seal_bytes, at least 1 MiB.
  std::uint64_t log_bytes = 0;
  /// A segment with fewer rows gets no graph: scanning them is as fast. For tests: 1.
  std::uint32_t index_min_rows = 1'000;
  Maintenance maintenance = Maintenance::kBackground;
  /// Threads that link rows in the background (kInline: beside the caller). 0: half of the cores, at least
  /// one.
  std::uint32_t maintenance_threads = 0;
  /// Rows that no graph holds yet are scanned by every query: a write waits while there are more of them and
  /// somebody is linking them. 150,000 rows cost a query about 7 ms at 128 dimensions, 45 ms at 768. Smaller:
  /// quicker queries during a bulk load, and a slower load.
  std::uint64_t max_unlinked_rows = 150'000;
  /// What maintenance and Optimize hold in memory at once to build graphs. It limits the rows of a segment,
  /// and with them how many segments a query searches: a row takes its codes and 10 to 14 * m bytes, so 256
  /// MiB are enough for graphs of about 700,000 rows of 128 dimensions (beside the writers: half as many).
  /// More: fewer segments and quicker queries of large collections. What is being written comes on top: up
  /// to twice seal_bytes of rows. At least 512 rows are linked at once, whatever that takes.
  std::uint64_t maintenance_memory_bytes = 256ull << 20;
  /// Merges beside the writers write no faster than so many bytes a second; 0: as fast as it goes. When
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
