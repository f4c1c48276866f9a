// tests/compat/examples.h: the collection that docs/format shows in hex, file by file, made with the writers
// themselves.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "base/io/sim_disk.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/log.h"
#include "zvec/storage/manifest.h"
#include "zvec/storage/mark.h"
#include "zvec/storage/mutable_segment.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0::testing_docs {

inline constexpr std::uint64_t kExampleCollection = 0x1122334455667788;
inline constexpr std::string_view kExampleLock =
    "zvec collection lock\nprocess 4711, started 2026-11-23T12:00:00Z, opened it 2026-11-23T12:00:01Z";

/// Bytes 0x118 to 0x13f and 0x158 to 0x17f of segment 2, before sections on 64 bytes.
inline constexpr int kExamplePadding = 80;

inline CollectionSchema ExampleSchema() {
  return {"notes", {{"n", DataType::kInt64, true, 0, {}}, {"v", DataType::kVectorFp32, false, 2, {}}}};
}

inline std::string FloatCell(float x, float y) {
  std::string cell(8, '\0');
  std::memcpy(cell.data(), &x, 4);
  std::memcpy(cell.data() + 4, &y, 4);
  return cell;
}
inline std::string IntCell(std::int64_t n) { return {reinterpret_cast<const char*>(&n), 8}; }

/// Segment 2: a (1; 1, 0), b (null; 0, 1), c (3; 1, 1).
inline Result<SegmentFile> WriteExampleSegment(cocozvec::FileSystem& fs, const std::string& directory) {
  const auto schema = std::make_shared<const CollectionSchema>(ExampleSchema());
  auto rows = std::make_shared<MutableSegment>(schema);
  const std::string one = IntCell(1), three = IntCell(3);
  const std::string x = FloatCell(1, 0), y = FloatCell(0, 1), xy = FloatCell(1, 1);
  rows->Append({"a", {one, x}});
  rows->Append({"b", {std::string_view(), y}});
  rows->Append({"c", {three, xy}});
  const auto view = rows->Publish(nullptr);
  const SegmentView* const sources[] = {view.get()};
  const RowRef refs[] = {{0, 0}, {0, 1}, {0, 2}};
  return WriteSegment(fs, cocozvec::JoinPath(directory, SegmentName(2)), 2, kExampleCollection, sources,
                      refs);
}

/// Log 4: put d (4; 2, 2) and delete a in one call, then the orderly close.
inline Result<std::uint64_t> WriteExampleLog(cocozvec::FileSystem& fs, const std::string& directory) {
  FileHeader header{.collection = kExampleCollection, .number = 4, .a = 2, .b = 2};
  ZVEC_ASSIGN_OR_RETURN(auto log, LogWriter::Create(fs, cocozvec::JoinPath(directory, LogName(4)), header));
  const std::uint64_t checksum = log->position().previous;
  const CollectionSchema schema = ExampleSchema();
  const std::string four = IntCell(4), v = FloatCell(2, 2);
  std::string row;
  EncodeRow(RowLayout(schema), {"d", {four, v}}, row);
  BatchBuilder batch(kRecordHeaderBytes);
  batch.Put(row);
  batch.Delete("a");
  std::string record = std::move(batch).Finish();
  ZVEC_RETURN_IF_ERROR(log->Append(record, /*sync_follows=*/true));
  ZVEC_RETURN_IF_ERROR(log->Close());
  return checksum;
}

/// Everything, into an existing directory. Live documents: c and d.
inline Status WriteExample(cocozvec::FileSystem& fs, const std::string& directory) {
  Manifest manifest;
  manifest.collection = kExampleCollection;
  manifest.generation = 2;
  manifest.next_number = 5;
  manifest.log_number = 4;
  manifest.schema = ExampleSchema();
  SegmentEntry entry;
  ZVEC_ASSIGN_OR_RETURN(entry.file, WriteExampleSegment(fs, directory));
  Bitmap dead;
  dead.Add(1);
  entry.deletes_number = 3;
  ZVEC_ASSIGN_OR_RETURN(
      entry.deletes_checksum,
      WriteDeletes(fs, cocozvec::JoinPath(directory, DeletesName(3)), 3, kExampleCollection, 2, dead));
  manifest.segments = {entry};
  ZVEC_ASSIGN_OR_RETURN(manifest.log_checksum, WriteExampleLog(fs, directory));
  bool uncertain = false;
  ZVEC_RETURN_IF_ERROR(InstallManifest(fs, directory, manifest, &uncertain));
  ZVEC_RETURN_IF_ERROR(WriteMark(fs, directory, "mark"));
  std::string lock(kExampleLock);
  lock.resize(111, ' ');
  lock += '\n';
  ZVEC_ASSIGN_OR_RETURN(const auto log, fs.Stat(cocozvec::JoinPath(directory, LogName(4))));
  lock += EncodeClosedNote({4, log.size}, kExampleCollection);
  ZVEC_ASSIGN_OR_RETURN(auto file,
                        fs.Open(cocozvec::JoinPath(directory, kLockName), cocozvec::OpenMode::kCreateNew));
  return file->WriteAt(0, AsBytes(lock));
}

/// "0000  5a 56 ...", sixteen bytes a line.
inline std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at % 16 == 0) {
      if (at != 0) text += '\n';
      for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[(at >> shift) & 15];
      text += ' ';
    }
    const auto byte = static_cast<unsigned char>(bytes[at]);
    text += at % 8 == 0 ? "  " : " ";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text + "\n";
}

}  // namespace zvec::inline v0::testing_docs
