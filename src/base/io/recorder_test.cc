#include "base/io/recorder.h"

#include <gtest/gtest.h>

namespace cocozvec {
namespace {

TEST(Recorder, ListsWhatChangedAndNothingElse) {
  SimDisk disk;
  Recorder recorder(disk);
  ASSERT_TRUE(WriteFileAtomically(recorder, "f", "content").ok());
  ASSERT_TRUE(ReadFile(recorder, "f", 100).ok());
  ASSERT_TRUE(recorder.Open("f", OpenMode::kCreate).ok());
  EXPECT_FALSE(recorder.CreateDirectory("f").ok());
  std::vector<std::string> seen;
  for (const IoEvent& event : recorder.Take()) seen.push_back(ToString(event));
  EXPECT_EQ(seen, (std::vector<std::string>{"create f.tmp", "truncate f.tmp", "write f.tmp", "sync f.tmp",
                                            "rename f.tmp to f", "sync directory ."}));
  EXPECT_TRUE(recorder.Take().empty());
}

}  // namespace
}  // namespace cocozvec
