#include "cocoindex/connectors/zvec/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/io/sim_disk.h"
#include "connectors/zvec/connection_impl.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
namespace db = ::zvec;
namespace fs = std::filesystem;
using testing::HasSubstr;

namespace {

db::CollectionSchema Schema() {
  db::CollectionSchema schema;
  schema.name = "docs";
  schema.fields.resize(1);
  schema.fields[0].name = "v";
  schema.fields[0].type = db::DataType::kVectorFp32;
  schema.fields[0].dimension = 2;
  return schema;
}

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/connector_zvec_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }
  fs::path dir_;
};

template <class F>
db::Status StatusOf(F&& f) {
  try {
    f();
  } catch (const db::StatusError& e) {
    return e.status();
  }
  return {};
}

/// A batch of one part.
auto Once(std::vector<db::Doc> upserts, std::vector<std::string> deletes) {
  return [upserts, deletes, done = false](zc::ManagedConnection::Impl::Part& part) mutable {
    part = {upserts, deletes};
    return !std::exchange(done, true);
  };
}

coco::Fingerprint StoreId(std::uint8_t n) {
  coco::Fingerprint id;
  id.bytes[0] = n;
  return id;
}

// Covers: R6, R7, R8, R11
TEST_F(ConnectionTest, MakesParentsAndRefusesAFile) {
  zc::ManagedConnection a = zc::connect(dir_ / "x" / "y", {.enable_mmap = false});
  EXPECT_TRUE(fs::is_directory(dir_ / "x" / "y"));
  EXPECT_FALSE(a.enable_mmap());
  EXPECT_EQ(a.base_path(), (dir_ / "x" / "y").string());
  EXPECT_EQ(a.collection_path("docs"), (dir_ / "x" / "y" / "docs").string());
  EXPECT_TRUE(StatusOf([&] { zc::connect(dir_ / "x" / "y"); }).ok());
  std::ofstream(dir_ / "file") << "x";
  EXPECT_THAT(StatusOf([&] { zc::connect(dir_ / "file"); }).ToString(), HasSubstr((dir_ / "file").string()));
}

// Covers: R9
TEST_F(ConnectionTest, MemoryMappingIsThatOfTheConnectionWhetherItCreatesOrOpens) {
  EXPECT_TRUE(zc::connect(dir_).enable_mmap());
  for (const bool mapped : {true, false}) {
    zc::ManagedConnection connection = zc::connect(dir_, {.enable_mmap = mapped});
    EXPECT_EQ(connection.open_or_create("made", Schema())->options().enable_mmap, mapped);
    connection.close();
    EXPECT_EQ(connection.open_or_create("made", Schema())->options().enable_mmap, mapped);
    connection.close();
    EXPECT_EQ(connection.open_existing("made")->options().enable_mmap, mapped);
    connection.destroy("made");
    const db::CollectionSchema schema = Schema();
    connection.impl()->Write("made", &schema, Once({}, {}), StoreId(1));  // as a sink makes and opens it
    EXPECT_EQ(connection.open_existing("made")->options().enable_mmap, mapped);
    connection.destroy("made");
  }
}

// Covers: R10, R14
TEST_F(ConnectionTest, HandsOutOneHandle) {
  zc::ManagedConnection connection = zc::connect(dir_);
  std::vector<std::shared_ptr<db::Collection>> handles(8);
  std::vector<std::thread> threads;
  for (auto& handle : handles)
    threads.emplace_back([&] { handle = connection.open_or_create("docs", Schema()); });
  for (auto& thread : threads) thread.join();
  for (const auto& handle : handles) EXPECT_EQ(handle, handles[0]);
  EXPECT_EQ(connection.open_existing("docs"), handles[0]);
  EXPECT_EQ(connection.impl()->opens(), 1u);
}

// Covers: R14, R96
TEST_F(ConnectionTest, MissingCollectionNamesThePath) {
  zc::ManagedConnection connection = zc::connect(dir_);
  const db::Status status = StatusOf([&] { connection.open_existing("docs"); });
  EXPECT_TRUE(status.IsNotFound());
  EXPECT_THAT(status.ToString(), HasSubstr((dir_ / "docs").string()));
}

// Covers: R12, R13, R95
TEST_F(ConnectionTest, CloseMeansClosed) {
  zc::ManagedConnection connection = zc::connect(dir_);
  const auto kept = connection.open_or_create("docs", Schema());
  connection.close();
  connection.close();
  EXPECT_EQ(kept->Fetch(std::vector<std::string>{"1"}).status().code(), db::StatusCode::kClosed);
  auto other = db::Collection::Open((dir_ / "docs").string());
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_EQ(StatusOf([&] { connection.open_existing("docs"); }).code(), db::StatusCode::kBusy);
  ASSERT_TRUE((*other)->Close().ok());
  EXPECT_NE(connection.open_existing("docs"), kept);
}

// Covers: R15
TEST_F(ConnectionTest, ScopeCloses) {
  std::shared_ptr<db::Collection> kept;
  {
    auto scoped = zc::managed_connection(dir_);
    kept = scoped.open_or_create("docs", Schema());
  }
  EXPECT_EQ(kept->Flush().code(), db::StatusCode::kClosed);
  try {
    auto scoped = zc::managed_connection(dir_);
    kept = scoped.open_existing("docs");
    throw std::runtime_error("leaves the scope");
  } catch (const std::runtime_error&) {
    EXPECT_EQ(kept->Flush().code(), db::StatusCode::kClosed);
  }
}

// Covers: R14
TEST_F(ConnectionTest, DestroyClosesAndForgivesWhatIsGone) {
  zc::ManagedConnection connection = zc::connect(dir_);
  const auto kept = connection.open_or_create("docs", Schema());
  connection.destroy("docs");
  EXPECT_FALSE(fs::exists(dir_ / "docs"));
  EXPECT_EQ(kept->Flush().code(), db::StatusCode::kClosed);
  connection.destroy("docs");
  fs::create_directory(dir_ / "mine");
  std::ofstream(dir_ / "mine" / "text") << "x";
  EXPECT_FALSE(StatusOf([&] { connection.destroy("mine"); }).ok());
  EXPECT_TRUE(fs::exists(dir_ / "mine" / "text"));
}

TEST_F(ConnectionTest, EveryBatchRaisesTheMarkAndAnotherStoreStartsAgain) {
  zc::ManagedConnection connection = zc::connect(dir_);
  zc::ManagedConnection::Impl& impl = *connection.impl();
  EXPECT_EQ(impl.ReadMark("docs"), std::nullopt);
  const db::CollectionSchema schema = Schema();
  const std::vector<db::Doc> docs{db::Doc("1", {{"v", std::vector<float>{1, 2}}})};
  EXPECT_EQ(impl.Write("docs", &schema, Once(docs, {}), StoreId(1)), 1u);
  EXPECT_EQ(impl.Write("docs", &schema, Once({}, {"1", "never there"}), StoreId(1)), 2u);
  EXPECT_EQ(impl.ReadMark("docs")->counter, 2u);
  connection.close();
  EXPECT_EQ(impl.ReadMark("docs")->counter, 2u);
  EXPECT_EQ(impl.opens(), 1u);
  EXPECT_EQ(impl.Write("docs", nullptr, Once(docs, {}), StoreId(2)), 1u);
  EXPECT_EQ(impl.ReadMark("docs")->store_id, StoreId(2));
}

// Guards: a mark that could not be read counted as a missing one, and a missing one has the collection
// destroyed and made anew; a write began its count again at 1.
TEST_F(ConnectionTest, AMarkThatCannotBeReadIsAnErrorAndADamagedOneIsOfNoStore) {
  cocozvec::SimDisk disk;
  zc::ManagedConnection connection = zc::connect("/data", {.file_system = &disk});
  zc::ManagedConnection::Impl& impl = *connection.impl();
  const db::CollectionSchema schema = Schema();
  ASSERT_EQ(impl.Write("docs", &schema, Once({}, {"1"}), StoreId(1)), 1u);
  ASSERT_EQ(impl.Write("docs", &schema, Once({}, {"1"}), StoreId(1)), 2u);

  int struck = 0;
  for (std::uint64_t call = 1;; ++call, ++struck) {  // to open the mark, its size, its bytes
    disk.FailAt(disk.calls() + call, cocozvec::DiskFault::kIoError);
    const std::uint64_t before = disk.faults_struck();
    const db::Status status = StatusOf([&] { impl.ReadMark("docs"); });
    disk.ClearFault();
    if (disk.faults_struck() == before) break;
    EXPECT_EQ(status.code(), db::StatusCode::kIoError) << call;
    EXPECT_THAT(status.ToString(), HasSubstr("/data/docs: its mark cannot be read")) << call;
  }
  EXPECT_GE(struck, 3);

  // A batch whose calls fail one after the other: the count goes on or the write fails, it never starts
  // again.
  std::uint64_t counter = 2;
  for (std::uint64_t call = 1;; ++call) {
    disk.FailAt(disk.calls() + call, cocozvec::DiskFault::kIoError);
    const std::uint64_t before = disk.faults_struck();
    static_cast<void>(StatusOf([&] { impl.Write("docs", &schema, Once({}, {"1"}), StoreId(1)); }));
    disk.ClearFault();
    const std::uint64_t now = impl.ReadMark("docs")->counter;
    EXPECT_GE(now, counter) << call;
    counter = now;
    if (disk.faults_struck() == before) break;
  }

  auto file = disk.Open("/data/docs/MARK", cocozvec::OpenMode::kReadWrite).value();
  const std::byte wrong{0xff};
  ASSERT_TRUE(file->WriteAt(0, std::span(&wrong, 1)).ok());
  EXPECT_EQ(impl.ReadMark("docs")->counter, 0u);
  EXPECT_EQ(impl.ReadMark("docs")->store_id, coco::Fingerprint{});
  ASSERT_TRUE(disk.RemoveFile("/data/docs/MARK").ok());
  EXPECT_EQ(impl.ReadMark("docs"), std::nullopt);
}

// Covers: R97
TEST_F(ConnectionTest, WriteIntoAnotherSchemaShowsTheDifference) {
  zc::ManagedConnection connection = zc::connect(dir_);
  connection.open_or_create("docs", Schema());
  db::CollectionSchema wanted = Schema();
  wanted.fields[0].dimension = 3;
  const db::Status status =
      StatusOf([&] { connection.impl()->Write("docs", &wanted, Once({}, {}), StoreId(1)); });
  EXPECT_THAT(status.ToString(), testing::AllOf(HasSubstr("another schema"), HasSubstr("2"), HasSubstr("3")));
}

TEST(Mark, BytesRoundTripAndForeignOnesAreNone) {
  const zc::Mark mark{StoreId(7), 0x0102030405060708};
  EXPECT_EQ(mark.encode().size(), 24u);
  EXPECT_EQ(zc::Mark::decode(mark.encode())->counter, mark.counter);
  EXPECT_EQ(zc::Mark::decode(mark.encode())->store_id, mark.store_id);
  EXPECT_EQ(zc::Mark::decode("something else"), std::nullopt);
}

}  // namespace
