#include "text/embedding_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/default_table.h"
#include "text/test_table.h"

namespace cocoindex::text {
namespace {

using cocozvec::StatusCode;
using ::testing::HasSubstr;

cocozvec::Status Parse(const std::string& bytes) {
  return EmbeddingTable::Parse(bytes, "t.embedder").status();
}

TEST(EmbeddingTable, ReadsBackWhatWasWritten) {
  const TestTable made;
  const std::string bytes = made.Bytes();
  const auto table = EmbeddingTable::Parse(bytes, "t").value();
  EXPECT_EQ(table.dimension, 32u);
  EXPECT_EQ(table.rows, 5u);
  EXPECT_EQ(table.unknown_row, 0u);
  EXPECT_EQ(table.name, "test");
  EXPECT_EQ(table.notice, "ours");
  EXPECT_EQ(table.tokens, "[UNK]catdog##sthe");
  EXPECT_EQ(table.scales[2], 2000);
}

TEST(EmbeddingTable, TheOneInTheLibraryIsWhole) {
  const auto table = EmbeddingTable::Parse(DefaultTable(), "of the library").value();
  EXPECT_EQ(table.name, "minilm-l6-256");
  EXPECT_EQ(table.dimension, 256u);
  EXPECT_EQ(table.rows, 29'528u);
  EXPECT_THAT(std::string(table.notice), HasSubstr("Apache License"));
  EXPECT_THAT(std::string(table.notice), HasSubstr("all-MiniLM-L6-v2"));
}

TEST(EmbeddingTable, AnotherFileIsNoTable) {
  EXPECT_EQ(Parse("").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Parse("PK\x03\x04 a model of somebody else").message(),
            "embedding table 't.embedder': does not begin as a table of an embedder does");
}

TEST(EmbeddingTable, ANewerFormatNamesBothVersions) {
  TestTable made;
  made.version = 2;
  const auto status = Parse(made.Bytes());
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(), "embedding table 't.embedder': format 2, this library reads up to 1");
}

TEST(EmbeddingTable, EveryPrefixIsNoticed) {
  const std::string bytes = TestTable().Bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 97) {
    EXPECT_FALSE(Parse(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(EmbeddingTable, EveryFlippedBitIsNoticed) {
  const std::string bytes = TestTable().Bytes();
  for (std::size_t at = 0; at < bytes.size(); at += at < 200 ? 1 : 31) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_FALSE(Parse(damaged).ok()) << "byte " << at << " bit " << bit;
    }
  }
}

// A right checksum over nonsense: made on purpose, or by a faulty tool.
TEST(EmbeddingTable, NonsenseIsNoticedEvenUnderARightChecksum) {
  const auto broken = [](auto change) {
    TestTable made;
    change(made);
    const auto status = Parse(made.Bytes());
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_THAT(broken([](TestTable& t) { t.dimension = 0; }), HasSubstr("dimension 0, allowed 32 to 1024"));
  EXPECT_THAT(broken([](TestTable& t) { t.dimension = 48; }), HasSubstr("dimension 48, no multiple of 32"));
  EXPECT_THAT(broken([](TestTable& t) { t.dimension = 64; }), HasSubstr("its sections need"));
  EXPECT_THAT(broken([](TestTable& t) { t.version = 0; }), HasSubstr("format 0"));
  EXPECT_THAT(broken([](TestTable& t) { t.unknown_id = 77; }),
              HasSubstr("no row for the unknown token, number 77"));
  EXPECT_THAT(broken([](TestTable& t) { t.most_characters = 5000; }), HasSubstr("5000, allowed 1 to 1000"));
  EXPECT_THAT(broken([](TestTable& t) { t.scales[1] = -1; }), HasSubstr("row 1: scale below 0"));
  EXPECT_THAT(broken([](TestTable& t) { t.ids[2] = 5; }), HasSubstr("row 2: token number 5"));
  EXPECT_THAT(broken([](TestTable& t) { t.tokens[1] = ""; }), HasSubstr("a token of no bytes"));
  EXPECT_THAT(broken([](TestTable& t) { t.blocks[7] = 2; }),
              HasSubstr("block of characters 2, allowed 0 to 1"));
  EXPECT_THAT(broken([](TestTable& t) { t.classes[9] = 8; }),
              HasSubstr("class of a character 8, allowed 0 to 7"));
  EXPECT_THAT(broken([](TestTable& t) { t.spellings[5] = 1; }), HasSubstr("spelling of character 1 behind"));
  EXPECT_THAT(broken([](TestTable& t) { t.spellings[2] = 0; }), HasSubstr("spelled with nothing"));
}

}  // namespace
}  // namespace cocoindex::text
