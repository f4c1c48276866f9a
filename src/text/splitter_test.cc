#include "cocoindex/text/splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <stdexcept>

#include "text/utf8.h"

namespace cocoindex::text {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Texts(std::string_view text, SplitOptions options) {
  std::vector<std::string> texts;
  for (const Piece& piece : RecursiveSplitter(options).split(text)) texts.emplace_back(piece.text);
  return texts;
}

std::uint64_t Length(std::string_view text) {
  std::uint64_t n = 0;
  for (std::size_t at = 0; at < text.size(); at += decode(text, at).bytes) ++n;
  return n;
}

TEST(Splitter, EmptyTextHasNoPieces) { EXPECT_THAT(Texts("", {}), ElementsAre()); }

TEST(Splitter, TextThatFitsIsOnePiece) {
  EXPECT_THAT(Texts("one\n\ntwo", {8, 2}), ElementsAre("one\n\ntwo"));
}

TEST(Splitter, CutsAfterABlankLineBeforeAnythingElse) {
  EXPECT_THAT(Texts("aaa bbb.\n\nccc\nddd. eee", {16, 0}), ElementsAre("aaa bbb.\n\n", "ccc\nddd. eee"));
}

TEST(Splitter, CutsAfterALineBeforeASentence) {
  EXPECT_THAT(Texts("aaa bbb\nccc. ddd eee", {14, 0}), ElementsAre("aaa bbb\n", "ccc. ddd eee"));
}

TEST(Splitter, CutsAfterASentenceBeforeAWord) {
  EXPECT_THAT(Texts("It is so. \"Yes.\" and then", {20, 0}), ElementsAre("It is so. \"Yes.\" ", "and then"));
}

TEST(Splitter, CutsBetweenWordsBeforeCharacters) {
  EXPECT_THAT(Texts("alpha beta gamma", {12, 0}), ElementsAre("alpha beta ", "gamma"));
}

TEST(Splitter, CutsBetweenCharactersWhenThereIsNothingBetter) {
  EXPECT_THAT(Texts("abcdefghij", {4, 0}), ElementsAre("abcd", "efgh", "ij"));
}

TEST(Splitter, IndentationStaysWithItsLine) {
  EXPECT_THAT(Texts("first para\n\n    second", {14, 0}), ElementsAre("first para\n\n", "    second"));
}

TEST(Splitter, ChineseSentencesEndWithoutASpace) {
  EXPECT_THAT(Texts("一二三四。五六七八", {7, 0}), ElementsAre("一二三四。", "五六七八"));
}

TEST(Splitter, OverlapBeginsAtAWord) {
  EXPECT_THAT(Texts("alpha beta gamma delta", {12, 6}),
              ElementsAre("alpha beta ", "beta gamma ", "gamma delta"));
}

TEST(Splitter, OverlapIsExactWhereThereAreNoWords) {
  EXPECT_THAT(Texts("abcdefghij", {4, 2}), ElementsAre("abcd", "cdef", "efgh", "ghij"));
}

TEST(Splitter, PositionsCountCharactersAndBytes) {
  const std::string text = "äöü ñandú ß";
  const auto pieces = RecursiveSplitter({6, 0}).split(text);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[1].start, 4u);
  EXPECT_EQ(pieces[1].start_byte, 7u);
  EXPECT_EQ(pieces[1].length, 6u);
  EXPECT_EQ(pieces[1].text, "ñandú ");
}

TEST(Splitter, BytesThatAreNoUtf8CountAsOneCharacterEach) {
  EXPECT_THAT(Texts("\xff\xfe\x80zz", {2, 0}), ElementsAre("\xff\xfe", "\x80z", "z"));
}

std::string ErrorOf(SplitOptions options) {
  try {
    RecursiveSplitter splitter(options);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

TEST(Splitter, OptionsOutOfRangeAreRefusedWithBothValues) {
  EXPECT_EQ(ErrorOf({0, 0}), "splitter: size 0, allowed 1 to 1000000");
  EXPECT_EQ(ErrorOf({1'000'001, 0}), "splitter: size 1000001, allowed 1 to 1000000");
  EXPECT_EQ(ErrorOf({10, 10}), "splitter: overlap 10, must be less than size 10");
  EXPECT_EQ(ErrorOf({1, 0}), "none");
}

TEST(Splitter, IdentityNamesEveryOption) {
  EXPECT_EQ(RecursiveSplitter({500, 20}).identity(), "recursive/1 size=500 overlap=20");
}

// Text of the kinds that matter: words, line ends, sentence ends, long runs, several scripts, bytes of
// nothing.
rc::Gen<std::string> AnyText() {
  const auto part =
      rc::gen::element<std::string>("a", "word ", "längere ", ". ", "\n", "\n\n", "\r\n", "   ", "。", "漢字",
                                    "🙂", "\xff", "\xe2\x82", "xxxxxxxxxxxxxxxxxxxxxxxx", "! ", "e\u0301");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(part),
                      [](const std::vector<std::string>& parts) {
                        std::string all;
                        for (const auto& p : parts) all += p;
                        return all;
                      });
}

void CheckPieces(std::string_view text, const SplitOptions& options, const std::vector<Piece>& pieces) {
  std::uint64_t end = 0, end_byte = 0;  // of the piece before
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& p = pieces[i];
    RC_ASSERT(p.length >= 1u && p.length <= options.size && p.length == Length(p.text));
    RC_ASSERT(text.substr(p.start_byte, p.text.size()) == p.text);
    RC_ASSERT(Length(text.substr(0, p.start_byte)) == p.start);
    RC_ASSERT(p.start_byte <= end_byte && p.start <= end && end - p.start <= options.overlap);
    const bool last = i + 1 == pieces.size();
    RC_ASSERT(p.start + p.length > end);
    RC_ASSERT(i == 0 || last || p.start + p.length - end >= (options.size - options.overlap) / 2);
    end = p.start + p.length;
    end_byte = p.start_byte + p.text.size();
  }
  RC_ASSERT(end_byte == text.size());
}

RC_GTEST_PROP(SplitterProperty, PiecesCoverTheTextWithinTheirLimits, ()) {
  const std::string text = *AnyText();
  SplitOptions options;
  options.size = *rc::gen::inRange<std::uint32_t>(1, 40);
  options.overlap = *rc::gen::inRange<std::uint32_t>(0, options.size);
  const RecursiveSplitter splitter(options);
  CheckPieces(text, options, splitter.split(text));
}

// Guards: a splitter that kept something from one call to the next.
RC_GTEST_PROP(SplitterProperty, EqualTextsGiveEqualPieces, ()) {
  const RecursiveSplitter splitter({10, 3});
  const std::string text = *AnyText(), other = *AnyText();
  const auto first = splitter.split(text);
  splitter.split(other);
  const auto second = splitter.split(text);
  RC_ASSERT(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) RC_ASSERT(first[i].text == second[i].text);
}

}  // namespace
}  // namespace cocoindex::text
