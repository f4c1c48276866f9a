#include "base/io/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "base/io/sim_disk_state.h"

namespace cocozvec::inline v0 {
namespace {

constexpr std::uint64_t kLargestOffset = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;  // all of it is in memory
constexpr std::size_t kLongestName = 255;

Status Failure(StatusCode code, std::string_view operation, std::string_view path, int error) {
  std::string text(operation);
  text.append(" ").append(path).append(": ").append(std::generic_category().message(error));
  return {code, std::move(text)};
}
Status IoFailure(std::string_view operation, std::string_view path, int error) {
  return Failure(StatusCode::kIoError, operation, path, error);
}
Status Missing(std::string_view operation, std::string_view path) {
  return Failure(StatusCode::kNotFound, operation, path, ENOENT);
}
Status Taken(std::string_view operation, std::string_view path) {
  return Failure(StatusCode::kAlreadyExists, operation, path, EEXIST);
}

/// One call on the disk: holds the lock, counts, injects faults; reports the change after the lock is
/// released.
class ZVEC_SCOPED_CAPABILITY Call {
 public:
  Call(SimDisk::State& state, DiskOperation operation, std::string_view name, std::string_view path)
      ZVEC_ACQUIRE(state.mu)
      : state_(state), operation_(operation), name_(name), path_(path) {
    state_.mu.Lock();
    ++state_.calls;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() ZVEC_RELEASE() {
    std::function<void(const DiskChange&)> hook;
    if (change_ != 0) hook = state_.hook;
    state_.mu.Unlock();
    if (hook) hook({change_, operation_, std::string(path_)});
  }

  /// Not OK: the caller returns it. `injected()` tells then whether a fault struck, rather than the power
  /// being off.
  Status Begin(bool needs_space) ZVEC_NO_THREAD_SAFETY_ANALYSIS {  // holds it, as this object lives
    if (state_.changes >= state_.stop_after) {
      return Status::IoError(std::string(name_) + " " + std::string(path_) + ": the power is off");
    }
    const bool can_strike = state_.fault == DiskFault::kIoError || needs_space;
    if (state_.fail_at == 0 || state_.calls < state_.fail_at || !can_strike) return Status::Ok();
    ++state_.faults_struck;
    if (!state_.sticky) state_.fail_at = 0;
    injected_ = true;
    if (state_.fault == DiskFault::kIoError) return IoFailure(name_, path_, EIO);
    return Failure(StatusCode::kResourceExhausted, name_, path_, ENOSPC);
  }
  bool injected() const { return injected_; }

  void Changed() ZVEC_NO_THREAD_SAFETY_ANALYSIS { change_ = ++state_.changes; }

 private:
  SimDisk::State& state_;
  const DiskOperation operation_;
  const std::string_view name_, path_;
  std::uint64_t change_ = 0;
  bool injected_ = false;
};

class SimMapping final : public Mapping {
 public:
  explicit SimMapping(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const noexcept override { return std::as_bytes(std::span(bytes_)); }
  Status Populate(std::uint64_t, std::uint64_t) const override { return Status::Ok(); }

 private:
  const std::string bytes_;
};

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimDisk::State> state, SimNodePtr node, std::string path, bool writable)
      : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), writable_(writable) {}
  ~SimFile() override {
    MutexLock lock(state_->mu);
    DropLock();
  }

  const std::string& path() const noexcept override { return path_; }

  Result<std::uint64_t> Size() const override {
    Call call(*state_, DiskOperation::kSize, "stat", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    return std::uint64_t{node_->current.size()};
  }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    Call call(*state_, DiskOperation::kRead, "read", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    ZVEC_RETURN_IF_ERROR(CheckRange("read", offset, out.size()));
    const auto all = std::as_bytes(std::span(node_->current));
    if (offset >= all.size()) return std::size_t{0};
    const auto part = all.subspan(offset, std::min<std::size_t>(out.size(), all.size() - offset));
    std::copy(part.begin(), part.end(), out.begin());
    return part.size();
  }

  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    Call call(*state_, DiskOperation::kWrite, "write", path_);
    const Status status = call.Begin(true);
    if (!status.ok() && !call.injected()) return status;
    ZVEC_RETURN_IF_ERROR(CheckRange("write", offset, data.size()));
    if (!writable_) return IoFailure("write", path_, EBADF);
    if (offset + data.size() > kLargestFile) return IoFailure("write", path_, EFBIG);
    const std::size_t length = status.ok() ? data.size() : data.size() / 2;
    if (length != 0) {
      state_->Apply(*node_,
                    {0, false, offset, std::string(reinterpret_cast<const char*>(data.data()), length)});
      call.Changed();
    }
    return status;
  }

  Status Truncate(std::uint64_t size) override {
    Call call(*state_, DiskOperation::kTruncate, "truncate", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(size > node_->current.size()));
    ZVEC_RETURN_IF_ERROR(CheckRange("truncate", size, 0));
    if (!writable_) return IoFailure("truncate", path_, EINVAL);
    if (size > kLargestFile) return IoFailure("truncate", path_, EFBIG);
    if (size != node_->current.size()) {
      state_->Apply(*node_, {0, true, size, {}});
      call.Changed();
    }
    return Status::Ok();
  }

  Status Sync() override {
    Call call(*state_, DiskOperation::kSync, "sync", path_);
    const Status status = call.Begin(true);
    if (call.injected()) state_->ForgetUnsynced(*node_);
    ZVEC_RETURN_IF_ERROR(status);
    state_->SyncFile(*node_);
    call.Changed();
    return Status::Ok();
  }

  Result<std::unique_ptr<Mapping>> Map(std::uint64_t size) const override {
    Call call(*state_, DiskOperation::kMap, "map", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    if (size > node_->current.size()) {
      return Status::InvalidArgument("map " + path_ + ": " + std::to_string(size) + " bytes of a file of " +
                                     std::to_string(node_->current.size()));
    }
    return std::unique_ptr<Mapping>(std::make_unique<SimMapping>(node_->current.substr(0, size)));
  }

  Status TryLock(bool exclusive) override {
    Call call(*state_, DiskOperation::kLock, "lock", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    if (exclusive && !writable_) return IoFailure("lock", path_, EBADF);
    const bool others_share = node_->shared.size() > node_->shared.count(this);
    const bool other_owns = node_->exclusive != nullptr && node_->exclusive != this;
    if (other_owns || (exclusive && others_share)) {
      return Status::Busy("lock " + path_ + ": held by another handle");
    }
    DropLock();
    if (exclusive) {
      node_->exclusive = this;
    } else {
      node_->shared.insert(this);
    }
    return Status::Ok();
  }

  Status Unlock() override {
    Call call(*state_, DiskOperation::kLock, "unlock", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    DropLock();
    return Status::Ok();
  }

  Result<HeldLock> OtherLock() const override {
    Call call(*state_, DiskOperation::kLock, "look at the lock of", path_);
    ZVEC_RETURN_IF_ERROR(call.Begin(false));
    if (node_->exclusive != nullptr && node_->exclusive != this) return HeldLock::kExclusive;
    return node_->shared.size() > node_->shared.count(this) ? HeldLock::kShared : HeldLock::kNone;
  }

 private:
  Status CheckRange(std::string_view operation, std::uint64_t offset, std::uint64_t size) const {
    if (offset <= kLargestOffset && size <= kLargestOffset - offset) return Status::Ok();
    return Status::InvalidArgument(std::string(operation) + " " + path_ + ": " + std::to_string(size) +
                                   " bytes at offset " + std::to_string(offset) +
                                   " pass the largest file size " + std::to_string(kLargestOffset));
  }
  void DropLock() {
    if (node_->exclusive == this) node_->exclusive = nullptr;
    node_->shared.erase(this);
  }

  const std::shared_ptr<SimDisk::State> state_;
  const SimNodePtr node_;
  const std::string path_;
  const bool writable_;
};

Result<std::vector<std::string_view>> Split(std::string_view operation, std::string_view path) {
  if (path.find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(std::string(operation) + ": a path with a NUL byte in it");
  }
  if (path.empty()) return Missing(operation, path);
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    start = end + 1;
    if (part.size() > kLongestName) return IoFailure(operation, path, ENAMETOOLONG);
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return parts;
}

/// A name in a directory that exists, and what it names, if anything.
struct Place {
  SimNodePtr directory;
  std::string name;
  SimNodePtr node;
};

Result<SimNodePtr> Walk(SimNodePtr node, std::span<const std::string_view> parts, std::string_view operation,
                        std::string_view path) {
  std::vector<SimNodePtr> above;
  for (std::string_view part : parts) {
    if (node->kind != FileKind::kDirectory) return IoFailure(operation, path, ENOTDIR);
    if (part == "..") {
      if (above.empty()) continue;  // the root is its own parent
      node = std::move(above.back());
      above.pop_back();
      continue;
    }
    auto it = node->entries.find(part);
    if (it == node->entries.end()) return Missing(operation, path);
    above.push_back(std::exchange(node, SimNodePtr(it->second)));
  }
  return node;
}

Result<SimNodePtr> Find(const SimNodePtr& root, std::string_view operation, std::string_view path) {
  ZVEC_ASSIGN_OR_RETURN(std::vector<std::string_view> parts, Split(operation, path));
  return Walk(root, parts, operation, path);
}

Result<SimNodePtr> FindDirectory(const SimNodePtr& root, std::string_view operation, std::string_view path) {
  ZVEC_ASSIGN_OR_RETURN(SimNodePtr node, Find(root, operation, path));
  if (node->kind != FileKind::kDirectory) return IoFailure(operation, path, ENOTDIR);
  return node;
}

/// `shown` stands for the path in messages.
Result<Place> Locate(const SimNodePtr& root, std::string_view operation, std::string_view path,
                     std::string_view shown) {
  ZVEC_ASSIGN_OR_RETURN(std::vector<std::string_view> parts, Split(operation, path));
  if (parts.empty()) return Place{nullptr, "/", root};
  if (parts.back() == "..") return IoFailure(operation, shown, EBUSY);
  Place place;
  place.name = parts.back();
  parts.pop_back();
  ZVEC_ASSIGN_OR_RETURN(place.directory, Walk(root, parts, operation, shown));
  if (place.directory->kind != FileKind::kDirectory) return IoFailure(operation, shown, ENOTDIR);
  auto it = place.directory->entries.find(place.name);
  if (it != place.directory->entries.end()) place.node = it->second;
  return place;
}

bool Contains(const SimNode& tree, const SimNode* wanted) {
  if (&tree == wanted) return true;
  return std::any_of(tree.entries.begin(), tree.entries.end(),
                     [&](const auto& entry) { return Contains(*entry.second, wanted); });
}

/// As rename(2): what may take whose place.
Status CheckRename(const Place& from, const Place& to, std::string_view operation, const std::string& path) {
  if (!from.node) return Missing(operation, path);
  if (!from.directory || !to.directory) return IoFailure(operation, path, EBUSY);
  if (Contains(*from.node, to.directory.get())) return IoFailure(operation, path, EINVAL);
  if (!to.node) return Status::Ok();
  if (Contains(*to.node, from.node.get())) return IoFailure(operation, path, ENOTEMPTY);
  const bool directory = from.node->kind == FileKind::kDirectory;
  if (directory && to.node->kind != FileKind::kDirectory) return IoFailure(operation, path, ENOTDIR);
  if (!directory && to.node->kind == FileKind::kDirectory) return IoFailure(operation, path, EISDIR);
  if (!to.node->entries.empty()) return IoFailure(operation, path, ENOTEMPTY);
  return Status::Ok();
}

Status Move(SimDisk::State& state, PathView from, PathView to, bool replace) {
  constexpr std::string_view kName = "rename";
  const std::string both = from.str() + " to " + to.str();
  Call call(state, DiskOperation::kRename, kName, both);
  ZVEC_RETURN_IF_ERROR(call.Begin(false));
  ZVEC_ASSIGN_OR_RETURN(Place source, Locate(state.root, kName, from.view(), both));
  ZVEC_ASSIGN_OR_RETURN(Place target, Locate(state.root, kName, to.view(), both));
  if (!source.node) return Missing(kName, both);
  if (!replace && target.node) return Taken(kName, both);
  if (source.node == target.node) return Status::Ok();
  ZVEC_RETURN_IF_ERROR(CheckRename(source, target, kName, both));
  state.Apply({source.directory, target.directory, source.name, target.name, source.node});
  call.Changed();
  return Status::Ok();
}

std::uint64_t CountNames(const SimNode& tree, const SimNode* wanted) {
  std::uint64_t names = 0;
  for (const auto& [name, node] : tree.entries)
    names += (node.get() == wanted ? 1 : 0) + CountNames(*node, wanted);
  return names;
}

Status Remove(SimDisk::State& state, DiskOperation operation, std::string_view name, PathView path) {
  Call call(state, operation, name, path.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(false));
  ZVEC_ASSIGN_OR_RETURN(Place place, Locate(state.root, name, path.view(), path.view()));
  if (!place.node) return Missing(name, path.view());
  if (!place.directory) return IoFailure(name, path.view(), EBUSY);
  const bool directory = place.node->kind == FileKind::kDirectory;
  if (directory != (operation == DiskOperation::kRemoveDirectory)) {
    return IoFailure(name, path.view(), directory ? EISDIR : ENOTDIR);
  }
  if (!place.node->entries.empty()) return IoFailure(name, path.view(), ENOTEMPTY);
  state.Apply({place.directory, nullptr, place.name, {}, place.node});
  call.Changed();
  return Status::Ok();
}

}  // namespace

SimDisk::SimDisk() : state_(std::make_shared<State>()) {}
SimDisk::SimDisk(std::shared_ptr<State> state) : state_(std::move(state)) {}
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<File>> SimDisk::Open(PathView path, OpenMode mode) {
  const bool may_create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  Call call(*state_, DiskOperation::kOpen, "open", path.view());
  Result<Place> found = Locate(state_->root, "open", path.view(), path.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(found.ok() && !found->node && may_create));
  ZVEC_ASSIGN_OR_RETURN(Place place, std::move(found));
  if (place.node && mode == OpenMode::kCreateNew) return Taken("open", path.view());
  if (place.node && place.node->kind != FileKind::kFile) {
    return Status::IoError("open " + path.str() + ": not a regular file");
  }
  if (place.node && mode != OpenMode::kRead && place.node->linked) {
    const std::uint64_t names = CountNames(*state_->root, place.node.get());
    if (names > 1) return RefuseManyNames(path, names);
  }
  if (!place.node) {
    if (!may_create) return Missing("open", path.view());
    place.node = state_->NewNode(FileKind::kFile);
    state_->Apply({nullptr, place.directory, {}, place.name, place.node});
    call.Changed();
  }
  const bool writable = mode != OpenMode::kRead;
  return std::unique_ptr<File>(std::make_unique<SimFile>(state_, place.node, path.str(), writable));
}

Result<FileInfo> SimDisk::Stat(PathView path) {
  Call call(*state_, DiskOperation::kStat, "stat", path.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(false));
  ZVEC_ASSIGN_OR_RETURN(SimNodePtr node, Find(state_->root, "stat", path.view()));
  return FileInfo{node->kind, node->current.size(), state_->device, node->id};
}

Result<std::vector<DirEntry>> SimDisk::List(PathView directory) {
  Call call(*state_, DiskOperation::kList, "list", directory.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(false));
  ZVEC_ASSIGN_OR_RETURN(SimNodePtr node, FindDirectory(state_->root, "list", directory.view()));
  std::vector<DirEntry> entries;
  for (const auto& [name, child] : node->entries) entries.push_back({name, child->kind});
  return entries;
}

Status SimDisk::CreateDirectory(PathView path) {
  Call call(*state_, DiskOperation::kCreateDirectory, "create directory", path.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(true));
  ZVEC_ASSIGN_OR_RETURN(Place place, Locate(state_->root, "create directory", path.view(), path.view()));
  if (place.node) return Taken("create directory", path.view());
  state_->Apply({nullptr, place.directory, {}, place.name, state_->NewNode(FileKind::kDirectory)});
  call.Changed();
  return Status::Ok();
}

Status SimDisk::Rename(PathView from, PathView to) { return Move(*state_, from, to, true); }
Status SimDisk::RenameNoReplace(PathView from, PathView to) { return Move(*state_, from, to, false); }

Status SimDisk::Link(PathView from, PathView to) {
  constexpr std::string_view kName = "link";
  const std::string both = from.str() + " to " + to.str();
  Call call(*state_, DiskOperation::kLink, kName, both);
  ZVEC_RETURN_IF_ERROR(call.Begin(true));
  ZVEC_ASSIGN_OR_RETURN(Place source, Locate(state_->root, kName, from.view(), both));
  if (!source.node) return Missing(kName, both);
  ZVEC_ASSIGN_OR_RETURN(Place target, Locate(state_->root, kName, to.view(), both));
  if (target.node) return Taken(kName, both);
  if (source.node->kind != FileKind::kFile) return Failure(StatusCode::kUnimplemented, kName, both, EPERM);
  source.node->linked = true;
  state_->Apply({nullptr, target.directory, {}, target.name, source.node});
  call.Changed();
  return Status::Ok();
}

Status SimDisk::RemoveFile(PathView path) {
  return Remove(*state_, DiskOperation::kRemoveFile, "remove", path);
}
Status SimDisk::RemoveDirectory(PathView path) {
  return Remove(*state_, DiskOperation::kRemoveDirectory, "remove directory", path);
}

Status SimDisk::SyncDirectory(PathView path) {
  Call call(*state_, DiskOperation::kSyncDirectory, "sync directory", path.view());
  ZVEC_RETURN_IF_ERROR(call.Begin(false));
  ZVEC_ASSIGN_OR_RETURN(SimNodePtr node, FindDirectory(state_->root, "sync directory", path.view()));
  state_->SyncNames(node);
  call.Changed();
  return Status::Ok();
}

std::unique_ptr<SimDisk> SimDisk::PowerCut(PowerCutKind kind, std::uint64_t seed) const {
  MutexLock lock(state_->mu);
  return std::unique_ptr<SimDisk>(new SimDisk(state_->PowerCut(kind, seed)));
}

std::unique_ptr<SimDisk> SimDisk::ProcessKill() const {
  MutexLock lock(state_->mu);
  return std::unique_ptr<SimDisk>(new SimDisk(state_->ProcessKill()));
}

std::uint64_t SimDisk::unsynced_names() const {
  MutexLock lock(state_->mu);
  return state_->names.size();
}
std::uint64_t SimDisk::calls() const {
  MutexLock lock(state_->mu);
  return state_->calls;
}
std::uint64_t SimDisk::changes() const {
  MutexLock lock(state_->mu);
  return state_->changes;
}
std::uint64_t SimDisk::faults_struck() const {
  MutexLock lock(state_->mu);
  return state_->faults_struck;
}

void SimDisk::FailAt(std::uint64_t call, DiskFault fault, bool sticky) {
  MutexLock lock(state_->mu);
  state_->fail_at = std::max<std::uint64_t>(call, 1);
  state_->fault = fault;
  state_->sticky = sticky;
}

void SimDisk::ClearFault() {
  MutexLock lock(state_->mu);
  state_->fail_at = 0;
}

void SimDisk::StopAfter(std::uint64_t changes) {
  MutexLock lock(state_->mu);
  state_->stop_after = changes;
}

bool SimDisk::stopped() const {
  MutexLock lock(state_->mu);
  return state_->changes >= state_->stop_after;
}

void SimDisk::OnChange(std::function<void(const DiskChange&)> hook) {
  MutexLock lock(state_->mu);
  state_->hook = std::move(hook);
}

}  // namespace cocozvec::inline v0
