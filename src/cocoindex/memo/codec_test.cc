#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "cocoindex/memo.h"

namespace codec_user {

enum class Colour : std::int8_t { kRed = -3 };

struct Chunk {
  std::string text;
  std::int64_t start = 0;
  std::vector<float> embedding;
  std::optional<Colour> colour;
  bool operator==(const Chunk&) const = default;
};
struct Chunk2 {  // the same fields under another name, then with another field
  std::string text;
  std::int64_t start = 0;
  std::vector<float> embedding;
  std::optional<Colour> colour;
};
struct Wider {
  std::string text;
  std::int64_t start = 0;
  std::vector<float> embedding;
  std::optional<int> colour;
};
struct Empty {
  bool operator==(const Empty&) const = default;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
class NoDefault {
 public:
  explicit NoDefault(int v) : value(v) {}
  bool operator==(const NoDefault&) const = default;
  const int value;
};
std::string coco_encode(const NoDefault& v) { return std::to_string(v.value); }
NoDefault coco_decode(std::type_identity<NoDefault>, std::string_view bytes) {
  return NoDefault(std::stoi(std::string(bytes)));
}
struct Holder {
  NoDefault inner;
  bool operator==(const Holder&) const = default;
};
struct Private {
 public:
  Private() = default;
  explicit Private(int v) : value_(v) {}
  bool operator==(const Private&) const = default;

 private:
  int value_ = 0;
  COCO_DESCRIBE_INSIDE(Private, value_)
};

}  // namespace codec_user

namespace cocoindex {
namespace {

template <class T>
void ComesBack(const T& v) {
  const std::string bytes = store_value(v);
  EXPECT_TRUE(load_value<T>(bytes) == v);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(load_value<T>(std::string_view(bytes).substr(0, size)), StateError) << size;
  }
  EXPECT_THROW(load_value<T>(bytes + "x"), StateError);
}

TEST(Codec, EveryKindComesBack) {
  ComesBack(true);
  for (const std::int64_t v : {INT64_MIN, std::int64_t{-65}, std::int64_t{0}, std::int64_t{63}, INT64_MAX})
    ComesBack(v);
  ComesBack(UINT64_MAX);
  ComesBack(static_cast<signed char>(-128));
  ComesBack('c');
  ComesBack(U'\x1F600');
  ComesBack(codec_user::Colour::kRed);
  ComesBack(-0.5);
  ComesBack(std::numeric_limits<float>::infinity());
  ComesBack(half(0.25f));
  ComesBack(std::string("a\0b", 3));
  ComesBack(Bytes{std::byte{0}, std::byte{255}});
  ComesBack(StableKey(StableKey::Array{1, "a"}));
  ComesBack(subpath("a", 2));
  ComesBack(fingerprint_bytes("x"));
  ComesBack(Uuid{});
  ComesBack(std::filesystem::path("a/b"));
  ComesBack(std::optional<std::string>("x"));
  ComesBack(std::optional<std::string>());
  ComesBack(std::pair(1, std::string("x")));
  ComesBack(std::tuple(1, 2.0, std::string("x")));
  ComesBack(std::tuple<>());
  ComesBack(std::variant<int, std::string, std::monostate>("x"));
  ComesBack(std::variant<int, std::string, std::monostate>(std::monostate()));
  ComesBack(std::chrono::milliseconds(-5));
  ComesBack(std::chrono::sys_seconds(std::chrono::seconds(5)));
  ComesBack(std::chrono::year(-7) / 2 / 31);  // no date, but a value
  ComesBack(std::chrono::year(32767) / 12 / 31);
  ComesBack(std::chrono::year(-32767) / 0 / 0);
  ComesBack(std::vector<float>{1, 2});
  ComesBack(std::vector<std::string>{"", "b"});
  ComesBack(std::vector<bool>{true, false, true});
  ComesBack(std::vector<std::monostate>(3));
  ComesBack(std::vector<codec_user::Empty>(3));
  ComesBack(std::deque<int>{1});
  ComesBack(std::list<std::string>{"a"});
  ComesBack(std::array<int, 3>{1, 2, 3});
  ComesBack(std::array<std::string, 2>{"a", "b"});
  ComesBack(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  ComesBack(std::unordered_map<int, int>{{1, 2}, {3, 4}});
  ComesBack(std::set<std::string>{"a", "b"});
  ComesBack(Annotated<std::string, 1>(std::string("a")));
}

TEST(Codec, TimesOfDayComeBack) {
  using std::chrono::hh_mm_ss, std::chrono::milliseconds;
  const std::string bytes = store_value(hh_mm_ss(milliseconds(-1500)));
  EXPECT_EQ(load_value<hh_mm_ss<milliseconds>>(bytes).to_duration(), milliseconds(-1500));
  EXPECT_THROW(load_value<hh_mm_ss<std::chrono::seconds>>(bytes), StateError);
}

TEST(Codec, RecordsComeBack) {
  ComesBack(codec_user::Chunk{"text", 7, {1, 2}, codec_user::Colour::kRed});
  ComesBack(std::vector<codec_user::Chunk>{{}, {"t", 1, {}, {}}});
  ComesBack(codec_user::Tree{1, {{2, {{3, {}}}}, {4, {}}}});
  ComesBack(codec_user::Private(7));
  ComesBack(codec_user::Holder{codec_user::NoDefault(5)});
}

TEST(Codec, AValueOfAnotherShapeIsRefusedNotMisread) {
  const std::string bytes = store_value(codec_user::Chunk{"text", 7, {1, 2}, {}});
  EXPECT_EQ(load_value<codec_user::Chunk2>(bytes).text, "text");
  EXPECT_THROW(load_value<codec_user::Wider>(bytes), StateError);
  EXPECT_THROW(load_value<std::string>(bytes), StateError);
  EXPECT_THROW(load_value<std::vector<double>>(store_value(std::vector<float>{1, 2})), StateError);
}

template <class T>
T Decoded(std::string_view bytes) {
  Decoder d(bytes);
  T value = decode_value<T>(d);
  d.finish();
  return value;
}

TEST(Codec, SizesFromBytesAreCheckedBeforeUse) {
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_THROW(Decoded<std::string>(huge), StateError);
  EXPECT_THROW(Decoded<std::vector<double>>(huge), StateError);
  EXPECT_THROW(Decoded<std::vector<std::string>>(huge), StateError);
  EXPECT_THROW(Decoded<std::vector<std::monostate>>(huge), StateError);
  EXPECT_THROW((Decoded<std::map<int, int>>(huge)), StateError);
  EXPECT_THROW(Decoded<std::uint64_t>(std::string(11, '\xff')), StateError);
  EXPECT_THROW(Decoded<std::uint8_t>("\x80\x02"), StateError);
  EXPECT_THROW(Decoded<signed char>("\x80\x02"), StateError);
  EXPECT_THROW((Decoded<std::variant<int, std::string>>("\x02")), StateError);
  EXPECT_THROW(Decoded<StableKey>("\xfe"), StateError);
}

TEST(Codec, NestingFromBytesIsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += std::string("\0\1", 2);
  EXPECT_THROW(Decoded<codec_user::Tree>(deep), StateError);
}

TEST(Codec, FormIsPinned) {
  std::string out;
  encode_value(out, codec_user::Chunk{"ab", -2, {1.0f}, codec_user::Colour::kRed});
  EXPECT_EQ(out, std::string("\x02"
                             "ab"
                             "\x03"
                             "\x01\x00\x00\x80\x3f"
                             "\x01\x05",
                             11));
}

TEST(Codec, WhatCannotBeStoredIsKnownAtCompileTime) {
  EXPECT_FALSE(memo_storable<std::string_view>);
  EXPECT_FALSE(memo_storable<const char*>);
  EXPECT_FALSE(memo_storable<std::vector<std::string_view>>);
  EXPECT_FALSE(memo_storable<std::function<void()>>);
  EXPECT_FALSE(memo_storable<std::unique_ptr<int>>);
  EXPECT_TRUE(memo_storable<codec_user::Tree>);
  EXPECT_TRUE(memo_storable<codec_user::NoDefault>);
  EXPECT_TRUE((memo_storable<std::map<std::string, codec_user::Chunk>>));
}

}  // namespace
}  // namespace cocoindex
