#include <algorithm>
#include <memory>

#include "base/io/file_system.h"
#include "base/utf8.h"
#include "cocoindex/connectors/localfs.h"
#include "cocoindex/errors.h"
#include "connectors/localfs/glob.h"
#include "connectors/localfs/ignore.h"
#include "connectors/localfs/look.h"

namespace cocoindex::inline v0::connectors::localfs {
namespace {

using cocozvec::FileKind;
using cocozvec::IsUtf8;
using cocozvec::JoinPath;
using cocozvec::Printable;
using cocozvec::StatusCode;

constexpr std::uint64_t kMaxIgnoreFile = 1 << 20;

/// A .gitignore and those above it.
struct IgnoreScope {
  std::shared_ptr<const IgnoreScope> above;
  std::size_t folder_size;  // bytes of the folder's path and the slash behind it
  IgnoreFile file;
};

struct PendingFolder {
  std::string path;  // below the root; empty: the root
  bool included;     // by a pattern that names this folder or one above
  std::shared_ptr<const IgnoreScope> ignore;
};

std::vector<Glob> ParsePatterns(const std::vector<std::string>& patterns, const char* what) {
  std::vector<Glob> globs;
  for (const std::string& pattern : patterns) {
    Glob glob(pattern);
    if (!glob.valid() || pattern.starts_with('!')) {
      throw InvalidRequest(std::string(what) + " pattern \"" + Printable(pattern) + "\": " +
                           (pattern.starts_with('!') ? "'!' has no meaning here" : "it can match nothing"));
    }
    globs.push_back(std::move(glob));
  }
  return globs;
}

bool AnyMatches(const std::vector<Glob>& globs, std::string_view path, bool is_directory) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const Glob& g) { return g.Matches(path, is_directory); });
}

class Walker {
 public:
  Walker(cocozvec::PathView root, const WalkOptions& options)
      : root_(root.str()),
        options_(options),
        include_(ParsePatterns(options.include, "include")),
        exclude_(ParsePatterns(options.exclude, "exclude")) {}

  WalkResult Run() {
    Visit({"", include_.empty(), nullptr}, ListRoot());
    while (!pending_.empty()) {
      const PendingFolder folder = std::move(pending_.back());
      pending_.pop_back();
      auto entries = fs_.List(JoinPath(root_, folder.path));
      if (entries.ok()) {
        Visit(folder, *entries);
      } else {
        const bool gone = entries.status().IsNotFound();
        Skipped({Printable(folder.path), gone ? Skip::vanished : Skip::unreadable,
                 std::string(entries.status().message()), true});
      }
    }
    std::sort(out_.files.begin(), out_.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    std::sort(out_.skipped.begin(), out_.skipped.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(out_);
  }

 private:
  std::vector<cocozvec::DirEntry> ListRoot() {
    auto entries = fs_.List(root_);
    if (entries.ok()) return *std::move(entries);
    auto info = fs_.Stat(root_);
    if (info.ok() && info->kind == FileKind::kFile)
      throw InvalidRequest("folder " + root_ + ": it is a file");
    throw InvalidRequest("folder " + root_ + ": " + std::string(entries.status().message()));
  }

  void Visit(const PendingFolder& folder, const std::vector<cocozvec::DirEntry>& entries) {
    PendingFolder below{"", folder.included, folder.ignore};
    if (options_.respect_gitignore) ReadIgnoreFile(folder.path, entries, below.ignore);
    for (const cocozvec::DirEntry& entry : entries) {
      const std::string path = JoinPath(folder.path, entry.name);
      if (!IsUtf8(entry.name)) {
        Skipped({Printable(path), Skip::not_utf8_name, {}});
      } else if (entry.kind == FileKind::kDirectory) {
        VisitDirectory(path, entry.name, below);
      } else if (Excluded(path, false, below.ignore.get()) ||
                 !(folder.included || AnyMatches(include_, path, false))) {
        Ignored();
      } else {
        Looked looked = LookAt(JoinPath(root_, path), path, options_.max_file_bytes);
        if (looked.entry) {
          out_.files.push_back(*std::move(looked.entry));
        } else {
          Skipped(std::move(looked.skipped));
        }
      }
    }
  }

  void VisitDirectory(const std::string& path, const std::string& name, const PendingFolder& parent) {
    const bool git = options_.respect_gitignore && name == ".git";
    if (git || Excluded(path, true, parent.ignore.get())) return Ignored();
    pending_.push_back({path, parent.included || AnyMatches(include_, path, true), parent.ignore});
  }

  void ReadIgnoreFile(const std::string& folder, const std::vector<cocozvec::DirEntry>& entries,
                      std::shared_ptr<const IgnoreScope>& scope) {
    const auto is_ignore_file = [](const auto& e) {
      return e.name == ".gitignore" && e.kind == FileKind::kFile;
    };
    if (std::none_of(entries.begin(), entries.end(), is_ignore_file)) return;
    const std::string path = JoinPath(folder, ".gitignore");
    auto text = cocozvec::ReadFile(fs_, JoinPath(root_, path), kMaxIgnoreFile);
    if (!text.ok()) {  // its rules are unknown, so what they would leave out is taken; the report says so
      Skipped(
          {Printable(path), Skip::unreadable, "rules not applied: " + std::string(text.status().message())});
      return;
    }
    scope = std::make_shared<const IgnoreScope>(
        IgnoreScope{scope, folder.empty() ? 0 : folder.size() + 1, IgnoreFile(*text)});
  }

  bool Excluded(const std::string& path, bool is_directory, const IgnoreScope* scope) const {
    if (AnyMatches(exclude_, path, is_directory)) return true;
    for (; scope != nullptr; scope = scope->above.get()) {
      const auto decided =
          scope->file.Decide(std::string_view(path).substr(scope->folder_size), is_directory);
      if (decided) return *decided;
    }
    return false;
  }

  void Ignored() { ++out_.skip_counts[static_cast<std::size_t>(Skip::ignored)]; }
  void Skipped(SkippedEntry entry) {
    ++out_.skip_counts[static_cast<std::size_t>(entry.reason)];
    out_.skipped.push_back(std::move(entry));
  }

  cocozvec::FileSystem& fs_ = cocozvec::PosixFileSystem();
  const std::string root_;
  const WalkOptions& options_;
  const std::vector<Glob> include_, exclude_;
  std::vector<PendingFolder> pending_;
  WalkResult out_;
};

}  // namespace

WalkResult walk(cocozvec::PathView root, const WalkOptions& options) { return Walker(root, options).Run(); }

std::vector<std::pair<StableKey, FileRef>> WalkResult::items(
    const std::shared_ptr<const Folder>& folder) const {
  std::vector<std::pair<StableKey, FileRef>> out;
  out.reserve(files.size());
  for (const FileEntry& entry : files) out.emplace_back(entry.key(), FileRef(folder, entry));
  return out;
}

}  // namespace cocoindex::inline v0::connectors::localfs
