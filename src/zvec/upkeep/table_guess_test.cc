// A damaged section table: whatever of it is left finds its blocks again.
#include "zvec/upkeep/table_guess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "base/checksum.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0::testing_docs {
namespace {

/// A segment as Optimize writes it: every type, and nulls in the fields that `nulls` says.
class TableGuessTest : public ::testing::Test {
 protected:
  void Make(int rows, const std::function<bool(std::size_t field)>& nulls) {
    cocozvec::SimDisk disk;
    CollectionOptions options;
    options.file_system = &disk;
    options.maintenance = Maintenance::kManual;
    const auto collection = Collection::Create("c", schema_, options).value();
    std::vector<Doc> docs;
    for (int i = 0; i < rows; ++i) {
      docs.push_back(AllTypesDoc("doc" + std::to_string(i), 1 + i % 7));
      std::size_t field = 0;
      if (i % 3 == 0) std::erase_if(docs.back().fields, [&](const auto&) { return nulls(field++); });
    }
    ASSERT_TRUE(collection->Upsert(docs).ok());
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Close().ok());
    for (const auto& entry : disk.List("c").value())
      if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kSegment) {
        file_ = cocozvec::ReadFile(disk, "c/" + entry.name, 1 << 26).value();
        header_ = DecodeFileHeader(kSegmentMagic, file_, name->number, entry.name).value();
      }
    ASSERT_EQ(header_.a, static_cast<std::uint64_t>(rows));
    right_ =
        DecodeSections(std::string_view(file_).substr(header_.b), schema_, header_.a, header_.b, "c").value();
  }

  std::vector<Section> Guess(const std::string& file, bool header_is_whole) const {
    return GuessWithin(50'000, file, header_is_whole).sections;
  }

  GuessedTable GuessWithin(std::uint64_t most_steps, const std::string& file, bool header_is_whole) const {
    const std::uint64_t tail = std::min<std::uint64_t>(file.size(), LargestTable(schema_, header_.a));
    TableGuess guess{.tail = std::string_view(file).substr(file.size() - tail),
                     .size = file.size(),
                     .rows = header_.a,
                     .table_at = header_is_whole ? header_.b : 0,
                     .checksum = {},
                     .word = {},
                     .most_steps = most_steps};
    guess.checksum = [&](std::uint64_t offset, std::uint64_t size) -> std::optional<std::uint64_t> {
      ++blocks_read_;
      if (offset > file.size() || size > file.size() - offset) return std::nullopt;
      return cocozvec::ChecksumAt(std::as_bytes(std::span(file).subspan(offset, size)), header_.number,
                                  offset, header_.collection);
    };
    guess.word = [&](std::uint64_t offset) {
      std::uint32_t word = UINT32_MAX;
      if (offset + sizeof(word) <= file.size()) std::memcpy(&word, file.data() + offset, sizeof(word));
      return word;
    };
    return GuessSections(schema_, guess);
  }

  /// Blocks whose checksum the damage left alone, and that the guess has elsewhere or not at all.
  std::uint64_t Missed(const std::string& damaged, const std::vector<Section>& guess) const {
    std::uint64_t missed = 0, entry = header_.b + 4;
    for (const Section& section : right_) {
      const std::uint64_t checksums = entry + 33 + 8 * section.block_ends.size();
      const auto same = std::find_if(guess.begin(), guess.end(), [&](const Section& one) {
        return one.kind == section.kind && one.field == section.field;
      });
      for (std::size_t block = 0; block < section.block_count(); ++block) {
        if (damaged.compare(checksums + 8 * block, 8, file_, checksums + 8 * block, 8) != 0) continue;
        missed += same == guess.end() || block >= same->block_count() ||
                  same->checksums[block] != section.checksums[block] ||
                  same->offset + same->BlockBegin(block) != section.offset + section.BlockBegin(block) ||
                  same->offset + same->BlockEnd(block) != section.offset + section.BlockEnd(block);
      }
      entry = checksums + 8 * section.block_count();
    }
    return missed;
  }

  /// Some bytes of the table are others: by chance, zeros, or from elsewhere in the file.
  std::string Damage(std::mt19937_64& random) const {
    std::string damaged = file_;
    const std::uint64_t table = file_.size() - header_.b;
    const std::uint64_t size = std::min(std::uint64_t{8} << random() % 8, table);
    const std::uint64_t at = header_.b + random() % (table - size + 1);
    switch (random() % 4) {
      case 0:
        for (std::uint64_t i = 0; i < size; ++i) damaged[at + i] = static_cast<char>(random());
        break;
      case 1:
        damaged.replace(at, size, size, '\0');
        break;
      case 2:
        damaged.replace(at, size, file_, random() % (file_.size() - size + 1), size);
        break;
      default:
        damaged.replace(at, size, file_, header_.b + random() % (table - size + 1), size);
    }
    return damaged;
  }

  void ExpectWhatIsLeftIsFound(int cases) const {
    for (int seed = 0; seed < cases; ++seed) {
      std::mt19937_64 random(static_cast<std::uint64_t>(seed));
      const std::string damaged = Damage(random);
      ASSERT_EQ(Missed(damaged, Guess(damaged, seed % 2 == 0)), 0u) << "seed " << seed;
    }
  }

  mutable std::uint64_t blocks_read_ = 0;
  const CollectionSchema schema_ = AllTypesSchema();
  std::string file_;
  FileHeader header_;
  std::vector<Section> right_;
};

TEST_F(TableGuessTest, AWholeTableIsFoundAgain) {
  Make(1500, [](std::size_t field) { return field % 3 == 1; });
  for (const bool header_is_whole : {false, true})
    EXPECT_EQ(Missed(file_, Guess(file_, header_is_whole)), 0u);
}

// Guards: bytes that looked like fewer fields with nulls won over checksums, and whole documents were lost.
TEST_F(TableGuessTest, EveryBlockWhoseChecksumIsLeftIsFoundInASmallSegment) {
  Make(7, [](std::size_t) { return true; });
  ExpectWhatIsLeftIsFound(400);
}

TEST_F(TableGuessTest, EveryBlockWhoseChecksumIsLeftIsFoundInOneOfSeveralChunks) {
  Make(5000, [](std::size_t field) { return field % 2 == 0; });
  ExpectWhatIsLeftIsFound(150);
}

// Guards: a search that came to its limit gave nothing, and a segment whose blocks were whole was lost.
TEST_F(TableGuessTest, WhereTheSearchIsEndedTheBestReadingSoFarIsTaken) {
  Make(1500, [](std::size_t field) { return field % 3 == 1; });
  for (const bool header_is_whole : {false, true}) {
    EXPECT_TRUE(GuessWithin(50'000, file_, header_is_whole).certain);
    for (const std::uint64_t steps : {0, 1, 5}) {
      const GuessedTable ended = GuessWithin(steps, file_, header_is_whole);
      EXPECT_FALSE(ended.certain) << steps;
      if (header_is_whole) {
        EXPECT_EQ(Missed(file_, ended.sections), 0u) << steps;
      } else {
        EXPECT_FALSE(ended.sections.empty()) << steps;
      }
    }
  }
}

// Nothing tells one way of reading it from the others: the search goes through many, and reads no block
// twice.
TEST_F(TableGuessTest, OfATableThatIsGoneNoBlockIsFoundAndTheSearchEnds) {
  Make(3000, [](std::size_t field) { return field % 2 == 0; });
  std::string damaged = file_;
  damaged.replace(header_.b, std::string::npos, file_.size() - header_.b, '\0');
  std::uint64_t blocks = 0;
  for (const Section& section : right_) blocks += section.block_count();
  for (const bool header_is_whole : {false, true}) {
    blocks_read_ = 0;
    for (const Section& section : Guess(damaged, header_is_whole))
      for (std::size_t block = 0; block < section.block_count(); ++block) {
        const std::uint64_t begin = section.offset + section.BlockBegin(block);
        const std::uint64_t size = section.offset + section.BlockEnd(block) - begin;
        EXPECT_NE(cocozvec::ChecksumAt(std::as_bytes(std::span(damaged).subspan(begin, size)), header_.number,
                                       begin, header_.collection),
                  section.checksums[block]);
      }
    EXPECT_GT(blocks_read_, blocks / 2);
    EXPECT_LT(blocks_read_, 500 * blocks);
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
