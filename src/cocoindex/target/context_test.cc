#include "cocoindex/context.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cocoindex::inline v0 {
namespace {

constexpr ContextKey<int> kNumber{"number"};
constexpr ContextKey<std::string> kText{"text"};
constexpr ContextKey<std::string> kNumberAsText{"number"};
constexpr ContextKey<std::string> kModel{"model", {.detect_change = true}};

std::string MessageOf(const std::function<void()>& f) {
  try {
    f();
  } catch (const ContextError& e) {
    return e.what();
  }
  return "nothing thrown";
}

TEST(Context, GivesBackTheSameObject) {
  ContextProvider c;
  int& stored = c.provide(kNumber, std::make_shared<int>(7));
  EXPECT_EQ(&c.get(kNumber), &stored);
  EXPECT_EQ(&c.get<int>("number"), &stored);
  EXPECT_FALSE(c.has("text"));
}

TEST(Context, NamesTheKeyAndBothTypes) {
  ContextProvider c;
  c.provide(kNumber, std::make_shared<int>(7));
  EXPECT_EQ(MessageOf([&] { c.get(kText); }), "context key \"text\" is not provided");
  EXPECT_EQ(MessageOf([&] { c.get(kNumberAsText); }),
            "context key \"number\" is provided as int, asked for as std::string");
  EXPECT_EQ(MessageOf([&] { c.provide(kNumberAsText, std::make_shared<std::string>()); }),
            "context key \"number\" is provided as int and as std::string");
}

TEST(Context, OnlyKeysThatDetectChangesHaveAFingerprint) {
  ContextProvider a, b;
  a.provide(kModel, std::make_shared<std::string>("small"));
  b.provide(kModel, std::make_shared<std::string>("small"));
  a.provide(kText, std::make_shared<std::string>("small"));
  EXPECT_TRUE(a.fingerprint_of("model").has_value());
  EXPECT_EQ(a.fingerprint_of("model"), b.fingerprint_of("model"));
  EXPECT_FALSE(a.fingerprint_of("text").has_value());
}

TEST(Context, EndsInBackwardOrder) {
  std::vector<std::string> ended;
  auto ends = [&](std::string name) {
    return std::shared_ptr<int>(new int(1), [&ended, name](int* p) {
      ended.push_back(name);
      delete p;
    });
  };
  static constexpr ContextKey<int> kFirst{"first"}, kSecond{"second"};
  {
    ContextProvider c;
    c.provide(kFirst, ends("first"));
    c.on_exit([&] { ended.push_back("callback"); });
    c.provide(kSecond, ends("second"));
  }
  EXPECT_EQ(ended, (std::vector<std::string>{"second", "callback", "first"}));
}

}  // namespace
}  // namespace cocoindex::inline v0
