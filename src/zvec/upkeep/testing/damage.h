// zvec/upkeep/testing/damage.h: what the tests of this folder share. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "zvec/collection/testing/indexed_schema.h"

namespace zvec::inline v0::testing_docs {

using Docs = std::map<std::string, Doc>;

inline Docs DocsOf(const std::string& path, CollectionOptions options) {
  options.read_only = true;
  const auto collection = Collection::Open(path, options).value();
  Docs docs;
  for (Doc& doc : AllDocs(*collection)) docs[doc.id] = doc;
  return docs;
}

inline void Flip(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t at) {
  auto file = fs.Open(path, cocozvec::OpenMode::kReadWrite).value();
  std::byte byte{};
  ASSERT_EQ(file->ReadAt(at, {&byte, 1}).value(), 1u);
  byte ^= std::byte{0x10};
  ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
}

/// The file of the kind in "c" with the highest number.
inline std::string Newest(cocozvec::FileSystem& fs, const std::string& kind) {
  std::uint64_t newest = 0;
  for (const auto& entry : fs.List("c").value())
    if (entry.name.starts_with(kind) && !entry.name.ends_with(".tmp"))
      newest = std::max<std::uint64_t>(newest, std::stoull(entry.name.substr(kind.size())));
  return cocozvec::JoinPath("c", kind + std::to_string(newest));
}

}  // namespace zvec::inline v0::testing_docs
