#include "cocoindex/key.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "cocoindex/errors.h"

namespace cocoindex {
namespace {

std::string Encode(const StableKey& key) {
  std::string out;
  encode_key(key, out);
  return out;
}

StableKey Decode(std::string_view bytes) {
  StableKey key = decode_key(bytes);
  EXPECT_TRUE(bytes.empty());
  return key;
}

// Few letters, 0 and 1 among them, so that equal beginnings and every escape are common.
rc::Gen<std::string> GenText() {
  return rc::gen::container<std::string>(rc::gen::element('\0', '\1', '\2', 'a', '\xff'));
}

template <class T>
rc::Gen<T> GenSixteen() {
  return rc::gen::map(
      rc::gen::container<std::array<std::uint8_t, 16>>(rc::gen::element<std::uint8_t>(0, 1, 255)),
      [](const auto& bytes) { return T{bytes}; });
}

rc::Gen<StableKey> GenKey(int depth) {
  const auto kind = rc::gen::inRange(0, depth > 0 ? 9 : 8);
  return rc::gen::mapcat(kind, [depth](int k) -> rc::Gen<StableKey> {
    switch (k) {
      case 0:
        return rc::gen::just(StableKey());
      case 1:
        return rc::gen::map(GenText(), [](std::string s) { return StableKey(Symbol{std::move(s)}); });
      case 2:
        return rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return StableKey(b); });
      case 3:
        return rc::gen::map(
            rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(),
                           rc::gen::element<std::int64_t>(INT64_MIN, -256, -1, 0, 1, 255, INT64_MAX)),
            [](std::int64_t i) { return StableKey(i); });
      case 4:
        return rc::gen::map(GenText(), [](std::string s) { return StableKey(std::move(s)); });
      case 5:
        return rc::gen::map(GenText(), [](const std::string& s) {
          const auto* p = reinterpret_cast<const std::byte*>(s.data());
          return StableKey(Bytes(p, p + s.size()));
        });
      case 6:
        return rc::gen::map(GenSixteen<Uuid>(), [](Uuid u) { return StableKey(u); });
      case 7:
        return rc::gen::map(GenSixteen<Fingerprint>(), [](Fingerprint f) { return StableKey(f); });
      default:
        return rc::gen::map(rc::gen::container<StableKey::Array>(GenKey(depth - 1)),
                            [](StableKey::Array a) { return StableKey(std::move(a)); });
    }
  });
}

RC_GTEST_PROP(Key, EncodingsSortLikeKeysAndNoneIsAPrefix, ()) {
  const StableKey a = *GenKey(2), b = *GenKey(2);
  const std::string ea = Encode(a), eb = Encode(b);
  RC_ASSERT((ea <=> eb) == (a <=> b));
  RC_ASSERT((a == b) == (a <=> b == 0));
  if (a != b) RC_ASSERT(!ea.starts_with(eb) && !eb.starts_with(ea));
}

RC_GTEST_PROP(Key, RoundTripConsumesExactlyOneKey, ()) {
  const StableKey key = *GenKey(2);
  const std::string encoded = Encode(key) + "rest";
  std::string_view in = encoded;
  RC_ASSERT(decode_key(in) == key);
  RC_ASSERT(in == "rest");
}

RC_GTEST_PROP(Key, AnyBytesDecodeOrAreAStateError, ()) {
  const auto bytes = *rc::gen::container<std::string>(
      rc::gen::map(rc::gen::inRange(0, 13), [](int i) { return static_cast<char>(i); }));
  std::string_view in = bytes;
  try {
    const StableKey key = decode_key(in);
    RC_ASSERT(Encode(key) + std::string(in) == bytes);  // one form for each key
  } catch (const StateError&) {
  }
}

TEST(Key, EveryCutOfAnEncodingIsAStateError) {
  const std::string whole = Encode(StableKey::Array{1, "a\1b", Symbol{"s"}, Uuid{}, true, StableKey()});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string_view in(whole.data(), size);
    EXPECT_THROW(decode_key(in), StateError) << size;
  }
}

TEST(Key, KindsSortInTheDocumentedOrder) {
  const std::vector<StableKey> keys = {
      StableKey(), Symbol{"z"},        false,        true, -5, 7, "a", "b", Bytes{},
      Uuid{},      StableKey::Array{}, Fingerprint{}};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(Key, KindsThatLookAlikeComeBackAsThemselves) {
  for (const StableKey& key :
       {StableKey(StableKey::Array{1, 2}), StableKey(Bytes{std::byte{1}, std::byte{2}}), StableKey("\1\2"),
        StableKey(Symbol{"\1\2"}), StableKey(true), StableKey(1)}) {
    EXPECT_EQ(Decode(Encode(key)), key) << key.display();
  }
  EXPECT_NE(StableKey(true), StableKey(1));
}

TEST(Key, EncodingIsPinned) {
  EXPECT_EQ(Encode(StableKey::Array{"a", -1}),
            std::string("\x09\x06\x61\x00\x05\x7f\xff\xff\xff\xff\xff\xff\xff\x00", 14));
  EXPECT_EQ(Encode(std::string("\0\1", 2)), std::string("\x06\x01\x01\x01\x02\x00", 6));
}

TEST(Key, TooDeepIsRefusedNotACrash) {
  StableKey deep;
  for (int i = 0; i < 129; ++i) deep = StableKey::Array{std::move(deep)};
  std::string out;
  EXPECT_THROW(encode_key(deep, out), InvalidRequest);
  const std::string bytes(100'000, '\x09');
  std::string_view in = bytes;
  EXPECT_THROW(decode_key(in), StateError);
}

TEST(Key, UnsignedAboveTheRangeIsRefused) {
  EXPECT_THROW(StableKey(UINT64_MAX), std::out_of_range);
  EXPECT_EQ(StableKey(std::uint64_t{INT64_MAX}), StableKey(INT64_MAX));
}

TEST(Key, Display) {
  Uuid uuid;
  for (int i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(i * 17);
  EXPECT_EQ(StableKey(uuid).display(), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(StableKey(StableKey::Array{StableKey(), Symbol{"s"}, true, 42, "a\"\n",
                                       Bytes{std::byte{0}, std::byte{'x'}}})
                .display(),
            R"([null, @s, true, 42, "a\"\n", b"\x00x"])");
  EXPECT_EQ(StablePath().display(), "/");
  EXPECT_EQ(subpath("a/b", 3).display(), "/\"a/b\"/3");
  EXPECT_EQ(StableKey(Fingerprint{}).display(), "#" + std::string(32, '0'));
}

TEST(Path, ConcatenationIsAssociativeAndAncestorsSortFirst) {
  const StablePath a = subpath("a"), b = subpath(1, 2), c = subpath(Symbol{"x"});
  EXPECT_EQ((a / b) / c, a / (b / c));
  EXPECT_EQ(a / StableKey(1) / StableKey(2), a / b);
  EXPECT_LT(a, a / b);
  EXPECT_LT(a / b, subpath("b"));
}

}  // namespace
}  // namespace cocoindex
