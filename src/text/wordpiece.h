// text/wordpiece.h: the tokens of a text as the model behind an embedding table sees them: words in lower
// case without accents, cut greedily into the longest pieces of the vocabulary. Source: Wu et al. 2016,
// arXiv:1609.08144; the characters' classes and spellings come with the table, so that no library of Unicode
// tables has a say. Threads: a WordPiece is immutable; a TokenStream belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/embedding_table.h"

namespace cocoindex::inline v0::text {

class WordPiece {
 public:
  /// The table's bytes must outlive this.
  explicit WordPiece(const EmbeddingTable& table);

 private:
  friend class TokenStream;

  static constexpr std::uint32_t kEmpty = 0xFFFFFFFF;
  static constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15, kFurther = 0xC2B2AE3D27D4EB4F;  // seeds

  struct Special {
    std::string_view text;
    std::uint16_t row;
  };

  static std::uint64_t Step(std::uint64_t hash, char c) noexcept {
    return (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  void Insert(std::uint16_t row);
  /// The row of the token with exactly these bytes, behind "##" when `further`; -1 when there is none.
  std::int32_t Find(std::uint64_t hash, std::string_view bytes, bool further) const noexcept;
  CharacterClass ClassOf(std::int32_t c) const noexcept;
  /// The characters that stand for `c`, of class kSpelled or kAloneSpelled; empty: none are known.
  std::span<const std::uint16_t> Spelling(std::int32_t c) const noexcept;

  EmbeddingTable table_;
  std::vector<std::uint32_t> begins_;  // of the tokens
  std::vector<std::uint32_t> slots_;   // open addressing: row, and 16 bits of the hash above it
  std::array<CharacterClass, 128> ascii_class_{};
  std::array<char, 128> ascii_spelling_{};
  std::vector<Special> specials_;
};

/// The tokens of one text, in portions: a text of any size takes the same memory.
class TokenStream {
 public:
  TokenStream(const WordPiece& tokenizer, std::string_view text);

  /// Rows of the table, at least one, at most kPortion; empty at the end. Valid until the next call. A byte
  /// that is no part of valid UTF-8 is as if it were not there.
  std::span<const std::uint16_t> Next();

  static constexpr std::size_t kPortion = 2048;

 private:
  void TakeAscii();
  void TakeCharacter();
  bool TakeSpecial();
  void Append(std::int32_t c);
  void Alone(std::int32_t c);
  void EndWord();
  bool Cut(std::string_view word);
  void Emit(std::uint32_t row) { rows_[filled_++] = static_cast<std::uint16_t>(row); }

  const WordPiece& tokenizer_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::size_t characters_ = 0;  // of the word that is being read
  bool unknown_ = false;
  std::uint64_t hash_;
  std::string word_;
  std::array<std::uint16_t, kPortion>
      rows_;  // written before it is read: clearing it would cost more than a short text
};

}  // namespace cocoindex::inline v0::text
