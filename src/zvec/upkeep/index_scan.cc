#include "zvec/upkeep/index_scan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/index/file/section_file.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;

namespace {

constexpr std::uint32_t kNewestGraph = 2;  // docs/format/index.md
constexpr std::size_t kGraphSections = 4, kListSections = 7;

bool ReadBytes(const File& file, std::uint64_t offset, std::uint64_t size, std::string* bytes) {
  bytes->resize(size);
  const auto got = file.ReadAt(offset, std::as_writable_bytes(std::span(*bytes)));
  return got.ok() && *got == size;
}

void ScanBlocks(const File& file, const index::Section& section, std::uint64_t number,
                std::uint64_t collection, const std::string& name, Notes& notes) {
  std::string block;
  for (std::size_t i = 0; i < section.checksums.size(); ++i) {
    const std::uint64_t begin = i * index::kBlockBytes;
    const std::uint64_t offset = section.offset + begin;
    const std::uint64_t size = std::min(index::kBlockBytes, section.size - begin);
    ++notes.report().blocks;
    const bool read = ReadBytes(file, offset, size, &block);
    if ((read && ChecksumAt(AsBytes(block), number, offset, collection) == section.checksums[i]) ||
        cocozvec::FaultPlanted("verify_skips_blocks"))
      continue;
    notes.Add(offset, size,
              "block " + std::to_string(i) + " of " + name +
                  (read ? " does not match its checksum" : " cannot be read"));
  }
}

/// The table of the sections; empty when it does not follow the format.
std::vector<index::Section> DecodeTable(std::string_view table, std::size_t count, std::uint64_t end) {
  cocozvec::Reader in(table);
  std::vector<index::Section> sections(count);
  for (index::Section& s : sections) {
    s.offset = in.Read<std::uint64_t>();
    s.size = in.Read<std::uint64_t>();
    const auto blocks = in.Read<std::uint32_t>();
    if (!in.ok() || s.offset > end || s.size > end - s.offset ||
        blocks != (s.size + index::kBlockBytes - 1) / index::kBlockBytes || blocks > in.remaining() / 8)
      return {};
    s.checksums.resize(blocks);
    for (std::uint64_t& checksum : s.checksums) checksum = in.Read<std::uint64_t>();
  }
  return in.done() ? sections : std::vector<index::Section>();
}

}  // namespace

void ScanIndex(const File& file, const IndexEntry& expected, std::uint64_t collection, bool sparse,
               Notes& notes) {
  const auto size = file.Size();
  ++notes.report().files;
  notes.report().bytes += size.ok() ? *size : 0;
  if (!size.ok()) return notes.Add(size.status());
  if (*size != expected.size_bytes)
    return notes.Add(*size, 0,
                     "the file has " + std::to_string(*size) + " bytes, " +
                         std::to_string(expected.size_bytes) + " in the manifest");
  std::string start, table;
  if (!ReadBytes(file, 0, std::min<std::uint64_t>(kFileHeaderBytes, *size), &start))
    return notes.Add(0, kFileHeaderBytes, "the header cannot be read");
  const auto header = DecodeFileHeader(sparse ? kSparseMagic : kIndexMagic, start, expected.number,
                                       notes.file(), sparse ? kFormatVersion : kNewestGraph);
  if (!header.ok()) return notes.Add(header.status());
  if (header->collection != collection || header->checksum != expected.header_checksum ||
      header->a != expected.nodes || header->b < kFileHeaderBytes || header->b > *size)
    return notes.Add(0, kFileHeaderBytes, "this is not the index that the manifest names");
  if (!ReadBytes(file, header->b, *size - header->b, &table) ||
      ChecksumAt(AsBytes(table), expected.number, header->b, collection) != header->c)
    return notes.Add(header->b, *size - header->b, "the section table does not match its checksum");
  const auto sections = DecodeTable(table, sparse ? kListSections : kGraphSections, header->b);
  if (sections.empty()) return notes.Add(header->b, 0, "the section table does not follow its format");
  for (std::size_t i = 0; i < sections.size(); ++i)
    ScanBlocks(file, sections[i], expected.number, collection, "section " + std::to_string(i), notes);
}

}  // namespace zvec::inline v0
