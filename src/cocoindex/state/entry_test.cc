#include "cocoindex/state/entry.h"

#include <gtest/gtest.h>

#include <string>

namespace cocoindex {
namespace {

std::string Written(std::string_view key, std::string_view value) {
  std::string out(StoredValueSize(key, value), '\0');
  WriteStoredValue(StoredKey(key), key, value, out.data());
  return out;
}

TEST(Entry, KeysFrom511BytesOnAreShortenedTo511) {
  for (const std::size_t size : {1u, 495u, 509u, 510u, 511u, 512u, 513u, 5000u}) {
    const std::string key(size, 'k');
    const StoredKey stored(key);
    EXPECT_EQ(stored.is_long(), size > 510) << size;
    EXPECT_EQ(stored.bytes().size(), size > 510 ? 511 : size);
    const std::string value = Written(key, "v");
    const auto entry = ReadEntry(stored.bytes(), value);
    ASSERT_TRUE(entry.has_value()) << size;
    EXPECT_EQ(entry->key, key);
    EXPECT_EQ(entry->value, "v");
  }
}

TEST(Entry, KeysOf511BytesThatDifferInTheLastByteStayApart) {
  const std::string a = std::string(510, 'k') + 'a', b = std::string(510, 'k') + 'b';
  EXPECT_NE(StoredKey(a).bytes(), StoredKey(b).bytes());
  EXPECT_EQ(StoredKey(a).bytes().substr(0, kLongKeyPrefix), StoredKey(b).bytes().substr(0, kLongKeyPrefix));
}

TEST(Entry, AnyChangedBitOfKeyOrValueIsFound) {
  for (const std::string& key : {std::string("key"), std::string(600, 'k')}) {
    const StoredKey stored(key);
    const std::string value = Written(key, "some value");
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      std::string damaged = value;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(ReadEntry(stored.bytes(), damaged).has_value()) << bit;
    }
    for (std::size_t bit = 0; bit < stored.bytes().size() * 8; ++bit) {
      std::string damaged(stored.bytes());
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(ReadEntry(damaged, value).has_value()) << bit;
    }
    for (std::size_t size = 0; size < value.size(); ++size) {
      EXPECT_FALSE(ReadEntry(stored.bytes(), std::string_view(value).substr(0, size)).has_value()) << size;
    }
  }
}

TEST(Entry, EmptyValueIsNotAbsent) {
  const auto entry = ReadEntry("k", Written("k", ""));
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->value, "");
}

}  // namespace
}  // namespace cocoindex
