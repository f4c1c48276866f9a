// The operating system's files. F_OFD_SETLK and renameat2 are Linux; both are behind one function each.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>

#include "base/fault.h"
#include "base/io/file_system.h"

#if !defined(MADV_POPULATE_READ)
#define MADV_POPULATE_READ 22  // Linux 5.14
#endif

namespace cocozvec::inline v0 {
namespace {

StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return StatusCode::kNotFound;
    case EEXIST:
      return StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kIoError;
  }
}

Status FromErrno(std::string_view operation, std::string_view path, int error) {
  std::string text(operation);
  text.append(" ").append(path).append(": ").append(std::generic_category().message(error));
  return {CodeOf(error), std::move(text)};
}

/// Calls until it is not interrupted; -1 and errno as the call left them.
template <class Call>
auto Retry(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// A path the kernel would cut short at a NUL must not reach it.
Result<std::string> Terminated(std::string_view operation, PathView path) {
  if (path.view().find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(std::string(operation) + ": a path with a NUL byte in it");
  }
  return path.str();
}

/// pread and pwrite take a signed offset.
Status CheckRange(std::string_view operation, const std::string& path, std::uint64_t offset,
                  std::uint64_t size) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  if (offset <= kMax && size <= kMax - offset) return Status::Ok();
  return Status::InvalidArgument(std::string(operation) + " " + path + ": " + std::to_string(size) +
                                 " bytes at offset " + std::to_string(offset) +
                                 " pass the largest file size " + std::to_string(kMax));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0 && !FaultPlanted("leak_descriptors"))
      ::close(fd_);  // never retried: on Linux the descriptor is gone even after EINTR
  }
  int get() const noexcept { return fd_; }
  int Release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kFile;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  return FileKind::kOther;
}

class PosixMapping final : public Mapping {
 public:
  PosixMapping(std::string path, void* address, std::size_t size) noexcept
      : path_(std::move(path)), address_(address), size_(size) {}
  PosixMapping(const PosixMapping&) = delete;
  PosixMapping& operator=(const PosixMapping&) = delete;
  ~PosixMapping() override {
    if (size_ != 0) ::munmap(address_, size_);
  }
  std::span<const std::byte> bytes() const noexcept override {
    return {static_cast<const std::byte*>(address_), size_};
  }
  Status Populate(std::uint64_t offset, std::uint64_t size) const override {
    if (size == 0 || FaultPlanted("trust_mapped_blocks")) return Status::Ok();
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = offset / page * page;
    char* start = static_cast<char*>(address_) + begin;
    for (;;) {
      if (::madvise(start, static_cast<std::size_t>(offset + size - begin), MADV_POPULATE_READ) == 0)
        return Status::Ok();
      if (errno == EINVAL) return Status::Ok();  // a kernel before 5.14
      if (errno != EINTR && errno != EAGAIN) break;
    }
    return Status::IoError("read " + path_ + ": the " + std::to_string(size) + " bytes from offset " +
                           std::to_string(offset) + " on cannot be read");
  }
  void Release(std::uint64_t offset, std::uint64_t size) const noexcept override {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = (offset + page - 1) / page * page, end = (offset + size) / page * page;
    if (begin < end)
      (void)::madvise(static_cast<char*>(address_) + begin, static_cast<std::size_t>(end - begin),
                      MADV_DONTNEED);
  }

 private:
  std::string path_;
  void* address_;
  std::size_t size_;
};

class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor fd) noexcept : path_(std::move(path)), fd_(std::move(fd)) {}

  const std::string& path() const noexcept override { return path_; }

  Result<std::uint64_t> Size() const override {
    struct stat info;
    if (::fstat(fd_.get(), &info) != 0) return FromErrno("stat", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    ZVEC_RETURN_IF_ERROR(CheckRange("read", path_, offset, out.size()));
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = Retry([&] {
        return ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      });
      if (n < 0) return FromErrno("read", path_, errno);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    ZVEC_RETURN_IF_ERROR(CheckRange("write", path_, offset, data.size()));
    std::size_t done = 0;
    while (done < data.size()) {
      const ssize_t n = Retry([&] {
        return ::pwrite(fd_.get(), data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
      });
      if (n < 0) return FromErrno("write", path_, errno);
      if (n == 0) return FromErrno("write", path_, EIO);  // POSIX has no meaning for it; do not spin
      if (FaultPlanted("trust_short_writes")) break;
      done += static_cast<std::size_t>(n);
    }
    return Status::Ok();
  }

  Status Truncate(std::uint64_t size) override {
    ZVEC_RETURN_IF_ERROR(CheckRange("truncate", path_, size, 0));
    if (Retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) == 0) return Status::Ok();
    return FromErrno("truncate", path_, errno);
  }

  Status Sync() override {
    if (FaultPlanted("no_sync")) return Status::Ok();
    if (Retry([&] { return ::fdatasync(fd_.get()); }) == 0) return Status::Ok();
    return FromErrno("sync", path_, errno);
  }

  void StartWriteback(std::uint64_t offset, std::uint64_t size) override {
    // Without the WAIT flags it reports no error of a write, so that none is hidden from Sync.
    (void)::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                            SYNC_FILE_RANGE_WRITE);
  }

  Result<std::unique_ptr<Mapping>> Map(std::uint64_t size) const override {
    ZVEC_ASSIGN_OR_RETURN(std::uint64_t file_size, Size());
    if (size > file_size) {
      return Status::InvalidArgument("map " + path_ + ": " + std::to_string(size) + " bytes of a file of " +
                                     std::to_string(file_size));
    }
    void* address = nullptr;
    if (size != 0) {
      const std::size_t more = FaultPlanted("map_beyond_the_end") ? 8192 : 0;
      address = ::mmap(nullptr, static_cast<std::size_t>(size) + more, PROT_READ, MAP_SHARED, fd_.get(), 0);
      if (address == MAP_FAILED) return FromErrno("map", path_, errno);
    }
    return std::unique_ptr<Mapping>(
        std::make_unique<PosixMapping>(path_, address, static_cast<std::size_t>(size)));
  }

  Status TryLock(bool exclusive) override { return SetLock(exclusive ? F_WRLCK : F_RDLCK, "lock"); }
  Status Unlock() override { return SetLock(F_UNLCK, "unlock"); }

  Result<HeldLock> OtherLock() const override {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (Retry([&] { return ::fcntl(fd_.get(), F_OFD_GETLK, &lock); }) != 0) {
      if (errno == EINVAL || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP)
        return HeldLock::kNone;
      return FromErrno("look at the lock of", path_, errno);
    }
    if (lock.l_type == F_UNLCK) return HeldLock::kNone;
    return lock.l_type == F_RDLCK ? HeldLock::kShared : HeldLock::kExclusive;
  }

 private:
  /// Open-file-description locks: two handles of one process exclude each other too, and closing one handle
  /// does not drop the lock of another, as classic fcntl locks would.
  Status SetLock(short type, std::string_view operation) {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    if (Retry([&] { return ::fcntl(fd_.get(), F_OFD_SETLK, &lock); }) == 0) return Status::Ok();
    if (errno == EAGAIN || errno == EACCES) return Status::Busy("lock " + path_ + ": held by another handle");
    return FromErrno(operation, path_, errno);
  }

  std::string path_;
  Descriptor fd_;
};

class PosixWatch final : public FileWatch {
 public:
  explicit PosixWatch(Descriptor fd) noexcept : fd_(std::move(fd)) {}
  bool Wait(std::uint32_t timeout_ms) override {
    struct pollfd waited{fd_.get(), POLLIN, 0};
    const int most = static_cast<int>(std::min<std::uint32_t>(timeout_ms, 1 << 30));
    if (::poll(&waited, 1, most) <= 0) return false;  // interrupted: the caller has a clock
    alignas(struct inotify_event) char events[4096];
    while (::read(fd_.get(), events, sizeof(events)) > 0) {
    }
    return true;
  }

 private:
  Descriptor fd_;
};

int OpenFlags(OpenMode mode) {
  // O_NONBLOCK only matters for what is not a regular file (a pipe would hang here) and is refused right
  // after.
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
  switch (mode) {
    case OpenMode::kRead:
      return kAlways | O_RDONLY;
    case OpenMode::kReadWrite:
      return kAlways | O_RDWR;
    case OpenMode::kCreateNew:
      return kAlways | O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreate:
      return kAlways | O_RDWR | O_CREAT;
  }
  return kAlways | O_RDONLY;
}

Status NotRegular(const std::string& name) {
  return Status::IoError("open " + name + ": not a regular file");
}

/// Directories may be reached through a link: the user's store may be one.
Result<Descriptor> OpenDirectory(std::string_view operation, PathView path) {
  ZVEC_ASSIGN_OR_RETURN(std::string name, Terminated(operation, path));
  Descriptor fd(Retry([&] { return ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (fd.get() < 0) return FromErrno(operation, name, errno);
  return fd;
}

/// kNotFound: gone meanwhile, on a file system that does not tell kinds in its listing.
Result<FileKind> KindOfEntry(int directory, std::string_view path, const struct dirent& entry) {
  if (entry.d_type == DT_REG) return FileKind::kFile;
  if (entry.d_type == DT_DIR) return FileKind::kDirectory;
  if (entry.d_type != DT_UNKNOWN) return FileKind::kOther;
  struct stat info;
  if (::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return FromErrno("stat", JoinPath(path, entry.d_name), errno);
  return KindOf(info.st_mode);
}

class Posix final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(PathView path, OpenMode mode) override {
    ZVEC_ASSIGN_OR_RETURN(std::string name, Terminated("open", path));
    Descriptor fd(Retry([&] { return ::open(name.c_str(), OpenFlags(mode), 0600); }));
    if (fd.get() < 0) {
      const int error = errno;
      // A link, a socket, a pipe without a reader, a directory opened for writing.
      if (error == ELOOP || error == ENXIO || error == EISDIR) return NotRegular(name);
      return FromErrno("open", name, error);
    }
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return FromErrno("stat", name, errno);
    if (!S_ISREG(info.st_mode)) return NotRegular(name);
    if (mode != OpenMode::kRead && info.st_nlink > 1 && !FaultPlanted("follow_links"))
      return RefuseManyNames(name, info.st_nlink);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(name), std::move(fd)));
  }

  Result<FileInfo> Stat(PathView path) override {
    ZVEC_ASSIGN_OR_RETURN(std::string name, Terminated("stat", path));
    struct stat info;
    if (::lstat(name.c_str(), &info) != 0) return FromErrno("stat", name, errno);
    return FileInfo{KindOf(info.st_mode), static_cast<std::uint64_t>(info.st_size),
                    static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
  }

  Result<std::vector<DirEntry>> List(PathView directory) override {
    ZVEC_ASSIGN_OR_RETURN(Descriptor fd, OpenDirectory("list", directory));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), &::closedir);
    if (!stream) return FromErrno("list", directory.view(), errno);
    fd.Release();  // the stream closes it
    std::vector<DirEntry> entries;
    for (;;) {
      errno = 0;
      const struct dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") {
        const auto kind = KindOfEntry(::dirfd(stream.get()), directory.view(), *entry);
        if (kind.ok()) entries.push_back({std::string(name), *kind});
        if (!kind.ok() && !kind.status().IsNotFound()) return kind.status();
      }
    }
    if (errno != 0) return FromErrno("list", directory.view(), errno);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  Status CreateDirectory(PathView path) override {
    return OnPath("create directory", path, [](const char* name) { return ::mkdir(name, 0700); });
  }
  Status RemoveFile(PathView path) override {
    return OnPath("remove", path, [](const char* name) { return ::unlink(name); });
  }
  Status RemoveDirectory(PathView path) override {
    return OnPath("remove directory", path, [](const char* name) { return ::rmdir(name); });
  }

  Status Rename(PathView from, PathView to) override {
    return OnTwoPaths(from, to, [](const char* a, const char* b) { return ::rename(a, b); });
  }

  Status RenameNoReplace(PathView from, PathView to) override {
    return OnTwoPaths(from, to, [](const char* a, const char* b) {
      if (::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE) == 0) return 0;
      if (errno != EINVAL && errno != ENOSYS) return -1;
      // A file system without the flag: look first. Two callers may race here; ours hold a lock on the
      // parent.
      struct stat info;
      if (::lstat(b, &info) == 0) {
        errno = EEXIST;
        return -1;
      }
      return errno == ENOENT ? ::rename(a, b) : -1;
    });
  }

  Status Link(PathView from, PathView to) override {
    ZVEC_ASSIGN_OR_RETURN(std::string a, Terminated("link", from));
    ZVEC_ASSIGN_OR_RETURN(std::string b, Terminated("link", to));
    if (::linkat(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), 0) == 0) return Status::Ok();
    const int error = errno;
    const Status status = FromErrno("link", a + " to " + b, error);
    if (error == EXDEV || error == EPERM || error == EMLINK || error == EOPNOTSUPP || error == ENOSYS)
      return Status::Unimplemented(std::string(status.message()));
    return status;
  }

  Status SyncDirectory(PathView path) override {
    if (FaultPlanted("no_sync")) return Status::Ok();
    ZVEC_ASSIGN_OR_RETURN(Descriptor fd, OpenDirectory("sync directory", path));
    if (Retry([&] { return ::fsync(fd.get()); }) == 0) return Status::Ok();
    if (errno == EINVAL) return Status::Ok();  // a file system whose directories cannot be synced
    return FromErrno("sync directory", path.view(), errno);
  }

  Result<std::unique_ptr<FileWatch>> Watch(PathView path) override {
    ZVEC_ASSIGN_OR_RETURN(std::string name, Terminated("watch", path));
    Descriptor fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (fd.get() < 0) return FromErrno("watch", name, errno);
    constexpr std::uint32_t kEvents = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
    if (::inotify_add_watch(fd.get(), name.c_str(), kEvents) < 0) return FromErrno("watch", name, errno);
    return std::unique_ptr<FileWatch>(std::make_unique<PosixWatch>(std::move(fd)));
  }

 private:
  template <class Call>
  static Status OnPath(std::string_view operation, PathView path, Call call) {
    ZVEC_ASSIGN_OR_RETURN(std::string name, Terminated(operation, path));
    if (Retry([&] { return call(name.c_str()); }) == 0) return Status::Ok();
    return FromErrno(operation, name, errno);
  }

  template <class Call>
  static Status OnTwoPaths(PathView from, PathView to, Call call) {
    ZVEC_ASSIGN_OR_RETURN(std::string a, Terminated("rename", from));
    ZVEC_ASSIGN_OR_RETURN(std::string b, Terminated("rename", to));
    if (Retry([&] { return call(a.c_str(), b.c_str()); }) == 0) return Status::Ok();
    return FromErrno("rename", a + " to " + b, errno);
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static Posix* const posix = new Posix;  // never destroyed: collections may be closed by static destructors
  return *posix;
}

}  // namespace cocozvec::inline v0
