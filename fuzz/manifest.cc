// fuzz/manifest.cc: any bytes as a manifest. What is accepted is written and read again.
#include "zvec/storage/manifest.h"

#include "fuzz.h"
#include "seal.h"

namespace fuzz {
namespace {

using zvec::DataType;

zvec::Manifest Small() {
  zvec::Manifest manifest;
  manifest.collection = 77;
  manifest.generation = 3;
  manifest.next_number = 20;
  manifest.log_number = 9;
  manifest.log_checksum = 4711;
  manifest.schema.name = "fuzz";
  manifest.schema.fields = {
      {"text", DataType::kString, true, 0, zvec::IndexParams::Invert()},
      {"v", DataType::kVectorFp32, false, 4, zvec::IndexParams::Hnsw(zvec::MetricType::kCosine)},
      {"s", DataType::kSparseVectorFp32, true, 0, zvec::IndexParams::Hnsw(zvec::MetricType::kIp)}};
  return manifest;
}

}  // namespace

std::vector<std::string> Seeds() {
  zvec::Manifest manifest = Small();
  std::vector<std::string> seeds = {zvec::EncodeManifest(manifest)};
  manifest.segments = {{{4, 1000, 10, 1}, 0, 0, {}}, {{5, 2000, 20, 2}, 6, 3, {}}};
  seeds.push_back(zvec::EncodeManifest(manifest));
  manifest.segments[0].indexes = {{1, 7, 3000, 10, 4}};
  seeds.push_back(zvec::EncodeManifest(manifest));
  manifest.segments[1].indexes = {{1, 8, 3000, 20, 5}, {2, 10, 4000, 20, 6}};
  seeds.push_back(zvec::EncodeManifest(manifest));
  return seeds;
}

void Run(std::string_view input) {
  const auto generation = Get<std::uint64_t>(input, 24);
  const auto manifest = zvec::DecodeManifest(input, generation, "m");
  if (!manifest.ok()) return;
  Require(manifest->schema.Validate().ok(), "a schema against the rules was accepted");
  for (const zvec::SegmentEntry& segment : manifest->segments) {
    Require(segment.file.number < manifest->next_number, "the next file would replace a segment");
    for (const zvec::IndexEntry& index : segment.indexes)
      Require(index.field < manifest->schema.fields.size(), "an index of a field that is not there");
  }
  const auto again = zvec::DecodeManifest(zvec::EncodeManifest(*manifest), generation, "m");
  Require(again.ok() && *again == *manifest, "written and read again it is another manifest");
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealBody(input, input.size() % 8 != 0); }

}  // namespace fuzz
