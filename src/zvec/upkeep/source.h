// zvec/upkeep/source.h: the files of a collection, opened at one moment: what they hold can be read to the
// end, whatever a writer removes meanwhile. Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0 {

/// One generation, as far as its manifest can be read.
struct Generation {
  Generation(std::string file, std::uint64_t n) : name(std::move(file)), number(n) {}
  std::string name;  ///< of the manifest's file
  std::uint64_t number = 0;
  std::string bytes = {};
  std::optional<Manifest> manifest;
  Status status;                               ///< why its bytes are no manifest
  std::optional<std::uint64_t> mended_offset;  ///< `manifest` was read after this byte was put right
};

/// What shows that there was a newer manifest than those that are there.
struct LostManifest {
  std::string name;  ///< of the log that it named
  std::uint64_t offset = 0, size = 0;
  std::string why;
};

class Source {
 public:
  /// Errors   kNotFound, kInvalidArgument (not a collection), kUnimplemented (a newer format), kIoError.
  static Result<Source> Open(cocozvec::FileSystem& fs, const std::string& directory);

  /// The newest first; at most two.
  const std::vector<Generation>& generations() const noexcept { return generations_; }
  /// The newest that has a manifest; null: none has.
  const Manifest* newest() const noexcept;
  /// Of those that are damaged nothing is said here. Beside a writer the newer one may have come since.
  std::vector<LostManifest> LostManifests() const;

  std::string PathOf(const std::string& name) const { return cocozvec::JoinPath(directory_, name); }
  /// By the name that a settled collection gives it. Null: it could not be opened; `missing` says why.
  const cocozvec::File* Find(const std::string& name) const;
  Status WhyMissing(const std::string& name) const;
  /// Numbers of the logs that are there, ascending.
  const std::vector<std::uint64_t>& logs() const noexcept { return logs_; }
  /// Names of ours that are not plain files.
  const std::vector<std::string>& odd_names() const noexcept { return odd_; }
  std::uint64_t foreign_files() const noexcept { return foreign_; }
  /// Of ours that none of the generations names, and nobody reads; name -> bytes. Nothing while one of them
  /// cannot be read.
  std::map<std::string, std::uint64_t> Leftovers() const;
  /// Of ours that only older generations name, which read-only handles keep (storage/pin.h); name -> bytes.
  std::map<std::string, std::uint64_t> Pinned() const;
  /// What a living writer says of its commits, now; nothing: nobody does.
  Result<std::optional<Publication>> Published() const;

  const Result<std::string>& mark() const noexcept { return mark_; }
  std::optional<ClosedNote> note(const Manifest& manifest) const {
    return lock_text_.ok() ? ClosedNoteIn(*lock_text_, manifest.collection) : std::nullopt;
  }
  /// Not OK: the file LOCK cannot be read, so that nobody knows what its note says.
  Status lock_status() const { return lock_text_.status(); }
  /// A newer manifest has been installed since.
  bool Superseded() const;

  const std::string& directory() const noexcept { return directory_; }
  cocozvec::FileSystem& fs() const noexcept { return *fs_; }

 private:
  Source(cocozvec::FileSystem& fs, std::string directory) : fs_(&fs), directory_(std::move(directory)) {}
  Status Load();
  Status ListNames();
  Status ReadGenerations();
  Status ReadGeneration(Generation& generation);
  void OpenFile(const std::string& name);
  Status Refused() const;
  std::set<std::string> NamesOfGenerations() const;

  cocozvec::FileSystem* fs_;
  std::string directory_;
  Result<std::string> lock_text_ = std::string();
  Result<std::string> mark_ = Status::NotFound("not read yet");
  bool unsettled_ = false;
  std::vector<std::uint64_t> found_generations_;  ///< descending
  std::vector<Generation> generations_;
  std::vector<std::string> ours_, odd_;
  std::uint64_t foreign_ = 0;
  std::vector<std::uint64_t> logs_;
  std::map<std::string, std::unique_ptr<cocozvec::File>> files_;
  std::map<std::string, Status> missing_;
};

}  // namespace zvec::inline v0
