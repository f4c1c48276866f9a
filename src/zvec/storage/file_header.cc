#include "zvec/storage/file_header.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/checksum.h"
#include "base/fault.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;

namespace {

/// As it lies in the file. docs/format/collection.md
struct Layout {
  char magic[8];
  std::uint32_t version;
  std::uint32_t zero;
  std::uint64_t collection, number, a, b, c, checksum;
};
static_assert(sizeof(Layout) == kFileHeaderBytes && std::endian::native == std::endian::little);
static_assert(offsetof(Layout, version) == 8 && offsetof(Layout, zero) == 12 &&
              offsetof(Layout, collection) == 16);
static_assert(offsetof(Layout, number) == 24 && offsetof(Layout, a) == 32 &&
              offsetof(Layout, checksum) == 56);
constexpr std::size_t kChecked = offsetof(Layout, checksum);

}  // namespace

std::string EncodeFileHeader(std::string_view magic, FileHeader& header) {
  Layout layout{{}, header.version, 0, header.collection, header.number, header.a, header.b, header.c, 0};
  magic.copy(layout.magic, sizeof(layout.magic));
  std::string out(kFileHeaderBytes, '\0');
  std::memcpy(out.data(), &layout, sizeof(layout));
  header.checksum = ChecksumAt(AsBytes(out).first(kChecked), header.number, 0, header.collection);
  std::memcpy(out.data() + kChecked, &header.checksum, sizeof(header.checksum));
  return out;
}

Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes, std::uint64_t number,
                                    const std::string& path, std::uint32_t newest) {
  if (bytes.size() < kFileHeaderBytes)
    return DamageAt(path, bytes.size(),
                    "the file ends inside its header of " + std::to_string(kFileHeaderBytes) + " bytes");
  if (bytes.substr(0, 8) != magic)
    return DamageAt(path, 0, "the magic is not that of a " + std::string(magic.substr(0, 7)) + " file");
  Layout layout;
  std::memcpy(&layout, bytes.data(), sizeof(layout));
  const FileHeader h{layout.version, layout.collection, layout.number,  layout.a,
                     layout.b,       layout.c,          layout.checksum};
  if (ChecksumAt(AsBytes(bytes.substr(0, kChecked)), h.number, 0, h.collection) != h.checksum)
    return DamageAt(path, 0, "the header does not match its checksum");
  if (h.version > newest && !cocozvec::FaultPlanted("accept_newer_format"))
    return Status::Unimplemented(path + ": format version " + std::to_string(h.version) +
                                 ", this library reads up to " + std::to_string(newest));
  if (layout.zero != 0 || h.version == 0)
    return DamageAt(path, 8, "version " + std::to_string(h.version) + " was never written");
  if (h.number != number)
    return DamageAt(
        path, 24,
        "the header is that of file number " + std::to_string(h.number) + ", not " + std::to_string(number));
  return h;
}

Result<bool> HasMagic(cocozvec::FileSystem& fs, const std::string& path, std::string_view magic) {
  ZVEC_ASSIGN_OR_RETURN(const auto file, fs.Open(path, cocozvec::OpenMode::kRead));
  std::string start(magic.size(), '\0');
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, std::as_writable_bytes(std::span(start))));
  return got == magic.size() && start == magic;
}

Status DamageAt(const std::string& path, std::uint64_t offset, std::string_view what) {
  return Status::DataLoss(path + ": at byte " + std::to_string(offset) + ": " + std::string(what));
}

}  // namespace zvec::inline v0
