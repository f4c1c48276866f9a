// fuzz/deletes.cc: any bytes as the deletions of a segment.
#include "zvec/storage/deletes.h"

#include "fuzz.h"
#include "seal.h"
#include "zvec/storage/file_header.h"

namespace fuzz {
namespace {

constexpr std::uint64_t kRows = 70'000;

std::string Deletions(const std::vector<std::uint32_t>& rows) {
  zvec::Bitmap dead;
  for (const std::uint32_t row : rows) dead.Add(row);
  return Written([&](cocozvec::FileSystem& fs, const std::string& path) {
    (void)zvec::WriteDeletes(fs, path, 6, 77, 5, dead).value();
  });
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::uint32_t> many;
  for (std::uint32_t row = 0; row < 300; ++row) many.push_back(row * 7);
  return {Deletions({}), Deletions({0, 1, 2, 500, kRows - 1}), Deletions(many)};
}

void Run(std::string_view input) {
  OneFile disk(input);
  const auto number = Get<std::uint64_t>(input, 24), collection = Get<std::uint64_t>(input, 16),
             segment = Get<std::uint64_t>(input, 48), checksum = Get<std::uint64_t>(input, 56);
  const auto dead = zvec::ReadDeletes(disk, "d", number, collection, segment, kRows, checksum);
  if (!dead.ok()) return;
  Require(dead->Count() <= input.size() - zvec::kFileHeaderBytes, "more rows than bytes");
  dead->ForEach(
      [](void*, std::uint32_t row) { Require(row < kRows, "a row that the segment does not have"); },
      nullptr);
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealBody(input, input.size() % 8 != 0); }

}  // namespace fuzz
