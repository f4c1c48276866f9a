#include "zvec/storage/deletes.h"

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::FileSystem;
using cocozvec::Reader;

namespace {

constexpr std::uint64_t kMaxRowBytes = 5;  // a varint of 32 bits

struct Deltas {
  std::string bytes;
  std::uint64_t next = 0;  // the smallest row that may follow
};

/// Ascending rows as differences. False when they do not follow the format.
bool DecodeRows(std::string_view body, std::uint64_t rows, Bitmap* dead) {
  Reader in(body);
  std::uint64_t next = 0;
  while (in.ok() && in.remaining() != 0) {
    const std::uint64_t delta = in.Varint();
    if (!in.ok()) return false;
    if ((delta >= rows || next + delta >= rows) && !cocozvec::FaultPlanted("trust_sizes")) return false;
    dead->Add(static_cast<std::uint32_t>(next + delta));
    next += delta + 1;
  }
  return in.ok();
}

}  // namespace

Result<std::uint64_t> WriteDeletes(FileSystem& fs, const std::string& path, std::uint64_t number,
                                   std::uint64_t collection, std::uint64_t segment, const Bitmap& dead) {
  Deltas deltas;
  dead.ForEach(
      [](void* context, std::uint32_t row) {
        auto* d = static_cast<Deltas*>(context);
        cocozvec::PutVarint(d->bytes, row - d->next);
        d->next = std::uint64_t{row} + 1;
      },
      &deltas);
  FileHeader header{.collection = collection, .number = number, .a = deltas.bytes.size()};
  header.b = ChecksumAt(AsBytes(deltas.bytes), number, kFileHeaderBytes, collection);
  header.c = segment;
  const std::string bytes = EncodeFileHeader(kDeletesMagic, header) + deltas.bytes;
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreateNew));
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(bytes)));
  ZVEC_RETURN_IF_ERROR(file->Sync());
  return header.checksum;
}

std::uint64_t MaxDeletesBytes(std::uint64_t rows) noexcept {
  return rows * kMaxRowBytes + kFileHeaderBytes;  // rows < 2^32
}

Result<Bitmap> DecodeDeletes(std::string_view bytes, const std::string& path, std::uint64_t number,
                             std::uint64_t collection, std::uint64_t segment, std::uint64_t rows,
                             std::uint64_t header_checksum) {
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header, DecodeFileHeader(kDeletesMagic, bytes, number, path));
  const std::string_view body = bytes.substr(kFileHeaderBytes);
  if (header.collection != collection || header.c != segment || header.checksum != header_checksum)
    return DamageAt(path, 56, "these are not the deletions that the manifest names");
  if (body.size() != header.a || ChecksumAt(AsBytes(body), number, kFileHeaderBytes, collection) != header.b)
    return DamageAt(path, kFileHeaderBytes, "the deletions do not match their checksum");
  Bitmap dead;
  if (!DecodeRows(body, rows, &dead))
    return DamageAt(path, kFileHeaderBytes, "the deletions do not follow their format");
  return dead;
}

Result<Bitmap> ReadDeletes(FileSystem& fs, const std::string& path, std::uint64_t number,
                           std::uint64_t collection, std::uint64_t segment, std::uint64_t rows,
                           std::uint64_t header_checksum) {
  ZVEC_ASSIGN_OR_RETURN(const std::string bytes,
                        cocozvec::ReadFile(fs, path, MaxDeletesBytes(rows), StatusCode::kDataLoss));
  return DecodeDeletes(bytes, path, number, collection, segment, rows, header_checksum);
}

}  // namespace zvec::inline v0
