#include "base/io/file_system.h"

namespace cocozvec::inline v0 {
namespace {

std::string FolderOf(PathView path) {
  std::string parent = ParentPath(path);
  return parent.empty() ? "." : parent;
}

Status CreateAndSync(FileSystem& fs, const std::string& path) {
  Status made = fs.CreateDirectory(path);
  if (made.code() == StatusCode::kAlreadyExists) {
    // kOther may be a link to a directory, which is fine; if it is not, the next call on a name below it says
    // so.
    ZVEC_ASSIGN_OR_RETURN(FileInfo info, fs.Stat(path));
    if (info.kind == FileKind::kFile)
      return Status::AlreadyExists("create directory " + path + ": it is a file");
    // Whoever made it may have died, or failed, before its name was durable. Not ours to judge where we may
    // not look.
    const Status synced = fs.SyncDirectory(FolderOf(path));
    return synced.code() == StatusCode::kPermissionDenied ? Status::Ok() : synced;
  }
  ZVEC_RETURN_IF_ERROR(made);
  return fs.SyncDirectory(FolderOf(path));
}

Status OkIfGone(Status status) { return status.IsNotFound() ? Status::Ok() : status; }

Status WriteTemporary(FileSystem& fs, const std::string& temporary, std::string_view content) {
  ZVEC_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs.Open(temporary, OpenMode::kCreate));
  ZVEC_RETURN_IF_ERROR(file->Truncate(0));  // one left over from a crash
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, std::as_bytes(std::span(content))));
  return file->Sync();
}

}  // namespace

Status RefuseManyNames(PathView path, std::uint64_t names) {
  return Status::FailedPrecondition("open " + path.str() + " to write: the file has " +
                                    std::to_string(names) +
                                    " names (hard links), and what the others name would change too: "
                                    "remove them, or put a copy in its place");
}

Status CreateDirectories(FileSystem& fs, PathView path) {
  std::vector<std::string> missing;
  for (std::string level = path.str(); !level.empty(); level = ParentPath(level)) {
    Status made = CreateAndSync(fs, level);
    if (made.ok()) break;
    if (!made.IsNotFound()) return made;
    missing.push_back(level);
  }
  for (auto level = missing.rbegin(); level != missing.rend(); ++level) {
    ZVEC_RETURN_IF_ERROR(CreateAndSync(fs, *level));
  }
  return Status::Ok();
}

Status RemoveTree(FileSystem& fs, PathView path) {
  Result<FileInfo> top = fs.Stat(path);
  if (!top.ok()) return OkIfGone(top.status());
  if (top->kind != FileKind::kDirectory) return OkIfGone(fs.RemoveFile(path));
  std::vector<std::string> directories = {path.str()};  // parents before children
  for (std::size_t i = 0; i < directories.size(); ++i) {
    Result<std::vector<DirEntry>> entries = fs.List(directories[i]);
    if (!entries.ok() && entries.status().IsNotFound()) continue;
    if (!entries.ok()) return entries.status();
    for (const DirEntry& entry : *entries) {
      std::string child = JoinPath(directories[i], entry.name);
      if (entry.kind == FileKind::kDirectory) {
        directories.push_back(std::move(child));
      } else {
        ZVEC_RETURN_IF_ERROR(OkIfGone(fs.RemoveFile(child)));
      }
    }
  }
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
    ZVEC_RETURN_IF_ERROR(OkIfGone(fs.RemoveDirectory(*directory)));
  }
  return Status::Ok();
}

Result<std::string> ReadFile(FileSystem& fs, PathView path, std::uint64_t max_size, StatusCode too_large) {
  ZVEC_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs.Open(path, OpenMode::kRead));
  ZVEC_ASSIGN_OR_RETURN(std::uint64_t size, file->Size());
  if (size > max_size) {
    return Status(too_large, "read " + path.str() + ": " + std::to_string(size) + " bytes, allowed are " +
                                 std::to_string(max_size));
  }
  std::string content(static_cast<std::size_t>(size), '\0');
  ZVEC_ASSIGN_OR_RETURN(std::size_t got, file->ReadAt(0, std::as_writable_bytes(std::span(content))));
  content.resize(got);
  return content;
}

Status WriteFileAtomically(FileSystem& fs, PathView path, std::string_view content) {
  const std::string temporary = path.str() + ".tmp";
  Status status = WriteTemporary(fs, temporary, content);
  if (status.ok()) status = fs.Rename(temporary, path);
  if (!status.ok()) {
    (void)fs.RemoveFile(temporary);  // best effort: the next write replaces it anyway
    return status;
  }
  // The new name is only durable once the directory is.
  return fs.SyncDirectory(FolderOf(path));
}

}  // namespace cocozvec::inline v0
