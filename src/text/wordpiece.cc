#include "text/wordpiece.h"

#include <algorithm>
#include <bit>

#include "text/utf8.h"

namespace cocoindex::inline v0::text {
namespace {

constexpr std::string_view kMark = "##";

void AppendUtf8(std::int32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

}  // namespace

WordPiece::WordPiece(const EmbeddingTable& table) : table_(table) {
  // At most half full, so that a search for what is not there ends soon.
  slots_.assign(std::bit_ceil(std::size_t{table.rows} * 2), kEmpty);
  begins_.reserve(table.rows);
  std::uint32_t begin = 0;
  for (std::uint32_t row = 0; row < table.rows; ++row) {
    begins_.push_back(begin);
    Insert(static_cast<std::uint16_t>(row));
    begin += table.lengths[row];
  }
  for (std::int32_t c = 0; c < 128; ++c) {
    const auto i = static_cast<std::size_t>(c);
    ascii_class_[i] = ClassOf(c);
    ascii_spelling_[i] = static_cast<char>(c);
    const bool spelled =
        ascii_class_[i] == CharacterClass::kSpelled || ascii_class_[i] == CharacterClass::kAloneSpelled;
    if (!spelled) continue;
    const auto spelling = Spelling(c);
    // One that the fast path cannot write goes the slow way, which is where `kSpelled` stays.
    if (spelling.size() != 1 || spelling[0] >= 128) continue;
    ascii_spelling_[i] = static_cast<char>(spelling[0]);
    ascii_class_[i] =
        ascii_class_[i] == CharacterClass::kSpelled ? CharacterClass::kLetter : CharacterClass::kAlone;
  }
}

void WordPiece::Insert(std::uint16_t row) {
  std::string_view token = table_.tokens.substr(begins_[row], table_.lengths[row]);
  if (token.size() > 2 && token.front() == '[' && token.back() == ']') specials_.push_back({token, row});
  const bool further = token.starts_with(kMark) && token.size() > kMark.size();
  if (further) token.remove_prefix(kMark.size());
  std::uint64_t hash = further ? kFurther : kFirst;
  for (const char c : token) hash = Step(hash, c);
  if (Find(hash, token, further) >= 0) return;  // the first of two equal ones counts
  hash ^= hash >> 32;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot] != kEmpty) slot = (slot + 1) & mask;
  slots_[slot] = static_cast<std::uint32_t>(hash >> 48 << 16) | row;
}

std::int32_t WordPiece::Find(std::uint64_t hash, std::string_view bytes, bool further) const noexcept {
  hash ^= hash >> 32;
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 48);
  const std::size_t skipped = further ? kMark.size() : 0;
  for (std::size_t slot = hash & mask; slots_[slot] != kEmpty; slot = (slot + 1) & mask) {
    if (slots_[slot] >> 16 != tag) continue;
    const std::uint32_t row = slots_[slot] & 0xFFFF;
    const std::string_view token = table_.tokens.substr(begins_[row], table_.lengths[row]);
    if (token.size() != bytes.size() + skipped || token.substr(skipped) != bytes) continue;
    if (further ? token.starts_with(kMark) : true) return static_cast<std::int32_t>(row);
  }
  return -1;
}

CharacterClass WordPiece::ClassOf(std::int32_t c) const noexcept {
  const auto code_point = static_cast<std::size_t>(c);
  const std::size_t block = table_.blocks[code_point / EmbeddingTable::kCharacterBlock];
  return static_cast<CharacterClass>(
      table_.classes[block * EmbeddingTable::kCharacterBlock + code_point % EmbeddingTable::kCharacterBlock]);
}

std::span<const std::uint16_t> WordPiece::Spelling(std::int32_t c) const noexcept {
  constexpr std::size_t kUnits = EmbeddingTable::kSpellingUnits;
  std::size_t low = 0, high = table_.spellings.size() / kUnits;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const auto entry = table_.spellings.subspan(middle * kUnits, kUnits);
    const auto code_point = static_cast<std::int32_t>(entry[0] | std::uint32_t{entry[1]} << 16);
    if (code_point == c) {
      const auto units = entry.subspan(2);
      const auto end = std::ranges::find(units, 0);
      return units.first(static_cast<std::size_t>(end - units.begin()));
    }
    if (code_point < c) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return {};
}

TokenStream::TokenStream(const WordPiece& tokenizer, std::string_view text)
    : tokenizer_(tokenizer), text_(text), hash_(WordPiece::kFirst) {}

std::span<const std::uint16_t> TokenStream::Next() {
  filled_ = 0;
  // A word gives a row for each of its characters at most, and a character alone one more.
  const std::size_t enough = kPortion - tokenizer_.table_.most_characters - 2;
  while (at_ < text_.size() && filled_ < enough) {
    if (static_cast<unsigned char>(text_[at_]) < 0x80) {
      TakeAscii();
    } else {
      TakeCharacter();
    }
  }
  if (at_ == text_.size()) EndWord();
  return {rows_.data(), filled_};
}

void TokenStream::TakeAscii() {
  const auto c = static_cast<unsigned char>(text_[at_]);
  if (c == '[' && TakeSpecial()) return;
  switch (tokenizer_.ascii_class_[c]) {
    case CharacterClass::kLetter:
      word_.push_back(tokenizer_.ascii_spelling_[c]);
      hash_ = WordPiece::Step(hash_, word_.back());
      unknown_ |= ++characters_ > tokenizer_.table_.most_characters;
      if (unknown_) word_.clear();  // a word of a megabyte is remembered as one fact
      ++at_;
      return;
    case CharacterClass::kSpace:
      EndWord();
      ++at_;
      return;
    case CharacterClass::kAlone:
      Alone(tokenizer_.ascii_spelling_[c]);
      ++at_;
      return;
    default:
      TakeCharacter();
  }
}

bool TokenStream::TakeSpecial() {
  for (const WordPiece::Special& special : tokenizer_.specials_) {
    if (!text_.substr(at_).starts_with(special.text)) continue;
    EndWord();
    Emit(special.row);
    at_ += special.text.size();
    return true;
  }
  return false;
}

void TokenStream::TakeCharacter() {
  const CodePoint c = decode(text_, at_);
  at_ += c.bytes;
  if (c.value < 0) return;
  switch (tokenizer_.ClassOf(c.value)) {
    case CharacterClass::kDropped:
      return;
    case CharacterClass::kSpace:
      EndWord();
      return;
    case CharacterClass::kUnknown:
      ++characters_;
      unknown_ = true;
      word_.clear();
      return;
    case CharacterClass::kAloneUnknown:
      EndWord();
      Emit(tokenizer_.table_.unknown_row);
      return;
    case CharacterClass::kLetter:
      Append(c.value);
      return;
    case CharacterClass::kAlone:
      Alone(c.value);
      return;
    case CharacterClass::kSpelled:
      for (const std::uint16_t unit : tokenizer_.Spelling(c.value)) Append(unit);
      return;
    case CharacterClass::kAloneSpelled: {
      const auto spelling = tokenizer_.Spelling(c.value);
      Alone(spelling.empty() ? c.value : spelling[0]);
      return;
    }
  }
}

void TokenStream::Append(std::int32_t c) {
  const std::size_t begin = word_.size();
  AppendUtf8(c, word_);
  for (std::size_t i = begin; i < word_.size(); ++i) hash_ = WordPiece::Step(hash_, word_[i]);
  unknown_ |= ++characters_ > tokenizer_.table_.most_characters;
  if (unknown_) word_.clear();
}

void TokenStream::Alone(std::int32_t c) {
  EndWord();
  Append(c);
  EndWord();
}

void TokenStream::EndWord() {
  if (characters_ == 0) return;
  const std::size_t begin = filled_;
  const std::int32_t whole = unknown_ ? -1 : tokenizer_.Find(hash_, word_, false);
  if (whole >= 0) {
    Emit(static_cast<std::uint32_t>(whole));
  } else if (unknown_ || !Cut(word_)) {
    filled_ = begin;
    Emit(tokenizer_.table_.unknown_row);
  }
  word_.clear();
  hash_ = WordPiece::kFirst;
  characters_ = 0;
  unknown_ = false;
}

bool TokenStream::Cut(std::string_view word) {
  bool further = false;
  while (!word.empty()) {
    std::int32_t longest = -1;
    std::size_t length = 0;
    std::uint64_t hash = further ? WordPiece::kFurther : WordPiece::kFirst;
    const std::size_t most = std::min<std::size_t>(word.size(), 255);  // a token's length is one byte
    for (std::size_t i = 0; i < most; ++i) {
      hash = WordPiece::Step(hash, word[i]);
      const std::int32_t row = tokenizer_.Find(hash, word.substr(0, i + 1), further);
      if (row >= 0) longest = row, length = i + 1;
    }
    // A foreign table may hold tokens of half a character, so that there are more of them than of characters;
    // the row after the last is for what ended the word.
    if (longest < 0 || filled_ + 1 >= rows_.size()) return false;
    Emit(static_cast<std::uint32_t>(longest));
    word.remove_prefix(length);
    further = true;
  }
  return true;
}

}  // namespace cocoindex::inline v0::text
