// cocoindex/state/mdb_error.h: LMDB's return codes as exceptions that name the store.
#pragma once

#include <lmdb.h>

#include <string_view>

namespace cocoindex::inline v0 {

/// StateError "store PATH: WHAT: ...". `rc` is not zero.
[[noreturn]] void ThrowMdb(int rc, std::string_view path, std::string_view what);

inline void CheckMdb(int rc, std::string_view path, std::string_view what) {
  if (rc != MDB_SUCCESS) ThrowMdb(rc, path, what);
}

inline MDB_val ToVal(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
inline std::string_view FromVal(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

}  // namespace cocoindex::inline v0
