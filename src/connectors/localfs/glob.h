// connectors/localfs/glob.h: one pattern of a .gitignore, or of the walk's include and exclude lists.
// Matching takes time in proportion to pattern times path, whatever the pattern.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cocoindex::inline v0::connectors::localfs {

class Glob {
 public:
  /// gitignore(5) without the leading '!': a slash at the start or in the middle ties the pattern to the
  /// folder it stands in, a slash at the end restricts it to directories; *, ?, [a-z], [!a], [[:alpha:]], \x,
  /// and ** between slashes.
  explicit Glob(std::string_view pattern);

  /// `path`: below the folder of the pattern, '/' between names.
  bool Matches(std::string_view path, bool is_directory) const;
  /// False for a pattern that can match nothing (an unclosed bracket, an empty text).
  bool valid() const noexcept { return valid_; }

 private:
  enum class Kind : std::uint8_t {
    kByte,
    kAnyByte,     // ?
    kClass,       // [...]
    kStar,        // * : any bytes but '/'
    kFolders,     // the start of a name in **/ : leads on, or into kInFolder
    kInFolder,    // inside a name that **/ swallows
    kEverything,  // /** : one byte or more, of any kind
  };
  struct Token {
    Kind kind;
    unsigned char byte = 0;
    std::uint32_t set = 0;  // index into sets_
  };
  using Set = std::bitset<256>;

  void Compile(std::string_view pattern);
  std::size_t CompileStars(std::string_view pattern, std::size_t first);
  std::size_t CompileClass(std::string_view pattern, std::size_t at);
  bool MatchText(std::string_view text) const;
  void Enter(std::size_t state, std::vector<bool>& states) const;
  void Step(std::size_t state, unsigned char byte, std::vector<bool>& next) const;

  std::vector<Token> tokens_;
  std::vector<Set> sets_;
  std::string literal_;  // the whole pattern when it has no wildcard, which most have not
  bool is_literal_ = false;
  bool anchored_ = false;
  bool directories_only_ = false;
  bool valid_ = true;
};

}  // namespace cocoindex::inline v0::connectors::localfs
