#include "zvec/upkeep/index_scan.h"

#include <algorithm>
#include <string>

#include "base/checksum.h"
#include "base/fault.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;

namespace {

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

}  // namespace

Status ScanIndex(const File& file, const IndexEntry& expected, std::uint64_t collection,
                 const index::SectionFormat& format, Notes& notes) {
  const auto damaged = [&notes](std::uint64_t offset, std::uint64_t bytes, std::string what) {
    notes.Add(offset, bytes, std::move(what));
    return Status();
  };
  const auto size = file.Size();
  ++notes.report().files;
  notes.report().bytes += size.ok() ? *size : 0;
  if (!size.ok()) {
    notes.Add(size.status());
    return {};
  }
  if (*size != expected.size_bytes)
    return damaged(*size, 0,
                   "the file has " + std::to_string(*size) + " bytes, " +
                       std::to_string(expected.size_bytes) + " in the manifest");
  std::string start, table;
  if (!ReadBytes(file, 0, std::min<std::uint64_t>(kFileHeaderBytes, *size), &start))
    return damaged(0, kFileHeaderBytes, "the header cannot be read");
  const auto header = DecodeFileHeader(format.magic, start, expected.number, notes.file(), format.newest);
  if (header.status().code() == StatusCode::kUnimplemented) return header.status();
  if (!header.ok()) {
    notes.Add(header.status());
    return {};
  }
  if (header->collection != collection || header->checksum != expected.header_checksum ||
      header->a != expected.nodes || header->b < kFileHeaderBytes || header->b > *size)
    return damaged(0, kFileHeaderBytes, "this is not the index that the manifest names");
  if (!ReadBytes(file, header->b, *size - header->b, &table) ||
      ChecksumAt(AsBytes(table), expected.number, header->b, collection) != header->c)
    return damaged(header->b, *size - header->b, "the section table does not match its checksum");
  const auto sections = index::DecodeSections(table, format.sections, header->b);
  if (sections.empty()) return damaged(header->b, 0, "the section table does not follow its format");
  for (std::size_t i = 0; i < sections.size(); ++i)
    ScanBlocks(file, sections[i], expected.number, collection, "section " + std::to_string(i), notes);
  return {};
}

}  // namespace zvec::inline v0
