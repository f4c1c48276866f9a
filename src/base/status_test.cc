#include "cocozvec/base/status.h"

#include <gtest/gtest.h>

namespace cocozvec {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Status::InvalidArgument("half of " + std::to_string(n));
  return n / 2;
}

Result<int> Quarter(int n) {
  ZVEC_ASSIGN_OR_RETURN(int half, Half(n));
  return Half(half);
}

Status CheckQuarter(int n) {
  ZVEC_RETURN_IF_ERROR(Quarter(n).status());
  return Status::Ok();
}

TEST(Status, DefaultIsOkAndHasNoMessage) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.ToString(), "ok");
  EXPECT_TRUE(status.message().empty());
}

TEST(Status, ErrorNamesItsCodeAndMessage) {
  EXPECT_EQ(Status::DataLoss("segment 17: bad crc").ToString(), "data loss: segment 17: bad crc");
  EXPECT_EQ(Status(StatusCode::kBusy, "").ToString(), "busy");
  EXPECT_TRUE(Status(StatusCode::kOk, "ignored").ok());
}

TEST(Status, ContextGoesInFrontAndKeepsTheCode) {
  const Status status = Status::NotFound("no such field").WithContext("collection notes");
  EXPECT_TRUE(status.IsNotFound());
  EXPECT_EQ(status.message(), "collection notes: no such field");
  EXPECT_TRUE(Status::Ok().WithContext("x").ok());
}

TEST(Status, EveryCodeHasAName) {
  for (int code = 0; code <= static_cast<int>(StatusCode::kInternal); ++code) {
    EXPECT_NE(StatusCodeName(static_cast<StatusCode>(code)), "unknown code") << code;
  }
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(99)), "unknown code");
}

TEST(Result, MacrosPassValuesAndErrorsOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status().message(), "half of 3");
  EXPECT_TRUE(CheckQuarter(4).ok());
  EXPECT_EQ(CheckQuarter(5).code(), StatusCode::kInvalidArgument);
}

TEST(Result, ValueOfAnErrorThrowsItsStatus) {
  try {
    (void)Half(3).value();
    FAIL() << "no exception";
  } catch (const StatusError& error) {
    EXPECT_EQ(error.code(), StatusCode::kInvalidArgument);
    EXPECT_STREQ(error.what(), "invalid argument: half of 3");
  }
  EXPECT_EQ(Half(3).value_or(7), 7);
}

}  // namespace
}  // namespace cocozvec
