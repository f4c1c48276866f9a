#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/io/file_system.h"
#include "commands.h"
#include "console.h"
#include "folders.h"
#include "json.h"
#include "options.h"
#include "reader.h"
#include "store_config.h"

namespace cocozvec::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "cocozvec_cli_test.XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

ParsedOptions Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "cocozvec");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, EveryCommandIsRead) {
  const auto index = Parse({"index", "a", "b", "--store", "s", "--prune", "--json", "--dimension", "64"});
  ASSERT_FALSE(index.exit);
  EXPECT_EQ(index.options.command, Command::kIndex);
  EXPECT_THAT(index.options.folders, ElementsAre("a", "b"));
  EXPECT_TRUE(index.options.prune && index.options.json);
  EXPECT_EQ(index.options.dimension, 64u);

  const auto search = Parse({"search", "--store", "s", "--topk", "3", "--filter", "start = 0", "--", "-x"});
  ASSERT_FALSE(search.exit);
  EXPECT_EQ(search.options.text, "-x");
  EXPECT_EQ(search.options.topk, 3u);
  EXPECT_EQ(search.options.filter, "start = 0");

  EXPECT_EQ(Parse({"ls", "--store", "s"}).options.command, Command::kList);
  EXPECT_EQ(Parse({"export", "--store", "s", "--jsonl", "--vectors"}).options.command, Command::kExport);
  EXPECT_EQ(Parse({"drop", "--store", "s", "--yes"}).options.command, Command::kDrop);
  EXPECT_EQ(Parse({"version"}).options.command, Command::kVersion);
}

TEST(Options, MistakesEndWithTheUsageCode) {
  const std::vector<std::vector<const char*>> mistakes = {
      {},
      {"frobnicate"},
      {"index", "a"},
      {"index", "a", "--store", ""},
      {"index", "--store", "s", "--prune"},
      {"index", "a", "--store", "s", "--dimension", "7"},
      {"index", "a", "--store", "s", "--embedder", "oracle"},
      {"index", "a", "--store", "s", "--embedder", "static", "--dimension", "64"},
      {"search", "--store", "s"},
      {"search", "x", "--store", "s", "--topk", "0"},
      {"search", "x", "--store", "s", "--topk", "many"},
      {"search", "x", "--store", "s", "--topk", "100001"},
      {"export", "--store", "s"},
      {"export", "--store", "s", "--json", "--jsonl"},
      {"drop", "--store", "s"},
      {"version", "--store", "s"},
  };
  for (const auto& mistake : mistakes)
    EXPECT_EQ(Parse(mistake).exit, kUsage) << ::testing::PrintToString(mistake);
}

TEST(Options, HelpIsNoError) { EXPECT_EQ(Parse({"index", "--help"}).exit, kDone); }

TEST(Json, NestsAndSeparates) {
  JsonWriter json;
  json.Object().Key("a").Array().Int(1).Object().EndObject().Text("x").EndArray().Key("b").Null().EndObject();
  EXPECT_EQ(json.text(), R"({"a":[1,{},"x"],"b":null})");
}

TEST(Json, EveryTextGivesJsonThatReadsBack) {
  const std::string text = "quote \" slash \\ newline \n bell \a del \x7f Grüße 漢字 \xF0\x9F\x99\x82";
  JsonWriter json;
  json.Text(text);
  EXPECT_EQ(nlohmann::json::parse(json.text()).get<std::string>(), text);
}

TEST(Json, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  JsonWriter json;
  json.Text("a\xff\xe2\x82z");
  EXPECT_EQ(nlohmann::json::parse(json.text()).get<std::string>(), "a\uFFFD\uFFFD\uFFFDz");
}

TEST(Json, FloatsReadBackAsTheSameBits) {
  for (const float value : {0.1F, 1.0F / 3, 1e-38F, 3.4e38F, -0.0F, 16777217.0F}) {
    JsonWriter json;
    json.Float(value);
    EXPECT_EQ(std::strtof(json.text().c_str(), nullptr), value);
  }
  JsonWriter json;
  json.Array().Float(NAN).Double(std::numeric_limits<double>::infinity()).EndArray();
  EXPECT_EQ(json.text(), "[null,null]");
}

TEST(Printable, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\xff\xc2\x9b"), "a?[31mb\nc??");
}

TEST(Config, ReadsBackAsWritten) {
  StoreConfig config;
  config.folders = {"/a b", "/ü\"\n"};
  config.splitter = {200, 10};
  EXPECT_EQ(DecodeConfig(EncodeConfig(config), "p").value(), config);
  config.embedder.identity = MakeEmbedder(config.embedder)->identity();
  EXPECT_EQ(DecodeConfig(EncodeConfig(config), "p").value(), config);
  config.embedder = {EmbedderKind::kHashing, {100}, "hashing/1 of old"};
  EXPECT_EQ(DecodeConfig(EncodeConfig(config), "p").value(), config);
}

// What a program of format 1 wrote, byte for byte: it had the hashing embedder only.
TEST(Config, AStoreOfFormat1IsOneOfTheHashingEmbedder) {
  const std::string old =
      "cocozvec-store 1 xxh3:950ffd164e24af10\n"
      R"({"folders":["/a"],"embedder":{"kind":"hashing","dimension":384},)"
      R"("splitter":{"kind":"recursive","size":1000,"overlap":150}})"
      "\n";
  const StoreConfig config = DecodeConfig(old, "p").value();
  EXPECT_THAT(config.folders, ElementsAre("/a"));
  EXPECT_EQ(config.embedder, (EmbedderConfig{EmbedderKind::kHashing, {384}, ""}));
  EXPECT_EQ(MakeEmbedder(config.embedder)->dimension(), 384u);
  EXPECT_TRUE(EmbedderOfStore(config.embedder, "s").ok());
}

TEST(Config, AnEmbedderThatNobodyKnowsIsNamed) {
  const std::string body = R"({"folders":[],"embedder":{"kind":"oracle"},"splitter":{"size":9,"overlap":1}})"
                           "\n";
  char line[64];
  std::snprintf(line, sizeof(line), "cocozvec-store 2 xxh3:%016llx\n",
                static_cast<unsigned long long>(Checksum(body)));
  EXPECT_THAT(std::string(DecodeConfig(line + body, "p").status().message()), HasSubstr("embedder 'oracle'"));
}

TEST(Embedders, AnotherOneIsRefusedWithBothNames) {
  EmbedderConfig stored{EmbedderKind::kStatic, {}, "static/1 minilm-l6-256 hash=0000000000000000"};
  const Status search = EmbedderOfStore(stored, "s").status();
  EXPECT_EQ(search.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(search.message()), HasSubstr(stored.identity));
  EXPECT_THAT(std::string(search.message()), HasSubstr(MakeEmbedder({})->identity()));
  EmbedderConfig wanted{EmbedderKind::kHashing, {}, ""};
  wanted.identity = MakeEmbedder(wanted)->identity();
  const Status index = CheckSameEmbedder(stored, wanted, false, "s");
  EXPECT_EQ(index.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(index.message()), HasSubstr(stored.identity));
  EXPECT_THAT(std::string(index.message()), HasSubstr(wanted.identity));
  EXPECT_TRUE(CheckSameEmbedder(stored, wanted, true, "s").ok());
}

// Guards: a store that quietly reindexed everything with another dimension because of one damaged digit.
TEST(Config, EveryFlippedBitIsNoticed) {
  StoreConfig config;
  config.folders = {"/a"};
  const std::string content = EncodeConfig(config);
  for (std::size_t at = 0; at < content.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_FALSE(DecodeConfig(damaged, "p").ok()) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(Config, EveryPrefixIsNoticed) {
  const std::string content = EncodeConfig({});
  for (std::size_t size = 0; size < content.size(); ++size) {
    EXPECT_FALSE(DecodeConfig(content.substr(0, size), "p").ok()) << size;
  }
}

TEST(Config, ANewerFormatNamesBothVersions) {
  const Status status = DecodeConfig("cocozvec-store 3 whatever comes\n{}\n", "s/config").status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(), "store config 's/config': format 3, this program reads up to 2");
}

TEST(Config, AnotherFileIsNoStore) {
  EXPECT_EQ(DecodeConfig("[core]\nbare = false\n", "s/config").status().code(), StatusCode::kInvalidArgument);
}

nlohmann::json Output(int (*command)(const Options&, Console&), const Options& options) {
  Console console;
  ::testing::internal::CaptureStdout();
  const int code = command(options, console);
  console.Flush();
  const std::string out = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, kDone) << out;
  return nlohmann::json::parse(out);
}

/// A folder with one file, and what indexes it into a store beside it.
Options OfOneFile(const Folder& tmp) {
  std::filesystem::create_directory(tmp / "docs");
  EXPECT_TRUE(WriteFileAtomically(PosixFileSystem(), tmp / "docs/a.txt", "alpha beta gamma").ok());
  Options options;
  options.json = true;
  options.store = tmp / "store";
  options.folders = {tmp / "docs"};
  return options;
}

// Guards: a store made before there was another embedder than hashing.
TEST(Embedders, AStoreOfFormat1GoesOnAndSaysWhatItUses) {
  const Folder tmp;
  Options options = OfOneFile(tmp);
  options.embedder = "hashing";
  EXPECT_EQ(Output(RunIndex, options)["files"]["processed"], 1);

  const std::string body = R"({"folders":[")" + std::string(std::filesystem::canonical(tmp / "docs")) +
                           R"("],"embedder":{"kind":"hashing","dimension":384},)"
                           R"("splitter":{"kind":"recursive","size":1000,"overlap":150}})"
                           "\n";
  char line[64];
  std::snprintf(line, sizeof(line), "cocozvec-store 1 xxh3:%016llx\n",
                static_cast<unsigned long long>(Checksum(body)));
  ASSERT_TRUE(WriteFileAtomically(PosixFileSystem(), tmp / "store/config", line + body).ok());

  options.text = "gamma";
  EXPECT_EQ(Output(RunSearch, options)["hits"].size(), 1u);
  EXPECT_THAT(Output(RunList, options)["embedder"].get<std::string>(), HasSubstr("hashing/1 dimension=384"));
  options.folders.clear();
  options.embedder.clear();
  const auto again = Output(RunIndex, options);
  EXPECT_EQ(again["components_executed"], 0);
  EXPECT_EQ(again["documents"]["total"], 1);
  EXPECT_EQ(ReadConfig(StorePaths(options.store)).value().embedder.kind, EmbedderKind::kHashing);
  EXPECT_EQ(Output(RunSearch, options)["hits"].size(), 1u);
}

// Guards: a search in vectors of a table that this program does not have; and a way out of it.
TEST(Embedders, AStoreOfAnotherTableIsRefusedUntilItIsRebuilt) {
  const Folder tmp;
  Options options = OfOneFile(tmp);
  options.text = "gamma";
  Output(RunIndex, options);
  StoreConfig config = ReadConfig(StorePaths(options.store)).value();
  const std::string ours = config.embedder.identity;
  config.embedder.identity = "static/1 other hash=0123456789abcdef";
  ASSERT_TRUE(WriteConfig(StorePaths(options.store), config).ok());

  Console console;
  for (const auto command : {RunSearch, RunIndex}) {
    try {
      command(options, console);
      ADD_FAILURE() << "not refused";
    } catch (const StatusError& error) {
      EXPECT_EQ(error.code(), StatusCode::kFailedPrecondition);
      EXPECT_THAT(error.what(), HasSubstr(ours));
      EXPECT_THAT(error.what(), HasSubstr("static/1 other hash=0123456789abcdef"));
    }
  }
  EXPECT_EQ(Output(RunList, options)["embedder"], "static/1 other hash=0123456789abcdef");
  options.rebuild = true;
  EXPECT_EQ(Output(RunIndex, options)["documents"]["upserted"], 1);
  EXPECT_EQ(Output(RunSearch, options)["hits"].size(), 1u);
}

// Guards: a script that always names its dimension, and an update of a library under it.
TEST(Embedders, ADimensionDoesNotHideThatTheVectorsAreOfAnotherEmbedder) {
  const Folder tmp;
  Options options = OfOneFile(tmp);
  options.dimension = 64;
  Output(RunIndex, options);
  StoreConfig config = ReadConfig(StorePaths(options.store)).value();
  config.embedder.identity = "hashing/1 dimension=64 unicode=of-another-year";
  ASSERT_TRUE(WriteConfig(StorePaths(options.store), config).ok());

  Console console;
  for (const std::uint32_t dimension : {64u, 128u}) {
    options.dimension = dimension;
    EXPECT_THROW(RunIndex(options, console), StatusError) << dimension;
  }
  EXPECT_EQ(Output(RunList, options)["embedder"], "hashing/1 dimension=64 unicode=of-another-year");
  options.rebuild = true;
  EXPECT_EQ(Output(RunIndex, options)["documents"]["upserted"], 1);
}

class Reading : public ::testing::Test {
 protected:
  Reading() {
    options_.embedder = "hashing";
    Rebuild(64);
  }
  /// As another process would, vectors and config.
  void Rebuild(std::uint32_t dimension) {
    options_.dimension = dimension;
    Output(RunIndex, options_);
  }

  Folder tmp_;
  Options options_ = OfOneFile(tmp_);
};

// Guards: a question of one embedder asked of the vectors of another, and an answer without an error.
TEST_F(Reading, AStoreThatIsRebuiltMeanwhileIsReadWithTheEmbedderOfItsVectors) {
  int opened = 0;
  const OpenedStore store = OpenForReading(options_.store, [&](const std::string& path) {
                              if (++opened == 1) Rebuild(128);
                              return OpenCollectionForReading(path);
                            }).value();
  EXPECT_EQ(store.config.embedder.hashing.dimension, 128u);
  EXPECT_EQ(opened, 2);
}

TEST_F(Reading, AnEmbedderThatNeverStaysIsAnErrorWithBothNames) {
  int opened = 0;
  const auto store = OpenForReading(options_.store, [&](const std::string& path) {
    Rebuild(++opened % 2 == 0 ? 64 : 128);
    return OpenCollectionForReading(path);
  });
  EXPECT_EQ(store.status().code(), StatusCode::kBusy);
  const std::string message(store.status().message());
  EXPECT_THAT(message, HasSubstr(options_.store));
  EXPECT_THAT(message, HasSubstr("hashing/1 dimension=64"));
  EXPECT_THAT(message, HasSubstr("hashing/1 dimension=128"));
}

TEST(Inspect, TellsWhatIsThere) {
  const Folder tmp;
  FileSystem& fs = PosixFileSystem();
  EXPECT_EQ(Inspect(StorePaths(tmp / "missing")).value(), StoreKind::kNothing);
  EXPECT_EQ(Inspect(StorePaths(tmp.path())).value(), StoreKind::kNothing);
  ASSERT_TRUE(fs.CreateDirectory(tmp / "state").ok());
  EXPECT_EQ(Inspect(StorePaths(tmp.path())).value(), StoreKind::kStarted);
  ASSERT_TRUE(WriteConfig(StorePaths(tmp.path()), {}).ok());
  EXPECT_EQ(Inspect(StorePaths(tmp.path())).value(), StoreKind::kStore);
  EXPECT_EQ(ReadConfig(StorePaths(tmp.path())).value(), StoreConfig());
}

TEST(Inspect, AFileOrAForeignDirectoryIsRefusedByName) {
  const Folder tmp;
  ASSERT_TRUE(WriteFileAtomically(PosixFileSystem(), tmp / "file", "x").ok());
  EXPECT_EQ(Inspect(StorePaths(tmp / "file")).status().message(),
            "store '" + (tmp / "file") + "': is a file, a directory is needed");
  EXPECT_THAT(std::string(Inspect(StorePaths(tmp.path())).status().message()),
              HasSubstr("holds 'file' but no file 'config'"));
}

TEST(Folders, AreCanonicalAndChecked) {
  const Folder tmp;
  std::filesystem::create_directories(tmp / "a/b");
  std::filesystem::create_symlink("a", tmp / "link");
  const std::string root = std::filesystem::canonical(tmp.path());
  EXPECT_EQ(CanonicalFolder(tmp / "a/../a/").value(), root + "/a");
  EXPECT_EQ(CanonicalFolder(tmp / "link").value(), root + "/a");
  EXPECT_EQ(CanonicalFolder(tmp / "none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(CanonicalFolder("").status().code(), StatusCode::kInvalidArgument);
  std::filesystem::create_directory(tmp / "bad\xff");
  EXPECT_EQ(CanonicalFolder(tmp / "bad\xff").status().code(), StatusCode::kInvalidArgument);
}

TEST(Folders, AFolderLeftOutIsKeptUnlessPruned) {
  EXPECT_THAT(MergeFolders({"/a", "/b"}, {"/c", "/a"}, false).value(), ElementsAre("/a", "/b", "/c"));
  EXPECT_THAT(MergeFolders({"/a", "/b"}, {"/c", "/a"}, true).value(), ElementsAre("/c", "/a"));
  EXPECT_THAT(MergeFolders({"/a"}, {}, false).value(), ElementsAre("/a"));
}

TEST(Folders, OneInsideAnotherIsRefused) {
  EXPECT_EQ(MergeFolders({"/a"}, {"/a/b"}, false).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(MergeFolders({"/a/b"}, {"/"}, false).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(MergeFolders({"/a"}, {"/ab"}, false).ok());
  EXPECT_TRUE(MergeFolders({"/a"}, {"/a/b"}, true).ok());
}

}  // namespace
}  // namespace cocozvec::cli
