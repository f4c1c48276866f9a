// fuzz/newborn.cc: the small files of a directory, of which one holds any bytes; the first byte chooses:
//   0  MARK     1  LOCK     2  the manifest of a newborn collection     3  its log     4  the name of a file
#include <map>

#include "fuzz.h"
#include "seal.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/log.h"
#include "zvec/storage/mark.h"

namespace fuzz {
namespace {

using cocozvec::DirEntry;
using cocozvec::FileKind;

std::string Mark(std::string_view text) {
  return Written([&](cocozvec::FileSystem& fs, const std::string&) {
    Require(zvec::WriteMark(fs, "", text).ok(), "a mark");
    Require(fs.Rename("MARK", "file").ok(), "a mark");
  });
}

std::string NewbornManifest() {
  zvec::Manifest manifest;
  manifest.collection = 77;
  manifest.generation = zvec::kFirstGeneration;
  manifest.next_number = zvec::kFirstLog + 1;
  manifest.log_number = zvec::kFirstLog;
  manifest.schema.name = "fuzz";
  manifest.schema.fields = {{"v", zvec::DataType::kVectorFp32, false, 4, {}}};
  return zvec::EncodeManifest(manifest);
}

std::string NewbornLog() {
  return Written([](cocozvec::FileSystem& fs, const std::string& path) {
    (void)zvec::LogWriter::Create(fs, path, {.collection = 77, .number = zvec::kFirstLog, .a = 1, .b = 1})
        .value();
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

void CheckLock(std::string_view bytes) {
  OneFile disk(bytes);
  Require(zvec::IsLockFile(disk, "LOCK").ok(), "a lock file that can be read was not");
  const std::vector<DirEntry> entries = {{"LOCK", FileKind::kFile}};
  const auto birth = zvec::JudgeBirth(disk, "c", entries);
  Require(birth.ok(), "a lock file was not judged");
  const bool blank = bytes.find_first_not_of('\0') == std::string_view::npos && bytes.size() <= 512;
  Require((*birth == zvec::Birth::kUnfinished) == (*zvec::IsLockFile(disk, "LOCK") || blank),
          "another program's lock was taken for ours");
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
  return {"\0"s + Mark("mark"),
          "\1zvec collection lock\nprocess 17\n"s,
          "\1"s + std::string(64, '\0'),
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
  if (input.empty() || (input[0] != 0 && input[0] != 2 && input[0] != 3)) return;
  std::string file = input.substr(1);
  if (input[0] == 0) SealMark(file, file.size() % 8 != 0);
  if (input[0] == 2) SealBody(file, file.size() % 8 != 0);
  if (input[0] == 3) SealHeader(file);
  input.replace(1, std::string::npos, file);
}

}  // namespace fuzz
