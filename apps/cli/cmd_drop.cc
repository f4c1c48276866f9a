#include <stdexcept>

#include "base/io/file_system.h"
#include "commands.h"
#include "json.h"
#include "program.h"
#include "zvec/collection.h"

namespace cocozvec::cli {
namespace {

// Only what this program made may be removed: a config that is damaged is still ours, one of something else
// is not.
Status CheckOurs(const StorePaths& paths) {
  ZVEC_ASSIGN_OR_RETURN(const StoreKind kind, Inspect(paths));
  if (kind == StoreKind::kNothing && PosixFileSystem().Stat(paths.root()).status().IsNotFound()) {
    return Status::NotFound("store '" + paths.root() + "': nothing is there");
  }
  if (kind != StoreKind::kStore)
    return Status::Ok();  // a drop that was killed may have left an empty directory
  const Status config = ReadConfig(paths).status();
  return config.code() == StatusCode::kDataLoss ? Status::Ok() : config;
}

Status PutAside(FileSystem& fs, const std::string& from, const std::string& to) {
  ZVEC_RETURN_IF_ERROR(RemoveTree(fs, to));  // of an earlier drop
  Status status = fs.Rename(from, to);
  return status.IsNotFound() ? Status::Ok() : status;
}

// A drop that is killed leaves no half of a collection and no half of the state: each goes by one rename, the
// documents first, since a run without documents makes them again. The state takes its lock along: who comes
// now begins a new one. The config goes last, since it makes the directory ours.
Status RemoveAll(const StorePaths& paths, const coco::Environment& environment) {
  FileSystem& fs = PosixFileSystem();
  // Refused while somebody writes to it; anything else, damage among it, is no reason to keep it.
  Status collection = zvec::Collection::Destroy(paths.collection());
  if (collection.code() == StatusCode::kBusy) return collection;
  ZVEC_RETURN_IF_ERROR(PutAside(fs, paths.data(), paths.dropped_data()));
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(paths.root()));
  ZVEC_RETURN_IF_ERROR(PutAside(fs, paths.state(), paths.dropped_state()));
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(paths.root()));
  environment.stop();
  ZVEC_RETURN_IF_ERROR(RemoveTree(fs, paths.dropped_data()));
  ZVEC_RETURN_IF_ERROR(RemoveTree(fs, paths.dropped_state()));
  RemoveHalfWrittenConfig(paths);
  Status status = fs.RemoveFile(paths.config());
  return status.IsNotFound() ? Status::Ok() : status;
}

void ThrowIfError(Status status) {
  if (!status.ok()) throw StatusError(std::move(status));
}

}  // namespace

int RunDrop(const Options& options, Console& console) {
  const StorePaths paths(options.store);
  ThrowIfError(CheckOurs(paths));
  const coco::Environment environment = MakeEnvironment(paths, {}, std::make_shared<RunNotes>());
  try {
    environment.start();  // the lock
  } catch (const coco::StateBusyError&) {
    throw;
  } catch (const coco::StateError& error) {
    console.Note("cocozvec: dropping all the same: " + Printable(error.what()));
  }
  ThrowIfError(RemoveAll(paths, environment));
  const Status root = PosixFileSystem().RemoveDirectory(paths.root());
  if (!root.ok()) console.Note("cocozvec: the directory stays: " + Printable(root.message()));
  if (options.json) {
    console.WriteLine(JsonWriter().Object().Key("dropped").Text(options.store).EndObject().text());
  } else {
    console.WriteLine("dropped " + Printable(options.store));
  }
  return kDone;
}

}  // namespace cocozvec::cli
