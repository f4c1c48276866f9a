// text/test_table.h: a small table made by hand, and how to break it. For tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"

namespace cocoindex::text {

/// dimension 32; tokens [UNK], cat, dog, ##s, the (scale 0); a-z and A-Z, blank, full stop alone; nothing
/// else.
class TestTable {
 public:
  static constexpr std::size_t kDimension = 32;

  /// The bytes of the file, with a right checksum.
  std::string Bytes() const {
    std::string body;
    for (const auto& row : weights) body.append(row.begin(), row.end());
    Append(body, scales);
    Append(body, ids);
    Append(body, blocks);
    Append(body, spellings);
    body.append(classes.begin(), classes.end());
    std::string text;
    for (const std::string& token : tokens) {
      body.push_back(static_cast<char>(token.size()));
      text += token;
    }
    body += text + name + notice;
    std::string out = "COCOEMB\n";
    const std::uint32_t header[] = {version,
                                    dimension,
                                    static_cast<std::uint32_t>(tokens.size()),
                                    unknown_id,
                                    most_characters,
                                    static_cast<std::uint32_t>(name.size()),
                                    static_cast<std::uint32_t>(notice.size()),
                                    static_cast<std::uint32_t>(text.size()),
                                    static_cast<std::uint32_t>(classes.size() / 256),
                                    static_cast<std::uint32_t>(spellings.size() / 5)};
    out.append(reinterpret_cast<const char*>(header), sizeof(header));
    const std::uint64_t size = 64 + body.size() + 8, zero = 0;
    out.append(reinterpret_cast<const char*>(&size), 8);
    out.append(reinterpret_cast<const char*>(&zero), 8);
    return Sealed(out + body + "checksum");
  }

  /// The same bytes with a checksum that fits them.
  static std::string Sealed(std::string bytes) {
    const std::uint64_t sum = cocozvec::Checksum(std::string_view(bytes).substr(0, bytes.size() - 8));
    std::memcpy(bytes.data() + bytes.size() - 8, &sum, 8);
    return bytes;
  }

  std::uint32_t version = 1, dimension = kDimension, unknown_id = 1, most_characters = 10;
  std::vector<std::string> tokens = {"[UNK]", "cat", "dog", "##s", "the"};
  std::vector<std::string> weights = {std::string(16, '\x88'), std::string(16, '\x9f'),
                                      std::string(16, '\xf1'), std::string(16, '\x8c'),
                                      std::string(16, '\x88')};
  std::vector<std::int16_t> scales = {0, 1000, 2000, 100, 0};
  std::vector<std::uint16_t> ids = {1, 5, 6, 7, 9};
  std::vector<std::uint16_t> blocks = std::vector<std::uint16_t>(0x110000 / 256, 1);
  std::vector<std::uint16_t> spellings = Spellings();
  std::string classes = Classes();
  std::string name = "test", notice = "ours";

 private:
  template <class T>
  static void Append(std::string& out, const std::vector<T>& values) {
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  static std::vector<std::uint16_t> Spellings() {
    std::vector<std::uint16_t> all;
    for (std::uint16_t c = 'A'; c <= 'Z'; ++c) {
      all.insert(all.end(), {c, 0, static_cast<std::uint16_t>(c + 32), 0, 0});
    }
    return all;
  }
  // Block 0 is ASCII, block 1 everything else: unknown letters.
  std::string Classes() {
    blocks[0] = 0;
    std::string all(512, '\x02');
    for (int c = 'a'; c <= 'z'; ++c) all[static_cast<std::size_t>(c)] = 4;
    for (int c = 'A'; c <= 'Z'; ++c) all[static_cast<std::size_t>(c)] = 6;
    all[' '] = all['\n'] = 1;
    all['.'] = 3;
    all['['] = all[']'] = 3;
    all['\0'] = 0;
    return all;
  }
};

}  // namespace cocoindex::text
