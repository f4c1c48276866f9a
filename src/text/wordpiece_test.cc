#include "text/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/checksum.h"
#include "text/default_table.h"
#include "text/test_table.h"

namespace cocoindex::text {
namespace {

using ::testing::ElementsAre;
using Ids = std::vector<std::uint16_t>;

Ids Encode(const WordPiece& tokenizer, const EmbeddingTable& table, std::string_view text) {
  TokenStream stream(tokenizer, text);
  Ids ids;
  for (auto rows = stream.Next(); !rows.empty(); rows = stream.Next()) {
    for (const auto row : rows) ids.push_back(table.ids[row]);
  }
  return ids;
}

const EmbeddingTable& Default() {
  static const EmbeddingTable table = EmbeddingTable::Parse(DefaultTable(), "default").value();
  return table;
}
Ids Encode(std::string_view text) {
  static const WordPiece tokenizer(Default());
  return Encode(tokenizer, Default(), text);
}

class Small : public ::testing::Test {
 protected:
  Ids Encode(std::string_view text) {
    bytes_ = made_.Bytes();
    const auto table = EmbeddingTable::Parse(bytes_, "small").value();
    return text::Encode(WordPiece(table), table, text);
  }
  TestTable made_;
  std::string bytes_;
};

TEST_F(Small, TheLongestPieceIsTaken) { EXPECT_THAT(Encode("cat dogs Cats"), ElementsAre(5, 6, 7, 5, 7)); }

TEST_F(Small, AWordThatCannotBeCutWhollyIsOneUnknown) {
  EXPECT_THAT(Encode("catx cat"), ElementsAre(1, 5));
  EXPECT_THAT(Encode("s"), ElementsAre(1));
}

TEST_F(Small, AWordOfTooManyCharactersIsUnknown) {
  EXPECT_THAT(Encode("catsssssss"), ElementsAre(5, 7, 7, 7, 7, 7, 7, 7));
  EXPECT_THAT(Encode("catssssssss"), ElementsAre(1));
}

// Guards: a word whose tokens filled the portion to the last row left none for the full stop behind it.
TEST_F(Small, AWordInMoreTokensThanCharactersLeavesRoomForWhatEndsIt) {
  made_.most_characters = 1000;
  for (const char* token : {"\xE4", "##\xE4", "##\xB8", "##\x80", "##a"}) {
    made_.ids.push_back(static_cast<std::uint16_t>(20 + made_.tokens.size()));
    made_.tokens.push_back(token);
    made_.weights.push_back(std::string(16, '\x88'));
    made_.scales.push_back(0);
  }
  made_.blocks[0x4E] = 2;
  made_.classes += std::string(256, '\x04');  // letters
  const auto encode = [&](int characters) {
    std::string word;
    for (int i = 0; i < characters; ++i) word += "\u4E00";
    return Encode(word + "aa.");
  };
  EXPECT_EQ(encode(681).size(), 3u * 681 + 3);
  EXPECT_THAT(encode(682), ElementsAre(1, 1));
}

TEST_F(Small, ACharacterAloneEndsTheWordBeforeIt) { EXPECT_THAT(Encode("cat.dog"), ElementsAre(5, 1, 6)); }

TEST_F(Small, ASpecialTokenIsFoundInTheText) { EXPECT_THAT(Encode("cat[UNK]dog"), ElementsAre(5, 1, 6)); }

// Guards: a table whose tokens are single bytes makes more pieces than the portion has room for.
TEST_F(Small, TokensOfHalfACharacterDoNotOverflow) {
  made_.most_characters = 1000;
  made_.tokens[1] = "\xC3";
  made_.tokens[2] = "##\xA9";
  made_.tokens[3] = "##\xC3";
  made_.classes.replace(256, 256, 256, '\x04');
  std::string word;
  for (int i = 0; i < 1000; ++i) word += "\xC3\xA9";
  std::string text;
  for (int i = 0; i < 20; ++i) text += word + " ";
  const Ids ids = Encode(text);
  EXPECT_FALSE(ids.empty());
}

TEST(WordPiece, NothingHasNoTokens) {
  EXPECT_THAT(Encode(""), ElementsAre());
  EXPECT_THAT(Encode(" \n\t\u00AD\u200B"), ElementsAre());
}

// The numbers are the reference tokenizer's (tools/distill/check_tokenizer.py compares 1.4 million texts).
TEST(WordPiece, TokensAreTheReferences) {
  EXPECT_THAT(Encode("The weather is lovely today."), ElementsAre(1996, 4633, 2003, 8403, 2651, 1012));
  EXPECT_THAT(Encode("unaffable CAFÉ cafe\u0301"), ElementsAre(14477, 20961, 3468, 7668, 7668));
  EXPECT_THAT(Encode("Straße İstanbul ﬁne"), ElementsAre(2358, 27807, 9960, 1984, 2638));
  EXPECT_THAT(Encode("漢字 ひらがな 한국어"), ElementsAre(1904, 100, 1673, 30211, 30177, 30193, 1469, 30006,
                                                          30021, 29991, 30014, 30020, 29999, 30008));
  EXPECT_THAT(Encode("don't [MASK] [CLS"), ElementsAre(2123, 1005, 1056, 103, 1031, 18856, 2015));
  EXPECT_THAT(Encode("Привет, мир! 🙂"),
              ElementsAre(1194, 16856, 10325, 25529, 15290, 22919, 1010, 1191, 10325, 16856, 999, 100));
}

TEST(WordPiece, BytesThatAreNoUtf8AreLeftOut) { EXPECT_EQ(Encode("wea\xFFther\xE2\x82"), Encode("weather")); }

// Every character of Unicode in three surroundings; the sum is of what the reference gives
// (tools/distill/check_tokenizer.py without --program prints it).
TEST(WordPiece, EveryCharacterIsTreatedAsTheReferenceDoes) {
  std::string all;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string character;
    if (c < 0x80) {
      character = {static_cast<char>(c)};
    } else if (c < 0x800) {
      character = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    } else if (c < 0x10000) {
      character = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                   static_cast<char>(0x80 | (c & 0x3F))};
    } else {
      character = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
                   static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    }
    for (const std::uint16_t id : Encode("a" + character + "b " + character + "\u0301" + character)) {
      all.append(reinterpret_cast<const char*>(&id), sizeof(id));
    }
    all.append("\xFF\xFF");
  }
  EXPECT_EQ(cocozvec::Checksum(all), 10888027448731086113u);
}

// Guards: a text that is cut into portions at the wrong place.
TEST(WordPiece, ALongTextHasTheTokensOfItsParts) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += i % 7 == 0 ? "unaffable " : i % 3 == 0 ? "x\u4E00y, " : "weather ";
  Ids parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find(' ', at) + 1;
    for (const auto id : Encode(std::string_view(text).substr(at, end - at))) parts.push_back(id);
    at = end;
  }
  EXPECT_EQ(Encode(text), parts);
}

}  // namespace
}  // namespace cocoindex::text
