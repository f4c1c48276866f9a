// cocoindex/state/format.h: the record by which a store knows itself, and the making of a new one.
// docs/format/state.md, "The store".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

inline constexpr std::uint32_t kStoreFormat = 1;
inline constexpr std::string_view kStoreRecordKey = "cocozvec store";  // in LMDB's unnamed database

struct StoreRecord {
  std::uint32_t format = kStoreFormat;
  Fingerprint id;
};

std::string EncodeStoreRecord(const StoreRecord& record);
/// Nothing when it is not a record of ours, or damaged. A newer format is read as far as `format`.
std::optional<StoreRecord> DecodeStoreRecord(std::string_view bytes);

/// Makes the LMDB environment of a new store in `folder` (which must not exist): all of it or nothing,
/// whenever the process dies.
void CreateEnvironment(cocozvec::FileSystem& fs, const std::string& store_path, const std::string& folder);

/// The record in an open environment; throws StateError when there is none, or one of a newer format.
class MdbEnvironment;
StoreRecord ReadStoreRecord(MdbEnvironment& env);

}  // namespace cocoindex::inline v0
