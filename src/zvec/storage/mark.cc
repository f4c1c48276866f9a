#include "zvec/storage/mark.h"

#include "base/checksum.h"
#include "base/fault.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::Checksum;
using cocozvec::FileSystem;
using cocozvec::JoinPath;

namespace {
constexpr std::string_view kMarkMagic = "ZVECMRK\n";
constexpr std::uint64_t kMaxMarkFileBytes = 4096;
}  // namespace

Status WriteMark(FileSystem& fs, const std::string& directory, std::string_view mark) {
  FileHeader header{.a = mark.size(), .b = Checksum(mark)};
  const std::string bytes = EncodeFileHeader(kMarkMagic, header) + std::string(mark);
  return cocozvec::WriteFileAtomically(fs, JoinPath(directory, kMarkName), bytes);
}

Result<std::string> ReadMarkFile(FileSystem& fs, const std::string& directory) {
  const std::string path = JoinPath(directory, kMarkName);
  ZVEC_ASSIGN_OR_RETURN(std::string bytes,
                        cocozvec::ReadFile(fs, path, kMaxMarkFileBytes, StatusCode::kDataLoss));
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header, DecodeFileHeader(kMarkMagic, bytes, 0, path));
  std::string mark = bytes.substr(kFileHeaderBytes);
  if ((mark.size() != header.a && !cocozvec::FaultPlanted("trust_sizes")) || Checksum(mark) != header.b)
    return DamageAt(path, kFileHeaderBytes, "the mark does not match its checksum");
  return mark;
}

}  // namespace zvec::inline v0
