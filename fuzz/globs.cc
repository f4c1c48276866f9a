// fuzz/globs.cc: any text as a .gitignore (before the first NUL) and a path; and as a text to be split.
#include "cocoindex/text/splitter.h"
#include "connectors/localfs/glob.h"
#include "connectors/localfs/ignore.h"
#include "fuzz.h"

namespace fuzz {
namespace {

namespace localfs = cocoindex::connectors::localfs;
using cocoindex::text::Piece;

void CheckPatterns(std::string_view patterns, std::string_view path) {
  const localfs::IgnoreFile file(patterns);
  for (const bool is_directory : {false, true}) {
    const auto decided = file.Decide(path, is_directory);
    Require(decided == file.Decide(path, is_directory), "decided otherwise");
  }
  const localfs::Glob glob(patterns.substr(0, patterns.find('\n')));
  if (glob.Matches(path, false)) Require(glob.valid() && glob.Matches(path, true), "a file only");
}

/// What the splitter guarantees for every text.
void CheckPieces(std::string_view text, const cocoindex::text::SplitOptions& options) {
  const cocoindex::text::RecursiveSplitter splitter(options);
  const std::vector<Piece> pieces = splitter.split(text);
  std::uint64_t end = 0, end_byte = 0;
  for (const Piece& piece : pieces) {
    Require(piece.text.data() == text.data() + piece.start_byte &&
                piece.start_byte + piece.text.size() <= text.size(),
            "a piece outside the text");
    Require(piece.length > 0 && piece.length <= options.size, "a piece that is empty or too long");
    Require(piece.start <= end && end - piece.start <= options.overlap && piece.start_byte <= end_byte,
            "a gap between pieces, or too much twice");
    end = piece.start + piece.length;
    end_byte = piece.start_byte + piece.text.size();
  }
  Require(end_byte == text.size(), "the text has more than the pieces");
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace std::string_literals;
  return {
      "# build\n/build/\n*.o\n!keep.o\n**/cache/**\n[a-z]?[!x]\\*\0src/cache/a.o"s,
      "a/**/b\n[[:alpha:]]*\0a/x/y/b"s,
      "One sentence. Another one!\n\nA paragraph, caf\xC3\xA9 \xE6\xBC\xA2\xE5\xAD\x97 \xFF and more words to cut at.\n"s};
}

void Run(std::string_view input) {
  const std::size_t nul = input.find('\0');
  CheckPatterns(input.substr(0, nul), nul == std::string_view::npos ? "a/b/c" : input.substr(nul + 1));
  CheckPieces(input, {.size = 20, .overlap = 5});
  CheckPieces(input, {.size = 7, .overlap = 0});
}

void Vary(std::string& input, std::size_t most, Random& random) {
  static const std::vector<std::string> words = {"*",  "**", "/",           "**/", "/**",  "?",       "[a-z]",
                                                 "[!", "]",  "[[:alpha:]]", "!",   "\\",   "\n",      "#",
                                                 " ",  "a",  "b/",          ". ",  "\n\n", "\xC3\xA9"};
  // A pattern takes its tokens times the text's bytes; long ones are tried, but not as often.
  const std::size_t room = std::min<std::size_t>(most, random() % 64 == 0 ? most : 256);
  if (input.size() > room) input.resize(room);
  VaryText(input, room, random, words);
}
void Seal(std::string&) {}

}  // namespace fuzz
