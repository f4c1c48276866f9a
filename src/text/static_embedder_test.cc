#include "cocoindex/text/static_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/checksum.h"
#include "base/io/file_system.h"
#include "text/default_table.h"
#include "text/test_table.h"

namespace cocoindex::text {
namespace {

using ::testing::HasSubstr;

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

std::string MessageOf(const std::string& bytes) {
  try {
    StaticEmbedder::from_bytes(bytes, "t");
  } catch (const cocozvec::StatusError& error) {
    return error.what();
  }
  return "none";
}

TEST(StaticEmbedder, WordsOfLikeMeaningAreNear) {
  const StaticEmbedder embedder;
  const auto near = [&](const char* a, const char* b, const char* far) {
    return Cosine(embedder.embed(a), embedder.embed(b)) >
           Cosine(embedder.embed(a), embedder.embed(far)) + 0.2;
  };
  EXPECT_TRUE(near("car", "automobile", "banana"));
  EXPECT_TRUE(near("physician", "doctor", "guitar"));
  EXPECT_TRUE(near("my computer will not switch on", "the laptop does not start", "bread does not rise"));
}

// The same texts through the tool's NumPy code (tools/distill/table.py, Table.embed): bit for bit, on every
// CPU. tools/distill/check_tokenizer.py without --program prints the sum.
TEST(StaticEmbedder, VectorsAreThoseOfTheTool) {
  const StaticEmbedder embedder;
  EXPECT_EQ(embedder.identity(), "static/1 minilm-l6-256 hash=dc6f797fdf133fa9");
  const std::string_view texts[] = {"",
                                    "The cat sat on the mat.",
                                    "A kitten was sitting on the rug.",
                                    "Interest rates rose again.",
                                    "Привет, мир! 漢字 CAFÉ",
                                    "the of and"};
  std::vector<float> rows(std::size(texts) * 256);
  embedder.embed(texts, rows);
  EXPECT_EQ(cocozvec::Checksum(std::as_bytes(std::span(rows))), 316769507776308117u);
}

TEST(StaticEmbedder, VectorsHaveLengthOne) {
  const auto vector = StaticEmbedder().embed("any text");
  EXPECT_NEAR(Cosine(vector, vector), 1, 1e-6);
}

TEST(StaticEmbedder, NothingToEmbedGivesZeros) {
  const StaticEmbedder embedder;
  for (const char* text : {"", "   \n", "\u200B\u00AD", "\xFF\xFE", "𓀀 𓀁", "🙂🙃", "[PAD] [UNK]"}) {
    EXPECT_TRUE(is_zero(embedder.embed(text))) << text;
  }
}

TEST(StaticEmbedder, OnlyStopWordsGiveAVector) {
  const auto vector = StaticEmbedder().embed("the of and");
  EXPECT_NEAR(Cosine(vector, vector), 1, 1e-6);
}

TEST(StaticEmbedder, OrderOfTokensAndPortionsHaveNoSay) {
  const StaticEmbedder embedder;
  std::string forward, backward;
  for (int i = 0; i < 20'000; ++i) {
    forward += "weather ";
    backward += "lovely ";
  }
  EXPECT_EQ(embedder.embed(forward + backward), embedder.embed(backward + forward));
  EXPECT_EQ(embedder.embed(forward), embedder.embed("weather"));
}

TEST(StaticEmbedder, MegabytesOfOneWordAreEmbedded) {
  const StaticEmbedder embedder;
  EXPECT_TRUE(is_zero(embedder.embed(std::string(10 << 20, 'x'))));
  EXPECT_TRUE(is_zero(embedder.embed(std::string(10 << 20, '\xF0'))));
}

TEST(StaticEmbedder, ManyThreadsGiveTheSameBits) {
  const StaticEmbedder embedder;
  const auto alone = embedder.embed("threads share the table");
  std::vector<std::vector<float>> found(4);
  {
    std::vector<std::jthread> threads;
    for (auto& f : found) threads.emplace_back([&] { f = embedder.embed("threads share the table"); });
  }
  for (const auto& f : found) EXPECT_EQ(f, alone);
}

TEST(StaticEmbedder, AFileGivesWhatTheLibraryGives) {
  std::string folder = std::filesystem::temp_directory_path() / "static_embedder_test.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/t.embedder";
  ASSERT_TRUE(cocozvec::WriteFileAtomically(cocozvec::PosixFileSystem(), path, DefaultTable()).ok());
  const auto embedder = StaticEmbedder::from_file(path);
  EXPECT_EQ(embedder.identity(), StaticEmbedder().identity());
  EXPECT_EQ(embedder.embed("a text"), StaticEmbedder().embed("a text"));
  std::filesystem::remove_all(folder);
  EXPECT_THROW(StaticEmbedder::from_file(path), cocozvec::StatusError);
}

TEST(StaticEmbedder, AnotherTableHasAnotherIdentity) {
  TestTable made;
  const auto first = StaticEmbedder::from_bytes(made.Bytes(), "t");
  EXPECT_THAT(first.identity(), HasSubstr("static/1 test hash="));
  EXPECT_EQ(first.dimension(), 32u);
  made.scales[1] = 999;
  EXPECT_NE(StaticEmbedder::from_bytes(made.Bytes(), "t").identity(), first.identity());
}

TEST(StaticEmbedder, ADamagedTableIsRefusedByName) {
  std::string bytes = TestTable().Bytes();
  EXPECT_EQ(MessageOf(bytes), "none");
  bytes[100] ^= 1;
  EXPECT_THAT(MessageOf(bytes), HasSubstr("data loss: embedding table 't': checksum"));
  EXPECT_THAT(MessageOf("a text"), HasSubstr("invalid argument: embedding table 't': does not begin"));
}

}  // namespace
}  // namespace cocoindex::text
