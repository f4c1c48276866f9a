#include "cocozvec/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cocozvec {
namespace {

TEST(Log, SilentUntilACallbackIsSetAndBelowItsLevel) {
  std::vector<std::string> lines;
  Log(LogLevel::kError, "nobody listens");
  SetLogCallback([&](LogLevel, std::string_view text) { lines.emplace_back(text); }, LogLevel::kWarning);
  Log(LogLevel::kInfo, "too low");
  Log(LogLevel::kWarning, "heard");
  SetLogCallback({});
  Log(LogLevel::kError, "nobody listens again");
  EXPECT_EQ(lines, std::vector<std::string>{"heard"});
}

}  // namespace
}  // namespace cocozvec
