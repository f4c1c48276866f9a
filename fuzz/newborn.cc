// fuzz/newborn.cc: the small files of a directory, of which one holds any bytes; the first byte chooses:
//   0  MARK                                     1  LOCK: whose it is, its note, what a writer published
//   2  the manifest of a newborn collection     3  its log     4  the name of a file
#include <map>

#include "fuzz.h"
#include "seal.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/log.h"
#include "zvec/storage/mark.h"
#include "zvec/storage/publication.h"

namespace fuzz {
namespace {

using cocozvec::DirEntry;
using cocozvec::FileKind;

constexpr std::uint64_t kCollection = 77;

std::string Mark(std::string_view text) {
  return Written([&](cocozvec::FileSystem& fs, const std::string&) {
    Require(zvec::WriteMark(fs, "", text).ok(), "a mark");
    Require(fs.Rename("MARK", "file").ok(), "a mark");
  });
}

std::string NewbornManifest() {
  zvec::Manifest manifest;
  manifest.collection = kCollection;
  manifest.generation = zvec::kFirstGeneration;
  manifest.next_number = zvec::kFirstLog + 1;
  manifest.log_number = zvec::kFirstLog;
  manifest.schema.name = "fuzz";
  manifest.schema.fields = {{"v", zvec::DataType::kVectorFp32, false, 4, {}}};
  return zvec::EncodeManifest(manifest);
}

std::string NewbornLog() {
  return Written([](cocozvec::FileSystem& fs, const std::string& path) {
    (void)zvec::LogWriter::Create(fs, path,
                                  {.collection = kCollection, .number = zvec::kFirstLog, .a = 1, .b = 1})
        .value();
  });
}

/// As a writer leaves it that has opened the collection again.
std::string LockFile() {
  return Written([](cocozvec::FileSystem& fs, const std::string& path) {
    std::string text = "zvec collection lock\nprocess 17";
    text.resize(111, ' ');
    text += "\n" + zvec::EncodeClosedNote({5, 1234}, kCollection);
    const auto file = fs.Open(path, cocozvec::OpenMode::kCreateNew).value();
    Require(file->WriteAt(0, std::as_bytes(std::span(text))).ok(), "a lock's text");
    Require(zvec::WritePublication(*file, {kCollection, 3, 5, 1300, 9}).ok(), "a publication");
  });
}

void CheckMark(std::string_view bytes) {
  OneFile disk(bytes);
  const auto mark = zvec::ReadMarkFile(disk, "c");
  if (!mark.ok()) return;
  Require(*mark == bytes.substr(zvec::kFileHeaderBytes), "another mark than the file has");
  Require(mark->size() == Get<std::uint64_t>(bytes, 32), "a mark of another length than its header says");
}

void CheckBirth(std::string_view bytes, const std::string& name) {
  OneFile disk(bytes);
  const std::vector<DirEntry> entries = {{"LOCK", FileKind::kFile}, {name, FileKind::kFile}};
  const auto birth = zvec::JudgeBirth(disk, "c", entries);
  Require(birth.ok(), "a whole file was not judged", birth.status().message());
  // A manifest that cannot be a newborn's is damage, which the open tells; only what was never written is
  // nothing.
  if (name != zvec::UnsettledManifestName()) return;
  const auto manifest = zvec::ReadUnsettledManifest(disk, "c");
  if (manifest.ok()) Require(*birth == zvec::Birth::kUnfinished, "without its log it is no collection");
}

void CheckNote(const std::string& text) {
  const auto note = zvec::ClosedNoteIn(text, kCollection);
  if (!note) return;
  Require(text.ends_with(zvec::EncodeClosedNote(*note, kCollection)), "a note is another one when written");
  Require(!zvec::ClosedNoteIn(text, kCollection + 1), "a note of another collection");
}

std::optional<zvec::Publication> Published(std::string_view bytes, cocozvec::HeldLock held) {
  OneFile disk(bytes, held);
  const auto file = disk.Open("LOCK", cocozvec::OpenMode::kRead).value();
  const auto read = zvec::ReadPublication(*file, /*patience_ms=*/0);
  Require(read.ok() || read.status().code() == cocozvec::StatusCode::kDataLoss, "what was published",
          read.status().message());
  return read.ok() ? *read : std::nullopt;
}

void CheckPublication(std::string_view bytes) {
  for (const auto held : {cocozvec::HeldLock::kNone, cocozvec::HeldLock::kExclusive})
    Require(!Published(bytes, held), "nobody publishes");
  const auto publication = Published(bytes, cocozvec::HeldLock::kShared);
  if (!publication) return;
  const std::string written = Written([&](cocozvec::FileSystem& fs, const std::string& path) {
    const auto file = fs.Open(path, cocozvec::OpenMode::kCreateNew).value();
    Require(zvec::WritePublication(*file, *publication).ok(), "a publication");
  });
  Require(Published(written, cocozvec::HeldLock::kShared) == publication,
          "what was published is another thing when written");
}

void CheckLock(std::string_view bytes) {
  OneFile disk(bytes);
  Require(zvec::IsLockFile(disk, "LOCK").ok(), "a lock file that can be read was not");
  const std::vector<DirEntry> entries = {{"LOCK", FileKind::kFile}};
  const auto birth = zvec::JudgeBirth(disk, "c", entries);
  Require(birth.ok(), "a lock file was not judged");
  const bool blank = bytes.find_first_not_of('\0') == std::string_view::npos && bytes.size() <= 512;
  Require((*birth == zvec::Birth::kUnfinished) == (*zvec::IsLockFile(disk, "LOCK") || blank),
          "another program's lock was taken for ours");
  CheckNote(zvec::ReadLockText(disk, "c").value());
  CheckPublication(bytes);
}

void CheckName(std::string_view name) {
  const auto parsed = zvec::ParseName(name);
  if (!parsed) return;
  Require(name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos,
          "a path is no name", name);
  switch (parsed->kind) {
    case zvec::NameKind::kManifest:
      return Require(zvec::ManifestName(parsed->number) == name, "a name has one form", name);
    case zvec::NameKind::kLog:
      return Require(zvec::LogName(parsed->number) == name, "a name has one form", name);
    case zvec::NameKind::kSegment:
      return Require(zvec::SegmentName(parsed->number) == name, "a name has one form", name);
    case zvec::NameKind::kDeletes:
      return Require(zvec::DeletesName(parsed->number) == name, "a name has one form", name);
    case zvec::NameKind::kIndex:
      return Require(zvec::IndexName(parsed->number) == name, "a name has one form", name);
    default:
      return;
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace std::string_literals;
  std::string lock = LockFile();
  SealLock(lock, kCollection);
  Require(lock == LockFile(), "checksums are made otherwise than written", "LOCK");
  Require(zvec::ClosedNoteIn(lock.substr(0, 192), kCollection).has_value(), "no note in what was written");
  Require(Published(lock, cocozvec::HeldLock::kShared).has_value(), "nothing in what was published");
  return {"\0"s + Mark("mark"),
          "\1zvec collection lock\nprocess 17\n"s,
          "\1"s + std::string(64, '\0'),
          "\1"s + lock,
          "\2"s + NewbornManifest(),
          "\3"s + NewbornLog(),
          "\4MANIFEST-17"s,
          "\4log-18446744073709551615"s,
          "\4index-5.tmp"s,
          "\4.c.zvec-new-0123456789abcdef"s};
}

void Run(std::string_view input) {
  if (input.empty()) return;
  const std::string_view rest = input.substr(1);
  switch (input[0]) {
    case 0:
      return CheckMark(rest);
    case 1:
      return CheckLock(rest);
    case 2:
      return CheckBirth(rest, zvec::UnsettledManifestName());
    case 3:
      return CheckBirth(rest, zvec::UnsettledLogName());
    case 4:
      CheckName(rest);
      (void)zvec::IsSiblingNameOf(rest, rest.substr(0, rest.size() / 2));
      return;
    default:
      return;
  }
}

void Vary(std::string& input, std::size_t most, Random& random) {
  static const std::vector<std::string> words = {"MANIFEST-", "log-", "segment-", "deletes-", "index-",
                                                 ".tmp",      "LOCK", "MARK",     "0",        ".zvec-new-"};
  if (!input.empty() && input[0] == 4) return VaryText(input, most, random, words);
  VaryBytes(input, most, random);
}

void Seal(std::string& input) {
  if (input.empty() || input[0] < 0 || input[0] > 3) return;
  std::string file = input.substr(1);
  if (input[0] == 0) SealMark(file, file.size() % 8 != 0);
  if (input[0] == 1) SealLock(file, kCollection);
  if (input[0] == 2) SealBody(file, file.size() % 8 != 0);
  if (input[0] == 3) SealHeader(file);
  input.replace(1, std::string::npos, file);
}

}  // namespace fuzz
