// C1 to C5: bytes that change, files that are cut short, swapped, put back from an older copy, missing, or
// foreign. Everything that is read is right, or an error names the file; nobody crashes or hangs.
#include <unistd.h>

#include <set>

#include "damage.h"
#include "victim.h"
#include "zvec/collection/testing/test_docs.h"

namespace reliability {
namespace {

Outcome Judged(const Victim& victim, const Files& changed, const std::string& damaged, bool write,
               const std::string& what, bool may_be_earlier = false) {
  Outcome outcome = victim.Judge(changed, damaged, write, may_be_earlier);
  if (!outcome.problem.empty()) outcome.problem = what + ": " + outcome.problem;
  return outcome;
}

bool IsLog(const std::string& name) { return name.starts_with("log-"); }

/// An older copy of a mark is what the mark was.
bool IsEarlier(const std::string& name, const std::string& other) { return name == "MARK" && other == name; }

}  // namespace

/// A block or the whole of one file, or of its older copy, in the place of another.
Changed Misplace(const Victim& victim, const std::vector<std::string>& names, Random& random) {
  const std::string& name = names[random() % names.size()];
  const std::string& other_name = names[random() % names.size()];
  Changed drawn{name, other_name, victim.files().at(name), other_name + " in place of " + name};
  std::string& content = drawn.content;
  const auto old = victim.older().find(other_name);
  const std::string& other =
      random() % 2 == 0 && old != victim.older().end() ? old->second : victim.files().at(other_name);
  if (random() % 4 == 0) {
    content = other;
    return drawn;
  }
  const std::uint64_t size = std::uint64_t{8} << random() % 10;
  if (content.size() < size || other.size() < size) return drawn;
  const std::uint64_t to = random() % ((content.size() - size) / 8 + 1) * 8;
  const std::uint64_t from = name == other_name && to + size <= other.size() && random() % 2 == 0
                                 ? to
                                 : random() % ((other.size() - size) / 8 + 1) * 8;
  content.replace(to, size, other, from, size);
  drawn.what = std::to_string(size) + " bytes from " + std::to_string(from) + " of " + drawn.what + " at " +
               std::to_string(to);
  return drawn;
}

Changed FlipOneByte(const Victim& victim, std::uint64_t at, std::uint64_t n) {
  const auto [name, offset] = victim.Place(at / 3);
  Changed drawn{name, "", victim.files().at(name), ""};
  char& byte = drawn.content[offset];
  const char old = byte;
  byte = at % 3 == 0 ? static_cast<char>(old ^ (1 << n % 8)) : at % 3 == 1 ? '\0' : '\xFF';
  if (byte == old) byte = static_cast<char>(old ^ (1 << n / 8 % 8));
  drawn.what = name + " at byte " + std::to_string(offset);
  return drawn;
}

/// C1. Case n: one of bytes x 3: a random bit, 0x00, 0xFF (where it is that already, another bit).
void FlippedBytes(const Settings& settings, Tally& tally) {
  const Victim victim;
  const std::uint64_t total = victim.bytes() * 3;
  tally.Most("bytes", victim.bytes());
  if (settings.from > total) return;
  const std::uint64_t count = std::min(settings.count, total + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    const std::uint64_t at = Spread(n, total);
    const Changed drawn = FlipOneByte(victim, at, n);
    return Judged(victim, {{drawn.name, &drawn.content}}, drawn.name, n % 4 == 0,
                  drawn.what + ", case " + std::to_string(n));
  });
}

/// C2, before opening. Case n: a file and a length.
void CutFiles(const Settings& settings, Tally& tally) {
  const Victim victim;
  tally.Most("bytes", victim.bytes());
  if (settings.from > victim.bytes()) return;
  const std::uint64_t count = std::min(settings.count, victim.bytes() + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    const auto [name, length] = victim.Place(Spread(n, victim.bytes()));
    const std::string content = victim.files().at(name).substr(0, length);
    return Judged(victim, {{name, &content}}, name, n % 4 == 0, name + " cut to " + std::to_string(length));
  });
}

/// C4. Case n: a block, or a whole file, put in the place of another, or an older copy of it.
void MisplacedBlocks(const Settings& settings, Tally& tally) {
  const Victim victim;
  std::vector<std::string> names;
  for (const auto& [name, content] : victim.files()) names.push_back(name);
  RunInChildren(settings.from, settings.count, tally, [&](std::uint64_t n) -> Outcome {
    Random random(n);
    Changed drawn;
    do drawn = Misplace(victim, names, random);
    while (drawn.content == victim.files().at(drawn.name));  // too small, or the same bytes
    return Judged(victim, {{drawn.name, &drawn.content}}, drawn.name, n % 4 == 0,
                  drawn.what + ", case " + std::to_string(n), IsEarlier(drawn.name, drawn.other));
  });
}

/// C5. Case n: file number n is missing, or something of a foreign name or kind is there too.
void MissingFiles(const Settings& settings, Tally& tally) {
  const Victim victim;
  std::vector<std::string> names;
  for (const auto& [name, content] : victim.files()) names.push_back(name);
  const std::vector<std::string> foreign = {"notes.txt",
                                            "MANIFEST",
                                            "MANIFEST-",
                                            "MANIFEST-x",
                                            "MANIFEST-00000001",
                                            "log-",
                                            "log--1",
                                            "segment-01",
                                            "index-0",
                                            "deletes-9a",
                                            ".hidden",
                                            "LOCK.tmp",
                                            "MARK-1",
                                            "log-99999999999999999999999999",
                                            "segment-\xFF"};
  const std::string junk = "junk";
  const std::uint64_t total = names.size() + foreign.size();
  if (settings.from > total) return;
  const std::uint64_t count = std::min(settings.count, total + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    const bool write = n % 2 == 0;
    if (n <= names.size())
      return Judged(victim, {{names[n - 1], nullptr}}, names[n - 1], write, "without " + names[n - 1]);
    const std::string& name = foreign[n - 1 - names.size()];
    Outcome outcome = Judged(victim, {{name, &junk}}, name, write, "with a foreign " + name);
    if (outcome.problem.empty() && outcome.counted != "harmless") outcome.problem = name + " is minded";
    return outcome;
  });
}

/// C3. Case n: a byte of a log of 200 records: changed, or the file ends before it.
void DamagedLogs(const Settings& settings, Tally& tally) {
  const Victim victim(200);
  std::string name;  // of the newest
  for (const auto& [file, content] : victim.files())
    if (IsLog(file) &&
        (name.empty() || file.size() > name.size() || (file.size() == name.size() && file > name)))
      name = file;
  const std::string& log = victim.files().at(name);
  const std::uint64_t total = log.size() * 2;
  tally.Most("log_bytes", log.size());
  if (settings.from > total) return;
  const std::uint64_t count = std::min(settings.count, total + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    const std::uint64_t at = Spread(n, total);
    std::string content = log;
    if (at % 2 == 0)
      content[at / 2] = static_cast<char>(content[at / 2] ^ (1 << n % 8));
    else
      content.resize(at / 2);
    return Judged(victim, {{name, &content}}, name, n % 4 == 0,
                  name + (at % 2 == 0 ? " changed at byte " : " cut to ") + std::to_string(at / 2));
  });
}

}  // namespace reliability
