// zvec/storage/birth.h: a collection of which nothing need be durable yet. A relaxed Create syncs nothing:
// its log and its manifest end with ".tmp" until the first durable act has synced and renamed them.
// docs/format/collection.md, "Birth". Threads: plain functions.
#pragma once

#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0 {

inline constexpr std::uint64_t kFirstGeneration = 1;  ///< number of the manifest that Create writes
inline constexpr std::uint64_t kFirstLog = 1;         ///< and of its log

std::string UnsettledManifestName();
std::string UnsettledLogName();

enum class Birth {
  kSettled,     ///< has a manifest of its own name, or is no newborn collection at all: not judged here
  kUnsettled,   ///< a collection; its names and bytes need not be durable
  kUnfinished,  ///< what a power cut left of one, or an empty directory: there is no collection
};

/// `entries`: the directory's. A part that is missing, ends early or reads as zeros was never written; damage
/// of another kind is left to the open, which reports it. kNotFound when a file went between the listing and
/// the look: list again.
Result<Birth> JudgeBirth(cocozvec::FileSystem& fs, const std::string& directory,
                         const std::vector<cocozvec::DirEntry>& entries);

/// The first manifest of a relaxed collection: nothing is synced.
Status WriteUnsettledManifest(cocozvec::FileSystem& fs, const std::string& directory,
                              const Manifest& manifest);

Result<Manifest> ReadUnsettledManifest(cocozvec::FileSystem& fs, const std::string& directory);

/// Makes durable what the directory holds, the log's bytes excepted, which the caller has synced; gives log
/// and manifest their names, in this order. After an error either name may be there.
Status SettleNames(cocozvec::FileSystem& fs, const std::string& directory, const Manifest& manifest);

}  // namespace zvec::inline v0
