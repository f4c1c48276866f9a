#include "zvec/storage/file_header.h"

#include "base/checksum.h"
#include "base/coding.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::PutFixed;
using cocozvec::Reader;

namespace {
constexpr std::size_t kChecked = kFileHeaderBytes - 8;
}

std::string EncodeFileHeader(std::string_view magic, FileHeader& header) {
  std::string out;
  out.reserve(kFileHeaderBytes);
  out.append(magic);
  PutFixed<std::uint32_t>(out, header.version);
  PutFixed<std::uint32_t>(out, 0);
  for (std::uint64_t v : {header.collection, header.number, header.a, header.b, header.c}) PutFixed(out, v);
  header.checksum = ChecksumAt(AsBytes(out), header.number, 0, header.collection);
  PutFixed(out, header.checksum);
  return out;
}

Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes, std::uint64_t number,
                                    const std::string& path, std::uint32_t newest) {
  if (bytes.size() < kFileHeaderBytes)
    return DamageAt(path, bytes.size(),
                    "the file ends inside its header of " + std::to_string(kFileHeaderBytes) + " bytes");
  if (bytes.substr(0, 8) != magic)
    return DamageAt(path, 0, "the magic is not that of a " + std::string(magic.substr(0, 7)) + " file");
  Reader in(bytes.substr(8, kFileHeaderBytes - 8));
  FileHeader h;
  h.version = in.Read<std::uint32_t>();
  const auto zero = in.Read<std::uint32_t>();
  for (std::uint64_t* v : {&h.collection, &h.number, &h.a, &h.b, &h.c, &h.checksum})
    *v = in.Read<std::uint64_t>();
  if (ChecksumAt(AsBytes(bytes.substr(0, kChecked)), h.number, 0, h.collection) != h.checksum)
    return DamageAt(path, 0, "the header does not match its checksum");
  if (h.version > newest)
    return Status::Unimplemented(path + ": format version " + std::to_string(h.version) +
                                 ", this library reads up to " + std::to_string(newest));
  if (zero != 0 || h.version == 0)
    return DamageAt(path, 8, "version " + std::to_string(h.version) + " was never written");
  if (h.number != number)
    return DamageAt(
        path, 24,
        "the header is that of file number " + std::to_string(h.number) + ", not " + std::to_string(number));
  return h;
}

bool HasMagic(cocozvec::FileSystem& fs, const std::string& path, std::string_view magic) {
  auto file = fs.Open(path, cocozvec::OpenMode::kRead);
  std::string start(magic.size(), '\0');
  if (!file.ok()) return false;
  const auto got = (*file)->ReadAt(0, std::as_writable_bytes(std::span(start)));
  return got.ok() && *got == magic.size() && start == magic;
}

Status DamageAt(const std::string& path, std::uint64_t offset, std::string_view what) {
  return Status::DataLoss(path + ": at byte " + std::to_string(offset) + ": " + std::string(what));
}

}  // namespace zvec::inline v0
