// R9: sizes and numbers that a file declares, with every checksum right: an error, or an answer, but no
// crash, no hang and no large allocation. S1, S2, S3: links, pipes and directories under every name that we
// open or make; nothing outside the directory is touched, and nobody else may read what we make.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/fault.h"
#include "failing_new.h"
#include "victim.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/upkeep.h"

namespace reliability {

namespace fs = std::filesystem;
using zvec::testing_docs::AllTypesDoc;
using zvec::testing_docs::AllTypesSchema;

namespace {

constexpr std::uint64_t kValues[] = {0x7FFF'FFFF,
                                     0x8000'0000,
                                     0xFFFF'FFFF,
                                     0x1'0000'0000,
                                     0x7FFF'FFFF'FFFF'FFFF,
                                     0x8000'0000'0000'0000,
                                     0xFFFF'FFFF'FFFF'FFFF,
                                     0xFFFF'FFFF'FFFF'FF00,
                                     0,
                                     1};

/// Verify and repair read the same bytes another way.
void VerifyAndRepair(const Victim& victim, const std::string& name, const std::string& content) {
  const auto disk = victim.Copy({{name, &content}});
  const auto options = Victim::OptionsOn(*disk);
  (void)zvec::Verify("c", options);
  (void)zvec::Repair("c", "repaired", options);
}

}  // namespace

/// Case n: a byte of all files, from which on 4 or 8 bytes are replaced by each of the values above, or (a
/// tenth) random bytes are strewn around it. All checksums are one constant, so that nothing is turned away.
void DeclaredSizes(const Settings& settings, Tally& tally) {
#if defined(ZVEC_TEST_HOOKS)
  cocozvec::PlantFault("no_checksums", true);
#else
  return tally.Violation("only a test build reads files whose checksums are wrong");
#endif
  const Victim victim;
  if (victim.Judge({}, "", true).counted != "harmless") return tally.Violation("the victim is not whole");
  tally.Most("bytes", victim.bytes());
  if (settings.from > victim.bytes()) return;
  const std::uint64_t count = std::min(settings.count, victim.bytes() + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    LimitNew(victim.bytes() + (64u << 20));
    constexpr std::uint64_t kPrime = 4'294'967'291;
    const auto [name, offset] = victim.Place((n - 1) * (kPrime % victim.bytes()) % victim.bytes());
    Random random(n);
    int verified = 0;
    for (std::size_t v = 0; v < std::size(kValues); ++v)
      for (const std::size_t width : {4, 8}) {
        const std::uint64_t value = kValues[v];
        std::string content = victim.files().at(name);
        if (offset + width > content.size()) continue;
        for (std::size_t i = 0; i < width; ++i) content[offset + i] = static_cast<char>(value >> (8 * i));
        (void)victim.Judge({{name, &content}}, name, value % 2 == 1);
        if (v != n % std::size(kValues)) continue;
        VerifyAndRepair(victim, name, content);
        ++verified;
      }
    std::string content = victim.files().at(name);
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t at = offset < 64 ? random() % content.size() : offset - 32 + random() % 64;
      if (at < content.size()) content[at] = static_cast<char>(random());
    }
    (void)victim.Judge({{name, &content}}, name, true);
    VerifyAndRepair(victim, name, content);
    ++verified;
    return {"places, verified and repaired " + std::to_string(verified) + " times", ""};
  });
#if defined(ZVEC_TEST_HOOKS)
  cocozvec::PlantFault("no_checksums", false);
#endif
}

namespace {

enum class Trick { kSymbolicLink, kDanglingLink, kLinkToDirectory, kHardLink, kPipe, kDirectory };
constexpr Trick kTricks[] = {Trick::kSymbolicLink, Trick::kDanglingLink, Trick::kLinkToDirectory,
                             Trick::kHardLink,     Trick::kPipe,         Trick::kDirectory};

std::string ReadWhole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `root`/c with the victim's files, and `root`/outside, which must stay as it is.
class Trap {
 public:
  Trap(const Victim& victim, fs::path root) : victim_(victim), root_(std::move(root)) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "c");
    fs::create_directories(root_ / "outside" / "directory");
    for (const auto& [name, content] : victim.files()) std::ofstream(root_ / "c" / name) << content;
    std::ofstream(root_ / "outside" / "directory" / "kept") << "kept";
  }

  void Plant(const std::string& name, Trick trick) {
    const fs::path at = root_ / "c" / name, outside = root_ / "outside" / "file";
    // What it would find there is what belongs there.
    content_ = fs::exists(at) ? ReadWhole(at) : "content";
    std::ofstream(outside) << content_;
    fs::remove(at);
    if (trick == Trick::kSymbolicLink) fs::create_symlink(outside, at);
    if (trick == Trick::kDanglingLink) fs::create_symlink(root_ / "outside" / "made", at);
    if (trick == Trick::kLinkToDirectory) fs::create_symlink(root_ / "outside" / "directory", at);
    if (trick == Trick::kHardLink) fs::create_hard_link(outside, at);
    if (trick == Trick::kPipe && mkfifo(at.c_str(), 0600) != 0) std::abort();
    if (trick == Trick::kDirectory) fs::create_directory(at);
  }

  /// Everything a program does with a collection; errors are fine.
  void Use() const {
    const std::string path = root_ / "c";
    auto options = Victim::OptionsOn(cocozvec::PosixFileSystem());
    options.read_only = true;
    (void)Collection::ReadMark(path);
    if (auto opened = Collection::Open(path, options); opened.ok()) (void)victim_.JudgeOpen(**opened, "");
    options.read_only = false;
    if (auto opened = Collection::Open(path, options); opened.ok()) {
      (void)victim_.JudgeOpen(**opened, "");
      for (int i = 0; i < 12; ++i)
        (void)(*opened)->Upsert(std::vector{AllTypesDoc("later" + std::to_string(i), i)});
      (void)(*opened)->SetMark("another");
      (void)(*opened)->Delete(std::vector<std::string>{"doc2"});
      (void)(*opened)->Optimize();
    }
    if (Collection::Open(path, options).ok()) (void)Collection::Destroy(path, options);
  }

  std::string Touched() const {
    if (ReadWhole(root_ / "outside" / "file") != content_) return "a file outside was changed";
    if (ReadWhole(root_ / "outside" / "directory" / "kept") != "kept") return "a directory was touched";
    std::uint64_t entries = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "outside")) entries += entry.exists();
    return entries == 3 ? "" : "something was made or removed outside";
  }

 private:
  const Victim& victim_;
  const fs::path root_;
  std::string content_;
};

std::string WiderThanOurs(const fs::path& root) {
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat info{};
    if (lstat(entry.path().c_str(), &info) != 0) continue;
    const mode_t allowed = S_ISDIR(info.st_mode) ? 0700 : 0600;
    if ((info.st_mode & 07777 & ~allowed) != 0) return entry.path().string() + " is open to others";
  }
  return "";
}

/// S1 and S3: names of a user that look like paths, under umask 000.
Outcome NamesAndModes(const fs::path& root) {
  fs::remove_all(root);
  fs::create_directories(root / "mine");
  fs::permissions(root / "mine", fs::perms::owner_all);
  const mode_t old = umask(0);
  int named = 0;
  for (const std::string name :
       {"../x", "/etc/passwd", "..", ".", "a/../../b", "\xE2\x80\xAE", "-rf", "C:\\x"}) {
    zvec::CollectionSchema schema = NoteSchema();
    schema.name = name;
    const std::string path = root / "mine" / "c";
    auto options = Victim::OptionsOn(cocozvec::PosixFileSystem());
    auto made = Collection::Create(path, schema, options);
    if (!made.ok()) continue;  // a name may be refused
    ++named;
    for (int i = 0; i < 8; ++i)
      (void)(*made)->Upsert(std::vector{Note(name + std::to_string(i), std::string(700, 'x'))});
    (void)(*made)->SetMark(name);
    (void)(*made)->Optimize();
    std::string problem = WiderThanOurs(root / "mine");
    if (problem.empty() && std::distance(fs::directory_iterator(root), {}) != 1)
      problem = "the name " + name + " left its directory";
    made->reset();
    if (!Collection::Destroy(path, options).ok()) problem = "it cannot be destroyed";
    if (problem.empty() && !fs::is_empty(root / "mine")) problem = "something stays beside the collection";
    if (!problem.empty()) return {"", problem};
  }
  umask(old);
  return {"names and modes", named == 0 ? "no collection could be made, of any name" : ""};
}

}  // namespace

/// Case n: a name that we open or make, and what stands under it; the last case is about names and modes.
void PlantedLinks(const Settings& settings, Tally& tally) {
  const Victim victim;
  std::vector<std::string> names;
  std::uint64_t highest = 0;
  for (const auto& [name, content] : victim.files()) {
    names.push_back(name);
    if (const auto dash = name.find('-'); dash != std::string::npos)
      highest = std::max<std::uint64_t>(highest, std::strtoull(name.c_str() + dash + 1, nullptr, 10));
  }
  // What the next writer makes.
  for (std::uint64_t n = 1; n <= highest + 6; ++n)
    for (const std::string kind : {"MANIFEST-", "log-", "segment-", "deletes-", "index-"})
      for (const std::string suffix : {"", ".tmp"})
        if (const std::string name = kind + std::to_string(n) + suffix;
            (n > highest || kind == "MANIFEST-") && !victim.files().contains(name))
          names.push_back(name);
  for (const char* name : {"MARK.tmp", "LOCK.tmp"}) names.push_back(name);
  const fs::path root = fs::path(settings.directory) / "trap";
  const std::uint64_t total = names.size() * std::size(kTricks) + 1;
  if (settings.from > total) return;
  const std::uint64_t count = std::min(settings.count, total + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    if (n == total) return NamesAndModes(root);
    const std::string& name = names[(n - 1) / std::size(kTricks)];
    const Trick trick = kTricks[(n - 1) % std::size(kTricks)];
    Trap trap(victim, root);
    trap.Plant(name, trick);
    trap.Use();
    std::string problem = trap.Touched();
    if (!problem.empty())
      problem = "case " + std::to_string(n) + ", trick " + std::to_string(static_cast<int>(trick)) + " at " +
                name + ": " + problem;
    return {"planted", problem};
  });
  fs::remove_all(root);
}

}  // namespace reliability
