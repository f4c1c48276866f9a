#include "cocoindex/state/mdb_error.h"

#include <cerrno>
#include <string>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

/// In words that say what to do; LMDB's own text follows.
std::string_view Meaning(int rc) {
  switch (rc) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_BAD_RSLOT:
      return "the store is damaged; restore it from a copy, or remove it and run again";
    case MDB_INVALID:
      return "this is no LMDB environment, or a damaged one";
    case MDB_VERSION_MISMATCH:
      return "written by another version of LMDB";
    case MDB_PANIC:
      return "an earlier write failed half-way; open the store again";
    case MDB_DBS_FULL:
      return "too many apps for max_dbs";
    case MDB_TXN_FULL:
      return "one transaction with too many changes";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "the disk is full; nothing of this write was kept";
    default:
      return {};
  }
}

}  // namespace

void ThrowMdb(int rc, std::string_view path, std::string_view what) {
  std::string message = "store ";
  message.append(path).append(": ").append(what).append(": ");
  if (const std::string_view meaning = Meaning(rc); !meaning.empty()) {
    message.append(meaning).append(" (").append(mdb_strerror(rc)).append(")");
  } else {
    message.append(mdb_strerror(rc));
  }
  throw StateError(message);
}

}  // namespace cocoindex::inline v0
