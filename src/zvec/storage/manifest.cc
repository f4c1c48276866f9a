#include "zvec/storage/manifest.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::PutBytes;
using cocozvec::PutFixed;
using cocozvec::Reader;

namespace {
constexpr std::uint64_t kSegmentEntryBytes = 6 * 8;
constexpr std::uint64_t kIndexEntryBytes = 5 * 8;

/// The oldest version that can say all of it.
std::uint32_t VersionOf(const Manifest& m) {
  std::uint32_t version = 1;
  for (const SegmentEntry& s : m.segments)
    for (const IndexEntry& i : s.indexes)
      version = std::max(version, IsSparseVector(m.schema.fields[i.field].type) ? 3u : 2u);
  return version;
}

bool DecodeBody(std::string_view body, std::uint32_t version, Manifest* m) {
  Reader in(body);
  m->next_number = in.Read<std::uint64_t>();
  m->log_number = in.Read<std::uint64_t>();
  m->log_checksum = in.Read<std::uint64_t>();
  const std::string_view schema = in.Bytes();
  m->segments.resize(in.Count(kSegmentEntryBytes));
  for (SegmentEntry& s : m->segments) {
    for (std::uint64_t* v : {&s.file.number, &s.file.size_bytes, &s.file.rows, &s.file.header_checksum,
                             &s.deletes_number, &s.deletes_checksum})
      *v = in.Read<std::uint64_t>();
    if (version < 2) continue;
    s.indexes.resize(in.Count(kIndexEntryBytes));
    for (IndexEntry& i : s.indexes)
      for (std::uint64_t* v : {&i.field, &i.number, &i.size_bytes, &i.nodes, &i.header_checksum})
        *v = in.Read<std::uint64_t>();
  }
  return in.done() && DecodeSchema(schema, &m->schema);
}
}  // namespace

std::string EncodeManifest(const Manifest& m) {
  std::string body;
  for (std::uint64_t v : {m.next_number, m.log_number, m.log_checksum}) PutFixed(body, v);
  std::string schema;
  EncodeSchema(m.schema, schema);
  PutBytes(body, schema);
  cocozvec::PutVarint(body, m.segments.size());
  const std::uint32_t version = VersionOf(m);
  for (const SegmentEntry& s : m.segments) {
    for (std::uint64_t v : {s.file.number, s.file.size_bytes, s.file.rows, s.file.header_checksum,
                            s.deletes_number, s.deletes_checksum})
      PutFixed(body, v);
    if (version < 2) continue;
    cocozvec::PutVarint(body, s.indexes.size());
    for (const IndexEntry& i : s.indexes)
      for (std::uint64_t v : {i.field, i.number, i.size_bytes, i.nodes, i.header_checksum}) PutFixed(body, v);
  }
  FileHeader header{.version = version, .collection = m.collection, .number = m.generation};
  header.a = body.size();
  header.b = ChecksumAt(AsBytes(body), m.generation, kFileHeaderBytes, m.collection);
  return EncodeFileHeader(kManifestMagic, header) + body;
}

namespace {
// The next file must not get a number that one has: it would replace it, or be refused for ever.
Status CheckNumbers(const Manifest& manifest, const std::string& path) {
  std::vector<std::uint64_t> numbers = {manifest.log_number};
  for (const SegmentEntry& s : manifest.segments) {
    numbers.push_back(s.file.number);
    if (s.deletes_number != 0) numbers.push_back(s.deletes_number);
    for (const IndexEntry& i : s.indexes)
      if (i.number != 0) numbers.push_back(i.number);
  }
  std::sort(numbers.begin(), numbers.end());
  const auto twice = std::adjacent_find(numbers.begin(), numbers.end());
  if (twice != numbers.end())
    return DamageAt(path, kFileHeaderBytes, "two files have the number " + std::to_string(*twice));
  if (numbers.back() >= manifest.next_number)
    return DamageAt(path, kFileHeaderBytes,
                    "a file has the number " + std::to_string(numbers.back()) + ", the next one is to have " +
                        std::to_string(manifest.next_number));
  return {};
}
}  // namespace

Result<Manifest> DecodeManifest(std::string_view bytes, std::uint64_t generation, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(kManifestMagic, bytes, generation, path, kManifestVersion));
  const std::string_view body = bytes.substr(kFileHeaderBytes);
  if (body.size() != header.a)
    return DamageAt(
        path, bytes.size(),
        std::to_string(body.size()) + " bytes after the header, which says " + std::to_string(header.a));
  if (ChecksumAt(AsBytes(body), generation, kFileHeaderBytes, header.collection) != header.b)
    return DamageAt(path, kFileHeaderBytes, "the manifest does not match its checksum");
  Manifest manifest;
  manifest.collection = header.collection;
  manifest.generation = generation;
  if (!DecodeBody(body, header.version, &manifest))
    return DamageAt(path, kFileHeaderBytes, "the manifest does not follow its format");
  if (Status status = manifest.schema.Validate(); !status.ok())
    return DamageAt(path, kFileHeaderBytes, "the schema is not valid: " + std::string(status.message()));
  ZVEC_RETURN_IF_ERROR(CheckNumbers(manifest, path));
  for (const SegmentEntry& s : manifest.segments)
    for (const IndexEntry& i : s.indexes)
      if (i.field >= manifest.schema.fields.size() || !IsVector(manifest.schema.fields[i.field].type) ||
          i.nodes != s.file.rows)
        return DamageAt(
            path, kFileHeaderBytes,
            "index " + std::to_string(i.number) + " does not fit segment " + std::to_string(s.file.number));
  return manifest;
}

Result<Manifest> ReadManifest(FileSystem& fs, const std::string& directory, std::uint64_t generation) {
  const std::string path = JoinPath(directory, ManifestName(generation));
  ZVEC_ASSIGN_OR_RETURN(const std::string bytes,
                        cocozvec::ReadFile(fs, path, kMaxManifestBytes, StatusCode::kDataLoss));
  return DecodeManifest(bytes, generation, path);
}

namespace {
Status WriteManifestFile(FileSystem& fs, const std::string& path, const Manifest& manifest) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreate));
  ZVEC_RETURN_IF_ERROR(file->Truncate(0));  // one that an earlier attempt left
  const std::string bytes = EncodeManifest(manifest);
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(bytes)));
  return file->Sync();
}
}  // namespace

Status WriteFirstManifest(FileSystem& fs, const std::string& directory, const Manifest& manifest) {
  ZVEC_RETURN_IF_ERROR(
      WriteManifestFile(fs, JoinPath(directory, ManifestName(manifest.generation)), manifest));
  return fs.SyncDirectory(directory);
}

Status InstallManifest(FileSystem& fs, const std::string& directory, const Manifest& manifest,
                       bool* uncertain) {
  *uncertain = false;
  const std::string path = JoinPath(directory, ManifestName(manifest.generation));
  const std::string temporary = path + ".tmp";
  ZVEC_RETURN_IF_ERROR(WriteManifestFile(fs, temporary, manifest));
  // The names of what the manifest names must be durable before its own may be.
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  *uncertain = true;
  ZVEC_RETURN_IF_ERROR(fs.Rename(temporary, path));
  if (!cocozvec::FaultPlanted("skip_directory_sync")) ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  *uncertain = false;
  return {};
}

}  // namespace zvec::inline v0
