#include "write_order.h"

#include <algorithm>
#include <utility>

#include "harness.h"
#include "life.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_names.h"

namespace reliability {

using cocozvec::BaseName;
using cocozvec::DiskOperation;
using cocozvec::IoEvent;
using cocozvec::ParentPath;

namespace {

std::string DirectoryOf(const std::string& path) {
  std::string parent = ParentPath(path);
  return parent.empty() ? "." : parent;
}
bool Named(const std::string& path, std::string_view start) {
  const std::string name(BaseName(path));
  return name.starts_with(start) && !name.ends_with(".tmp");
}
bool IsLock(const std::string& path) { return BaseName(path) == zvec::kLockName; }
/// What a relaxed Create shows before anything is synced.
bool IsUnsettled(const std::string& name) {
  return name == zvec::UnsettledManifestName() || name == zvec::UnsettledLogName() || name == zvec::kLockName;
}
bool IsBelow(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

}  // namespace

void WriteOrderJudge::Problem(const std::string& what) { problems_.push_back(now_ + ": " + what); }

std::vector<std::string> WriteOrderJudge::TakeProblems() { return std::exchange(problems_, {}); }

bool WriteOrderJudge::Pending(const std::string& directory, Name::What what, const std::string& name) const {
  const auto it = names_.find(directory);
  return it != names_.end() && std::any_of(it->second.begin(), it->second.end(), [&](const Name& pending) {
           return pending.what == what && (name.empty() || pending.name == name);
         });
}

void WriteOrderJudge::See(const IoEvent& event) {
  now_ = ToString(event);
  switch (event.operation) {
    case DiskOperation::kOpen:
      files_[event.path] = {};
      names_[DirectoryOf(event.path)].push_back({Name::kMade, std::string(BaseName(event.path))});
      return;
    case DiskOperation::kCreateDirectory:
      names_[DirectoryOf(event.path)].push_back({Name::kMade, std::string(BaseName(event.path))});
      return;
    case DiskOperation::kWrite:
    case DiskOperation::kTruncate:
      if (files_[event.path].published) Problem("a file that a manifest names is changed");
      files_[event.path].dirty = true;
      return;
    case DiskOperation::kSync:
      files_[event.path].dirty = false;
      return;
    case DiskOperation::kSyncDirectory:
      names_.erase(event.path);
      return;
    case DiskOperation::kRename:
      return SeeRename(event.path, event.to);
    case DiskOperation::kLink:
      files_[event.to] = files_[event.path];
      names_[DirectoryOf(event.to)].push_back({Name::kMade, std::string(BaseName(event.to))});
      return;
    case DiskOperation::kRemoveFile:
      return SeeRemoval(event.path);
    default:
      return;
  }
}

void WriteOrderJudge::SeeRename(const std::string& from, const std::string& to) {
  ++judged_;
  if (const auto it = files_.find(from); it != files_.end()) {
    if (it->second.dirty) Problem("renamed before its bytes were synced");
    if (Named(to, "MANIFEST-")) JudgeManifest(DirectoryOf(to), from);
    if (BaseName(to) == zvec::kMarkName)
      for (const auto& [path, file] : files_)
        if (file.dirty && Named(path, "log-")) Problem("the mark is set before " + path + " is synced");
    files_[to] = it->second;
    files_.erase(from);
  } else {
    // A directory: everything in it must be whole before it is shown under its name, or hidden. Or it is
    // newborn and says so by its names; then it is judged when it gets others, and when something durable is
    // acknowledged.
    const bool newborn = !durable_ && std::all_of(names_[from].begin(), names_[from].end(),
                                                  [](const Name& made) { return IsUnsettled(made.name); });
    if (!names_[from].empty() && !newborn && !Named(to, "."))
      Problem("a directory is shown before its names are synced");
    std::map<std::string, FileState> moved;
    for (auto it = files_.begin(); it != files_.end();) {
      if (!IsBelow(it->first, from)) {
        ++it;
        continue;
      }
      const bool unsettled = newborn && IsUnsettled(std::string(BaseName(it->first)));
      if (it->second.dirty && !IsLock(it->first) && !unsettled && !Named(to, "."))
        Problem(it->first + " is shown before its bytes are synced");
      if (it->second.named_by < 0 && !unsettled) it->second.named_by = manifest_;
      moved[to + it->first.substr(from.size())] = it->second;
      it = files_.erase(it);
    }
    files_.merge(moved);
    if (newborn) names_[to] = names_[from];
    names_.erase(from);
  }
  names_[DirectoryOf(to)].push_back({Name::kRenamed, std::string(BaseName(to))});
}

/// A manifest gets its name: what it names is durable, names and bytes.
void WriteOrderJudge::JudgeManifest(const std::string& directory, const std::string& from) {
  if (Pending(directory, Name::kMade) || Pending(directory, Name::kRenamed))
    Problem("a name that the manifest may need is not synced");
  for (auto& [path, file] : files_) {
    if (DirectoryOf(path) != directory || path == from || IsLock(path)) continue;
    // The old log of a relaxed collection may be unsynced: the new segment holds its rows.
    const bool log = Named(path, "log-");
    if (file.dirty && (durable_ || !log)) Problem(path + " is not synced");
    if (log) file.dirty = false;
    if (file.named_by < 0) file.named_by = manifest_ + 1;
    if (!log && BaseName(path) != zvec::kMarkName) file.published = true;
  }
  ++manifest_;
}

void WriteOrderJudge::SeeRemoval(const std::string& path) {
  ++judged_;
  const std::string directory = DirectoryOf(path);
  if (Pending(directory, Name::kRenamed)) Problem("removed before the rename that replaces it is durable");
  if (Pending(DirectoryOf(directory), Name::kRenamed, std::string(BaseName(directory))))
    Problem("removed before the rename of its directory is durable");
  const FileState& file = files_[path];
  if (file.named_by >= 0 && file.named_by == manifest_ && !BaseName(directory).starts_with('.'))
    Problem("removed while the newest manifest names it");
  files_.erase(path);
  auto& names = names_[directory];
  std::erase_if(names, [&](const Name& name) { return name.name == BaseName(path); });
  names.push_back({Name::kRemoved, std::string(BaseName(path))});
}

void WriteOrderJudge::Acknowledged(bool durable) {
  ++judged_;
  now_ = "acknowledged";
  if (!durable) return;
  for (const auto& [path, file] : files_)
    if (file.dirty && !IsLock(path)) Problem(path + " is not synced");
  for (const auto& [directory, names] : names_)
    for (const Name& name : names)
      if (name.what != Name::kRemoved && name.name != zvec::kLockName)
        Problem("the name " + name.name + " in " + directory + " is not synced");
}

void WriteOrder(const Settings& settings, Tally& tally) {
  for (std::uint64_t seed = settings.from; seed < settings.from + settings.count; ++seed) {
    Random random(seed);
    const bool durable = seed % 3 != 0;
    cocozvec::SimDisk disk;
    cocozvec::Recorder recorder(disk);
    World world = SmallWorld(recorder, durable ? zvec::Durability::kDurable : zvec::Durability::kRelaxed);
    WriteOrderJudge judge(durable);
    const auto take = [&](const Step& step, bool promises) {
      const auto status = step.run(world);
      if (!status.ok())
        tally.Violation("seed " + std::to_string(seed) + ", " + step.name + ": " + status.ToString());
      for (const IoEvent& event : recorder.Take()) {
        judge.See(event);
        tally.Count("events");
      }
      judge.Acknowledged(promises);
      for (const std::string& problem : judge.TakeProblems())
        tally.Violation("seed " + std::to_string(seed) + ", " + step.name + ": " + problem);
      return status.ok();
    };
    bool going = take(CreateStep(), durable);
    for (int i = 0; i < 20 && going; ++i) {
      const auto kind = static_cast<Kind>(random() % kKinds);
      going = take(MakeStep(kind, random), durable || MakesDurable(kind));
    }
    world.collection.reset();
    tally.Count("judged", judge.judged());
  }
}

}  // namespace reliability
