#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "cocoindex/memo.h"

namespace hash_user {

enum class Colour : std::uint8_t { kRed = 1 };

struct Options {
  std::string model;
  int size = 0;
  std::optional<double> rate;
  bool operator==(const Options&) const = default;
};
struct SameFields {
  std::string model;
  int size = 0;
  std::optional<double> rate;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
};
struct File {
  std::string path;
  std::shared_ptr<int> handle;
};
std::string coco_memo_key(const File& f) { return f.path; }
struct OtherFile {
  std::string path;
};
std::string coco_memo_key(const OtherFile& f) { return f.path; }

class Hidden {
 public:
  explicit Hidden(int v) : value_(v) {}

 private:
  int value_;
  COCO_DESCRIBE_INSIDE(Hidden, value_)
};

struct Base {
  explicit Base(int v) : a(v) {}
  int a;
};
COCO_DESCRIBE(Base, a)
struct Derived : Base {
  explicit Derived(int v) : Base(v) {}
  int b = 0;
};
struct DescribedDerived : Base {
  explicit DescribedDerived(int v) : Base(v) {}
  int b = 0;
};
COCO_DESCRIBE(DescribedDerived, a, b)

}  // namespace hash_user

namespace cocoindex {
namespace {

template <class T>
Fingerprint Of(const T& v) {
  Hasher h;
  memo_hash(h, v);
  return h.finish();
}

TEST(MemoHash, EqualValuesAgreeAndDifferentOnesDiffer) {
  std::set<Fingerprint> all;
  int count = 0;
  auto differs = [&](const auto& v) {
    EXPECT_TRUE(all.insert(Of(v)).second) << count;
    EXPECT_EQ(Of(v), Of(v));
    ++count;
  };
  differs(1);
  differs(-1);
  differs(1.0);
  differs(true);
  differs(std::string("1"));
  differs(Bytes{std::byte{'1'}});
  differs(StableKey("1"));
  differs(subpath("1"));
  differs(std::optional<int>());
  differs(std::optional<int>(1));
  differs(std::optional<std::optional<int>>(std::optional<int>()));
  differs(std::pair(1, 2));
  differs(std::tuple(1, std::pair(2, 3)));
  differs(std::tuple(std::pair(1, 2), 3));
  differs(std::variant<int, long>(1));
  differs(std::variant<int, long>(std::in_place_index<1>, 1));
  differs(std::vector<float>{1, 2});
  differs(std::vector<float>{1, 2, 3});
  differs(std::vector<std::string>{"a", "b"});
  differs(std::vector<std::string>{"b", "a"});
  differs(std::map<std::string, int>{{"a", 1}});
  differs(std::map<std::string, int>{{"a", 2}});
  differs(std::set<int>{});
  differs(std::chrono::milliseconds(1));
  differs(std::chrono::seconds(1));
  differs(std::chrono::sys_seconds(std::chrono::seconds(1)));
  differs(std::chrono::year(2020) / 1 / 2);
  differs(std::chrono::year(2020) / 2 / 1);
  differs(std::chrono::hh_mm_ss(std::chrono::seconds(1)));
  differs(hash_user::Options{"m", 1, 0.5});
  differs(hash_user::Options{"m", 1, {}});
  differs(hash_user::SameFields{"m", 1, {}});
  differs(hash_user::Tree{1, {{2, {}}, {3, {}}}});
  differs(hash_user::Tree{1, {{2, {{3, {}}}}}});
  differs(hash_user::File{"p", nullptr});
  differs(hash_user::OtherFile{"p"});
  differs(hash_user::Hidden(1));
  differs(hash_user::Hidden(2));
  differs(Fingerprint{});
  differs(Uuid{});
  EXPECT_EQ(count, 40);
}

TEST(MemoHash, ValuesThatMeanTheSameAgree) {
  EXPECT_EQ(Of(1), Of(std::uint64_t{1}));
  EXPECT_EQ(Of(hash_user::Colour::kRed), Of(1));
  EXPECT_EQ(Of(std::string("a")), Of(std::string_view("a")));
  EXPECT_EQ(Of("a"), Of(static_cast<const char*>("a")));
  EXPECT_EQ(Of(std::filesystem::path("a/b")), Of(std::string("a/b")));
  EXPECT_EQ(Of(std::vector<int>{1, 2}), Of(std::deque<int>{1, 2}));
  EXPECT_EQ(Of(std::vector<bool>{true, false}), Of(std::array<bool, 2>{true, false}));
  EXPECT_EQ(Of(Annotated<std::vector<float>, 1>(std::vector<float>{1})), Of(std::vector<float>{1}));
  EXPECT_EQ(Of(half(0.5f)), Of(0.5));
}

TEST(MemoHash, TheKeyFunctionDecidesAlone) {
  EXPECT_EQ(Of(hash_user::File{"p", nullptr}), Of(hash_user::File{"p", std::make_shared<int>(1)}));
  EXPECT_NE(Of(hash_user::File{"p", nullptr}), Of(hash_user::File{"q", nullptr}));
}

TEST(MemoHash, OrderOfAnUnorderedContainerIsNoPartOfIt) {
  std::unordered_map<int, std::string> a, b;
  for (int i = 0; i < 100; ++i) a[i] = std::to_string(i);
  b.reserve(5000);
  for (int i = 99; i >= 0; --i) b[i] = std::to_string(i);
  EXPECT_EQ(Of(a), Of(b));
  b[5] = "x";
  EXPECT_NE(Of(a), Of(b));
  EXPECT_NE(Of(std::unordered_set<int>{1}), Of(std::unordered_set<int>{1, 2}));
}

TEST(MemoHash, ArgumentsOfACallAreNotMixedUp) {
  EXPECT_NE(memo_key_of("f", 1, std::string("a")), memo_key_of("f", std::string("a"), 1));
  EXPECT_NE(memo_key_of("f", 1), memo_key_of("g", 1));
  EXPECT_EQ(memo_key_of("f", 1, 2), memo_key_of("f", 1, 2));
}

TEST(MemoHash, PinnedForEveryCompiler) {  // a store written by a g++ build runs unchanged under clang
  EXPECT_EQ(memo_key_of("f", hash_user::Options{"m", 1, 0.5}, hash_user::File{"p", nullptr},
                        hash_user::Colour::kRed)
                .hex(),
            "91d071062bd1355719905e2a4481e4dd");
}

TEST(MemoHash, WhatCannotBeHashedIsKnownAtCompileTime) {
  EXPECT_FALSE((memo_hashable<std::function<void()>>));
  EXPECT_FALSE((memo_hashable<std::vector<std::unique_ptr<int>>>));
  EXPECT_FALSE((memo_hashable<long double>));
  EXPECT_FALSE((memo_hashable<int*>));
  EXPECT_TRUE((memo_hashable<hash_user::Tree>));
  EXPECT_TRUE((memo_hashable<hash_user::Base>));
  EXPECT_FALSE((memo_hashable<hash_user::Derived>));  // its base's description does not know b
  EXPECT_TRUE((memo_hashable<hash_user::DescribedDerived>));
  EXPECT_TRUE((memo_hashable<hash_user::File>));
  EXPECT_TRUE((memo_hashable<const std::string&>));
}

}  // namespace
}  // namespace cocoindex
