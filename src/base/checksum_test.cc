#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace cocozvec {
namespace {

// Guards: another library version, seed or build changes every checksum on disk.
TEST(Checksum, ValuesAreFrozen) {
  EXPECT_EQ(Checksum(std::string_view("")), 0x2d64f78f4b826cafu);
  EXPECT_EQ(Checksum(std::string_view("cocozvec")), 0x937efc20a7e07509u);
  EXPECT_EQ(Checksum(std::string(1000, 'x')), 0x276a687e7b248588u);
  EXPECT_EQ(ChecksumAt(std::as_bytes(std::span(std::string_view("cocozvec"))), 1, 2, 3), 0x4a49aea3b45b9340u);
}

TEST(Checksum, TextAndBytesAgree) {
  const std::string_view text = "some bytes";
  EXPECT_EQ(Checksum(text), Checksum(std::as_bytes(std::span(text))));
}

TEST(Checksum, BlockThatMovedDoesNotMatch) {
  const std::string_view text = "block";
  const auto block = std::as_bytes(std::span(text));
  const std::uint64_t here = ChecksumAt(block, 1, 4096, 7);
  EXPECT_EQ(here, ChecksumAt(block, 1, 4096, 7));
  EXPECT_NE(here, ChecksumAt(block, 2, 4096, 7));
  EXPECT_NE(here, ChecksumAt(block, 1, 8192, 7));
  EXPECT_NE(here, ChecksumAt(block, 1, 4096, 8));
  EXPECT_NE(here, ChecksumAt(block.first(4), 1, 4096, 7));
}

}  // namespace
}  // namespace cocozvec
