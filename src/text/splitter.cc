#include "cocoindex/text/splitter.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "base/fault.h"
#include "text/utf8.h"

namespace cocoindex::inline v0::text {
namespace {

// How good a place for a cut is; the larger the better.
enum class Cut : std::uint8_t { kCharacter, kWord, kSentence, kLine, kParagraph };

bool IsLineEnd(std::int32_t c) { return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029 || c == '\f'; }
bool EndsSentenceBeforeSpace(std::int32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }
bool EndsSentence(std::int32_t c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF0E; }
bool ClosesQuote(std::int32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0xBB ||
         c == 0x300D;
}

// Reads the text once, from the beginning to the end, and says for each character how good a cut before it
// is.
class Classifier {
 public:
  explicit Classifier(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }
  std::size_t at() const { return at_; }

  // The quality of a cut before the character at at(); steps over that character.
  Cut Next() {
    const CodePoint c = decode(text_, at_);
    at_ += c.bytes;
    const Cut cut = Before(c.value);
    After(c.value);
    return cut;
  }

 private:
  Cut Before(std::int32_t c) const {
    if (is_space(c) || !in_space_) return is_ideograph(c) ? std::max(cut_, Cut::kWord) : cut_;
    // The first character after white space. After a line end, `cut_` has been handed out already: this is
    // indentation.
    if (lines_ > 0) return std::max(cut_, Cut::kWord);
    return sentence_ ? Cut::kSentence : Cut::kWord;
  }

  void After(std::int32_t c) {
    cut_ = Cut::kCharacter;
    if (IsLineEnd(c)) {
      cut_ = ++lines_ > 1 ? Cut::kParagraph : Cut::kLine;
      in_space_ = true;
    } else if (is_space(c)) {
      in_space_ = true;
    } else {
      sentence_ = EndsSentenceBeforeSpace(c) || (sentence_ && !in_space_ && ClosesQuote(c));
      if (EndsSentence(c)) cut_ = Cut::kSentence;
      if (is_ideograph(c)) cut_ = Cut::kWord;
      in_space_ = false;
      lines_ = 0;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Cut cut_ = Cut::kCharacter;  // what the last character says about the place behind it
  std::uint32_t lines_ = 0;    // line ends in the white space just read
  bool in_space_ = false;
  bool sentence_ = false;  // the last word ended a sentence
};

struct Character {
  std::size_t byte;  // where it begins
  Cut cut;           // before it
};

// The characters that the piece at hand may use: from its first one to `size` behind it, and one more if
// there is one.
class Window {
 public:
  Window(std::string_view text, const SplitOptions& options)
      : text_(text), options_(options), reader_(text) {}

  std::vector<Piece> Run() {
    std::vector<Piece> pieces;
    std::size_t least = 1;  // the shortest piece that still gets on
    for (Fill(); !characters_.empty(); Fill()) {
      const std::size_t length = Length(least);
      if (pieces.empty() || !cocozvec::FaultPlanted("lose_a_piece")) pieces.push_back(Make(length));
      if (length == characters_.size()) break;
      const std::size_t next = Next(length);
      least = length - next + std::max<std::size_t>(1, (options_.size - options_.overlap) / 2);
      start_ += next;
      characters_.erase(characters_.begin(), characters_.begin() + static_cast<std::ptrdiff_t>(next));
    }
    return pieces;
  }

 private:
  void Fill() {
    while (characters_.size() <= options_.size && !reader_.AtEnd()) {
      const std::size_t byte = reader_.at();
      characters_.push_back({byte, reader_.Next()});
    }
  }

  // In characters: the last of the best cuts that are far enough from the beginning.
  std::size_t Length(std::size_t least) const {
    if (characters_.size() <= options_.size) return characters_.size();
    std::size_t best = options_.size;
    for (std::size_t i = options_.size; i >= std::max(least, static_cast<std::size_t>(options_.size / 2 + 1));
         --i) {
      if (characters_[i].cut > characters_[best].cut) best = i;
      if (characters_[best].cut == Cut::kParagraph) break;
    }
    return best;
  }

  // Where the next piece begins: as early as the overlap allows, but rather at the beginning of a word.
  std::size_t Next(std::size_t length) const {
    const std::size_t earliest = length - std::min<std::size_t>(options_.overlap, length - 1);
    for (std::size_t i = earliest; i < length; ++i) {
      if (characters_[i].cut != Cut::kCharacter) return i;
    }
    return earliest;
  }

  Piece Make(std::size_t length) const {
    const std::size_t begin = characters_.front().byte;
    const std::size_t end = length < characters_.size() ? characters_[length].byte : reader_.at();
    return {text_.substr(begin, end - begin), begin, start_, length};
  }

  std::string_view text_;
  const SplitOptions& options_;
  Classifier reader_;
  std::vector<Character> characters_;
  std::uint64_t start_ = 0;  // of characters_.front(), in characters
};

}  // namespace

RecursiveSplitter::RecursiveSplitter(SplitOptions options) : options_(options) {
  if (options.size == 0 || options.size > kMaxPieceSize) {
    throw std::invalid_argument("splitter: size " + std::to_string(options.size) + ", allowed 1 to " +
                                std::to_string(kMaxPieceSize));
  }
  if (options.overlap >= options.size) {
    throw std::invalid_argument("splitter: overlap " + std::to_string(options.overlap) +
                                ", must be less than size " + std::to_string(options.size));
  }
}

std::vector<Piece> RecursiveSplitter::split(std::string_view text) const {
  return Window(text, options_).Run();
}

std::string RecursiveSplitter::identity() const {
  return "recursive/1 size=" + std::to_string(options_.size) + " overlap=" + std::to_string(options_.overlap);
}

}  // namespace cocoindex::inline v0::text
