// text/embedding_table.h: a table of token vectors as it lies in a file. Format: docs/format/embedder.md.
// Threads: a view of constant bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "cocozvec/base/status.h"

namespace cocoindex::inline v0::text {

/// What the tokenizer does with a character; the numbers are part of the format.
enum class CharacterClass : std::uint8_t {
  kDropped = 0,       ///< as if it were not there
  kSpace = 1,         ///< ends a word
  kUnknown = 2,       ///< part of a word, and the word is unknown
  kAloneUnknown = 3,  ///< an unknown word of its own
  kLetter = 4,        ///< part of a word, as it is
  kAlone = 5,         ///< a word of its own, as it is
  kSpelled = 6,       ///< part of a word, spelled otherwise: lower case, without accents
  kAloneSpelled = 7,  ///< a word of its own, spelled otherwise
};
inline constexpr std::uint8_t kCharacterClasses = 8;

/// Spans into the bytes that Parse was given. Every number in them has been checked.
struct EmbeddingTable {
  static constexpr std::size_t kCharacterBlock = 256;  ///< code points
  static constexpr std::size_t kSpellingUnits = 5;  ///< code point (low, high half), then one to three units

  std::uint32_t dimension = 0;        ///< a multiple of 32, 32 .. 1024
  std::uint32_t rows = 0;             ///< tokens with a vector, 1 .. 65,535
  std::uint32_t unknown_row = 0;      ///< of the token for words that are not in the vocabulary
  std::uint32_t most_characters = 0;  ///< of a word; a longer one is unknown
  std::uint64_t hash = 0;             ///< of the content

  std::span<const std::uint8_t>
      weights;  ///< rows * dimension / 2: low nibbles are elements 0 .. dimension / 2 - 1
  std::span<const std::int16_t> scales;   ///< by row, 0 .. 32,767; 0: a token that says nothing
  std::span<const std::uint16_t> ids;     ///< by row: the token's number in the model's vocabulary, ascending
  std::span<const std::uint16_t> blocks;  ///< code point / 256 -> block of `classes`
  std::span<const std::uint16_t> spellings;  ///< kSpellingUnits each, by code point
  std::span<const std::uint8_t> classes;     ///< a CharacterClass for each character of each block
  std::span<const std::uint8_t> lengths;     ///< of the tokens, in bytes
  std::string_view tokens;  ///< one after the other, UTF-8; "##" in front of one that goes on a word
  std::string_view name, notice;

  /// `bytes` begins at an even address; `origin` is for messages. Errors: kInvalidArgument (another kind of
  /// file), kUnimplemented (a newer format), kDataLoss (damaged); each names the origin and both values.
  static cocozvec::Result<EmbeddingTable> Parse(std::string_view bytes, std::string_view origin);
};

}  // namespace cocoindex::inline v0::text
