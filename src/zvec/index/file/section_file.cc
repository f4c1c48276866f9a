#include "zvec/index/file/section_file.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/checksum.h"
#include "base/coding.h"

namespace zvec::inline v0::index {

using cocozvec::ChecksumAt;
using cocozvec::PutFixed;

namespace {

constexpr std::uint64_t kAlignment = 64;

std::uint64_t Blocks(std::uint64_t size) { return (size + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

Result<SectionWriter> SectionWriter::Create(cocozvec::FileSystem& fs, const std::string& path,
                                            std::uint64_t number, std::uint64_t collection) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreateNew));
  SectionWriter out(std::move(file), number, collection);
  out.buffer_.assign(kFileHeaderBytes, '\0');
  ZVEC_RETURN_IF_ERROR(out.Flush());
  return out;
}

Status SectionWriter::Begin() {
  ZVEC_RETURN_IF_ERROR(EndBlock());
  buffer_.append((kAlignment - offset() % kAlignment) % kAlignment, '\0');
  ZVEC_RETURN_IF_ERROR(Flush());
  sections_.emplace_back().offset = offset();
  return {};
}

Status SectionWriter::Put(const void* data, std::uint64_t size) {
  const char* at = static_cast<const char*>(data);
  while (size != 0) {
    const std::uint64_t part = std::min(size, kBlockBytes - buffer_.size());
    buffer_.append(at, part);
    at += part;
    size -= part;
    if (buffer_.size() == kBlockBytes) ZVEC_RETURN_IF_ERROR(EndBlock());
  }
  return {};
}

Status SectionWriter::EndBlock() {
  if (sections_.empty() || buffer_.empty()) return {};
  Section& section = sections_.back();
  section.checksums.push_back(ChecksumAt(AsBytes(buffer_), number_, flushed_, collection_));
  section.size += buffer_.size();
  return Flush();
}

Status SectionWriter::Flush() {
  ZVEC_RETURN_IF_ERROR(file_->WriteAt(flushed_, AsBytes(buffer_)));
  flushed_ += buffer_.size();
  buffer_.clear();
  return {};
}

Status SectionWriter::Finish(std::string_view magic, std::uint64_t rows, IndexEntry* entry,
                             std::uint32_t version, bool sync) {
  ZVEC_RETURN_IF_ERROR(EndBlock());
  FileHeader header{
      .version = version, .collection = collection_, .number = number_, .a = rows, .b = offset()};
  for (const Section& s : sections_) {
    PutFixed(buffer_, s.offset);
    PutFixed(buffer_, s.size);
    PutFixed(buffer_, static_cast<std::uint32_t>(s.checksums.size()));
    for (const std::uint64_t checksum : s.checksums) PutFixed(buffer_, checksum);
  }
  header.c = ChecksumAt(AsBytes(buffer_), number_, header.b, collection_);
  ZVEC_RETURN_IF_ERROR(Flush());
  ZVEC_RETURN_IF_ERROR(file_->WriteAt(0, AsBytes(EncodeFileHeader(magic, header))));
  if (sync) ZVEC_RETURN_IF_ERROR(file_->Sync());
  entry->number = number_;
  entry->size_bytes = offset();
  entry->nodes = rows;
  entry->header_checksum = header.checksum;
  return {};
}

Result<std::unique_ptr<SectionFile>> SectionFile::Open(cocozvec::FileSystem& fs, const std::string& path,
                                                       const SectionFormat& kind, const IndexEntry& expected,
                                                       std::uint64_t collection, bool map) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kRead));
  std::unique_ptr<SectionFile> out(new SectionFile(path, expected.number, collection));
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size != expected.size_bytes)
    return DamageAt(path, size,
                    "the file has " + std::to_string(size) + " bytes, " +
                        std::to_string(expected.size_bytes) + " in the manifest");
  ZVEC_RETURN_IF_ERROR(out->Load(*file, size, map));
  ZVEC_RETURN_IF_ERROR(out->ReadTable(kind, expected));
  return out;
}

Status SectionFile::Load(const cocozvec::File& file, std::uint64_t size, bool map) {
  if (map) {
    ZVEC_ASSIGN_OR_RETURN(mapping_, file.Map(size));
    bytes_ = mapping_->bytes();
    return {};
  }
  try {
    memory_ = cocozvec::MakeBytes(size, cocozvec::Touched::kAtRandom);
  } catch (const std::bad_alloc&) {
    return Status::ResourceExhausted(path_ + ": no memory for its " + std::to_string(size) + " bytes");
  }
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file.ReadAt(0, std::span(memory_.get(), size)));
  if (got != size) return DamageAt(path_, got, "the file ended while it was read");
  bytes_ = {memory_.get(), size};
  return {};
}

Status SectionFile::ReadTable(const SectionFormat& kind, const IndexEntry& expected) {
  const std::string_view start(reinterpret_cast<const char*>(bytes_.data()),
                               std::min(kFileHeaderBytes, bytes_.size()));
  ZVEC_RETURN_IF_ERROR(Reach(0, start.size()));
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(kind.magic, start, number_, path_, kind.newest));
  if (header.collection != collection_) return DamageAt(path_, 16, "this is an index of another collection");
  if (header.checksum != expected.header_checksum || header.a != expected.nodes)
    return DamageAt(path_, 56,
                    "this is not the index that the manifest names, but another one of that number");
  if (header.b < kFileHeaderBytes || header.b > bytes_.size())
    return DamageAt(path_, 40,
                    "the section table begins at " + std::to_string(header.b) + ", outside the file");
  const auto table = bytes_.subspan(header.b);
  ZVEC_RETURN_IF_ERROR(Reach(header.b, table.size()));
  if (ChecksumAt(table, number_, header.b, collection_) != header.c)
    return DamageAt(path_, header.b, "the section table does not match its checksum");
  auto sections =
      DecodeSections({reinterpret_cast<const char*>(table.data()), table.size()}, kind.sections, header.b);
  if (sections.empty()) return DamageAt(path_, header.b, "the section table does not follow its format");
  for (Section& section : sections) {
    const std::size_t blocks = section.checksums.size();
    sections_.push_back({std::move(section), std::make_unique<std::atomic<bool>[]>(blocks)});
    unchecked_ += blocks;
  }
  return {};
}

std::vector<Section> DecodeSections(std::string_view table, std::size_t count, std::uint64_t end) {
  cocozvec::Reader in(table);
  std::vector<Section> sections(count);
  for (Section& s : sections) {
    s.offset = in.Read<std::uint64_t>();
    s.size = in.Read<std::uint64_t>();
    const auto blocks = in.Read<std::uint32_t>();
    if (!in.ok() || s.offset % kAlignment != 0 || s.offset < kFileHeaderBytes || s.offset > end ||
        s.size > end - s.offset || blocks != Blocks(s.size) || blocks > in.remaining() / 8)
      return {};
    s.checksums.resize(blocks);
    for (std::uint64_t& checksum : s.checksums) checksum = in.Read<std::uint64_t>();
  }
  return in.done() ? sections : std::vector<Section>();
}

Status SectionFile::VerifyBlock(const Section& section, std::uint64_t block) const {
  const std::uint64_t begin = block * kBlockBytes;
  const auto bytes = bytes_.subspan(section.offset + begin, std::min(kBlockBytes, section.size - begin));
  ZVEC_RETURN_IF_ERROR(Reach(section.offset + begin, bytes.size()));
  if (ChecksumAt(bytes, number_, section.offset + begin, collection_) != section.checksums[block])
    return DamageAt(path_, section.offset + begin, "a block does not match its checksum");
  return {};
}

Status SectionFile::Touch(std::size_t section, std::uint64_t begin, std::uint64_t size) const {
  const Checked& checked = sections_[section];
  if (size == 0) return {};
  if (begin > checked.section.size || size > checked.section.size - begin)
    return Damage(section, "it refers to bytes behind its end");
  for (std::uint64_t block = begin / kBlockBytes; block <= (begin + size - 1) / kBlockBytes; ++block) {
    std::atomic<bool>& mark = checked.blocks[block];
    if (mark.load(std::memory_order_acquire)) continue;
    ZVEC_RETURN_IF_ERROR(VerifyBlock(checked.section, block));
    if (!mark.exchange(true, std::memory_order_acq_rel)) unchecked_.fetch_sub(1, std::memory_order_acq_rel);
  }
  return {};
}

Status SectionFile::Damage(std::size_t section, std::string_view what) const {
  return DamageAt(path_, sections_[section].section.offset, what);
}

}  // namespace zvec::inline v0::index
