#include "cocoindex/text/hashing_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "text/tokenizer.h"

namespace cocoindex::text {
namespace {

using ::testing::ElementsAre;

std::vector<std::u32string> Words(std::string_view text) {
  std::vector<std::u32string> words;
  Tokenizer tokens(text);
  for (Word word; tokens.Next(word);) words.emplace_back(word.characters.begin(), word.characters.end());
  return words;
}

double Cosine(std::string_view a, std::string_view b, std::uint32_t dimension = 384) {
  const HashingEmbedder embedder({dimension});
  const auto x = embedder.embed(a), y = embedder.embed(b);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

double Norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

TEST(Tokenizer, WordsAreFoldedRunsOfLettersDigitsAndMarks) {
  EXPECT_THAT(Words("Hello, WORLD-2 x_y"), ElementsAre(U"hello", U"world", U"2", U"x", U"y"));
}

TEST(Tokenizer, ComposedAndDecomposedSpellingsAreOneWord) {
  EXPECT_EQ(Words("CAFÉ"), Words("cafe\u0301"));
  EXPECT_EQ(Words("Straße"), Words("STRASSE"));
  EXPECT_EQ(Words("ΟΔΟΣ"), Words("οδος"));
}

TEST(Tokenizer, IdeographsStandAlone) { EXPECT_THAT(Words("漢字abc"), ElementsAre(U"漢", U"字", U"abc")); }

TEST(Tokenizer, BytesThatAreNoUtf8SeparateWords) {
  EXPECT_THAT(Words("ab\xff"
                    "cd\xe2\x82"),
              ElementsAre(U"ab", U"cd"));
}

TEST(HashingEmbedder, VectorsHaveTheDimensionAskedForAndLengthOne) {
  for (const std::uint32_t dimension : {8u, 100u, 384u, 20'000u}) {
    const auto vector = HashingEmbedder({dimension}).embed("the quick brown fox");
    EXPECT_EQ(vector.size(), dimension);
    EXPECT_NEAR(Norm(vector), 1.0, 1e-5);
  }
}

TEST(HashingEmbedder, NothingToEmbedGivesZeros) {
  for (const std::string_view text : {"", " \n\t", "--- ... !!!", "\xff\xfe"}) {
    EXPECT_TRUE(is_zero(HashingEmbedder().embed(text))) << text;
  }
}

TEST(HashingEmbedder, ABatchGivesWhatSingleCallsGive) {
  const HashingEmbedder embedder({64});
  const std::vector<std::string_view> texts = {"one text", "", "another text entirely", "one text"};
  std::vector<float> batch(texts.size() * 64);
  embedder.embed(texts, batch);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto single = embedder.embed(texts[i]);
    EXPECT_EQ(std::memcmp(single.data(), batch.data() + i * 64, 64 * sizeof(float)), 0) << i;
  }
}

// Guards: vectors are kept in stores and compared with those made by another build; a changed bit needs a new
// identity().
TEST(HashingEmbedder, GoldenVectorHoldsBitForBit) {
  const auto v = HashingEmbedder({8}).embed("Documents stay in step. Índice 漢字 漢字");
  std::vector<std::uint32_t> bits(8);
  std::memcpy(bits.data(), v.data(), 32);
  EXPECT_THAT(bits, ElementsAre(1056794112, 1054421723, 3198077028, 3188771986, 3199532983, 3203010261,
                                1046033115, 3197160594));
}

TEST(HashingEmbedder, CaseAndPunctuationDoNotMatter) {
  EXPECT_NEAR(Cosine("Copy a FILE!", "copy, a file"), 1.0, 1e-6);
}

TEST(HashingEmbedder, SharedWordsAreNearerThanSharedPartsAreNearerThanNothing) {
  const double words = Cosine("remove a directory entry", "remove directory");
  const double parts = Cosine("indexing documents", "indexed document");
  const double nothing = Cosine("indexing documents", "purple mountain");
  EXPECT_GT(words, parts);
  EXPECT_GT(parts, nothing + 0.2);
  EXPECT_NEAR(nothing, 0, 0.2);
}

TEST(HashingEmbedder, RepetitionCountsButLessAndLess) {
  const double once = Cosine("alpha beta", "alpha"), twice = Cosine("alpha alpha beta", "alpha");
  const double often = Cosine("alpha alpha alpha alpha alpha alpha alpha alpha beta", "alpha");
  EXPECT_LT(once, twice);
  EXPECT_LT(twice, often);
  EXPECT_LT(often, 0.99);
}

TEST(HashingEmbedder, AWordOf100000RepetitionsKeepsItsWeightFinite) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "again ";
  EXPECT_NEAR(Norm(HashingEmbedder().embed(text)), 1.0, 1e-5);
}

TEST(HashingEmbedder, OptionsOutOfRangeAreRefusedWithBothValues) {
  EXPECT_THROW(HashingEmbedder({7}), std::invalid_argument);
  EXPECT_THROW(HashingEmbedder({20'001}), std::invalid_argument);
  try {
    HashingEmbedder embedder({7});
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "hashing embedder: dimension 7, allowed 8 to 20000");
  }
}

TEST(HashingEmbedder, RoomOfTheWrongSizeIsRefused) {
  const std::vector<std::string_view> texts = {"a", "b"};
  std::vector<float> room(8);
  EXPECT_THROW(HashingEmbedder({8}).embed(texts, room), std::invalid_argument);
}

TEST(HashingEmbedder, IdentityNamesEveryParameter) {
  EXPECT_THAT(HashingEmbedder({16}).identity(), ::testing::StartsWith("hashing/1 dimension=16 unicode="));
  EXPECT_NE(HashingEmbedder({16}).identity(), HashingEmbedder({17}).identity());
}

}  // namespace
}  // namespace cocoindex::text
