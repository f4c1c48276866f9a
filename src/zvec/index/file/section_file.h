// zvec/index/file/section_file.h: a file of sections on cache lines with a checksum for each 64 KiB block and
// a table at its end: what index files have in common (docs/format/index.md).
// Threads: a writer is one thread's own; a file is immutable, its marks of verified blocks are atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/array.h"
#include "base/io/file_system.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/index_entry.h"

namespace zvec::inline v0::index {

inline constexpr std::uint64_t kBlockBytes = 64 << 10;

struct Section {
  std::uint64_t offset = 0, size = 0;
  std::vector<std::uint64_t> checksums;  ///< of its blocks
};

/// Writes a file from front to back.
class SectionWriter {
 public:
  /// A new file; on an error it may be there in part.
  static Result<SectionWriter> Create(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                                      std::uint64_t collection);

  Status Begin();  ///< the next section
  Status Put(const void* data, std::uint64_t size);
  /// The table, then the header with `rows` and the version of this kind's format, then a sync. (The name is
  /// durable when the caller has synced the directory.) `entry`: number, size, rows and header checksum are
  /// filled in. `sync` false: for a file that nothing depends on after a crash.
  Status Finish(std::string_view magic, std::uint64_t rows, IndexEntry* entry,
                std::uint32_t version = kFormatVersion, bool sync = true);

 private:
  SectionWriter(std::unique_ptr<cocozvec::File> file, std::uint64_t number, std::uint64_t collection)
      : file_(std::move(file)), number_(number), collection_(collection) {}
  std::uint64_t offset() const noexcept { return flushed_ + buffer_.size(); }
  Status EndBlock();
  Status Flush();

  std::unique_ptr<cocozvec::File> file_;
  std::uint64_t number_ = 0, collection_ = 0;
  std::uint64_t flushed_ = 0;
  std::string buffer_;
  std::vector<Section> sections_;
};

/// What kind of file is expected.
struct SectionFormat {
  std::string_view magic;
  std::size_t sections = 0;
  std::uint32_t newest = kFormatVersion;  ///< version that can be read
};

/// The table of a file's sections. Empty when one of them is not where and as large as a table of this file
/// could say: behind the header, before `end`, where the table begins.
std::vector<Section> DecodeSections(std::string_view table, std::size_t count, std::uint64_t end);

class SectionFile {
 public:
  /// Checks size, header and section table against the manifest's entry. `map`: else read into memory.
  /// Errors   kNotFound, kIoError, kDataLoss, kUnimplemented (a newer version).
  static Result<std::unique_ptr<SectionFile>> Open(cocozvec::FileSystem& fs, const std::string& path,
                                                   const SectionFormat& kind, const IndexEntry& expected,
                                                   std::uint64_t collection, bool map);

  const std::byte* at(std::size_t section) const noexcept {
    return bytes_.data() + sections_[section].section.offset;
  }
  std::uint64_t size(std::size_t section) const noexcept { return sections_[section].section.size; }
  /// True when no block is left to check.
  bool complete() const noexcept { return unchecked_.load(std::memory_order_acquire) == 0; }
  /// Checks the blocks of these bytes that nobody has checked yet. kDataLoss
  Status Touch(std::size_t section, std::uint64_t begin, std::uint64_t size) const;
  Status TouchAll(std::size_t section) const { return Touch(section, 0, size(section)); }
  /// A hint: nobody needs the section's bytes from `begin` on now.
  void Release(std::size_t section, std::uint64_t begin = 0) const noexcept {
    if (mapping_) mapping_->Release(sections_[section].section.offset + begin, size(section) - begin);
  }
  /// kDataLoss that names the file and where the section begins.
  Status Damage(std::size_t section, std::string_view what) const;

 private:
  struct Checked {
    Section section;
    std::unique_ptr<std::atomic<bool>[]> blocks;
  };
  SectionFile(std::string path, std::uint64_t number, std::uint64_t collection)
      : path_(std::move(path)), number_(number), collection_(collection) {}
  Status Load(const cocozvec::File& file, std::uint64_t size, bool map);
  Status ReadTable(const SectionFormat& kind, const IndexEntry& expected);
  /// Before the first use of these bytes: a mapped block that the disk cannot read would end the process.
  Status Reach(std::uint64_t offset, std::uint64_t size) const {
    return mapping_ ? mapping_->Populate(offset, size) : Status();
  }
  Status VerifyBlock(const Section& section, std::uint64_t block) const;

  const std::string path_;
  const std::uint64_t number_, collection_;
  std::unique_ptr<cocozvec::Mapping> mapping_;
  cocozvec::Array<std::byte> memory_;
  std::span<const std::byte> bytes_;
  std::vector<Checked> sections_;
  mutable std::atomic<std::uint64_t> unchecked_{0};
};

}  // namespace zvec::inline v0::index
