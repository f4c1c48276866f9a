#include "connectors/localfs/glob.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cocoindex::inline v0::connectors::localfs {
namespace {

bool InNamedClass(std::string_view name, int c) {
  static constexpr std::pair<std::string_view, int (*)(int)> kClasses[] = {
      {"alpha", [](int b) { return int(b < 128 && std::isalpha(b)); }},
      {"digit", [](int b) { return int(b < 128 && std::isdigit(b)); }},
      {"alnum", [](int b) { return int(b < 128 && std::isalnum(b)); }},
      {"upper", [](int b) { return int(b >= 'A' && b <= 'Z'); }},
      {"lower", [](int b) { return int(b >= 'a' && b <= 'z'); }},
      {"space", [](int b) { return int(b == ' ' || (b >= '\t' && b <= '\r')); }},
      {"blank", [](int b) { return int(b == ' ' || b == '\t'); }},
      {"punct", [](int b) { return int(b < 128 && std::ispunct(b)); }},
      {"xdigit", [](int b) { return int(b < 128 && std::isxdigit(b)); }},
      {"cntrl", [](int b) { return int(b < 32 || b == 127); }},
      {"print", [](int b) { return int(b >= 32 && b < 127); }},
      {"graph", [](int b) { return int(b > 32 && b < 127); }},
  };
  for (const auto& [known, is] : kClasses) {
    if (known == name) return is(c) != 0;
  }
  return false;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  if (pattern.ends_with('/')) {
    directories_only_ = true;
    pattern.remove_suffix(1);
  }
  anchored_ = pattern.find('/') != std::string_view::npos;
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  valid_ = !pattern.empty();
  is_literal_ = pattern.find_first_of("*?[\\") == std::string_view::npos;
  if (is_literal_) {
    literal_ = pattern;
  } else {
    Compile(pattern);
  }
}

void Glob::Compile(std::string_view p) {
  for (std::size_t i = 0; i < p.size() && valid_;) {
    if (p[i] == '*') {
      i = CompileStars(p, i);
    } else if (p[i] == '?') {
      tokens_.push_back({Kind::kAnyByte});
      ++i;
    } else if (p[i] == '[') {
      i = CompileClass(p, i + 1);
    } else {
      if (p[i] == '\\' && ++i == p.size()) {  // git: a lone backslash at the end matches nothing
        valid_ = false;
        return;
      }
      tokens_.push_back({Kind::kByte, static_cast<unsigned char>(p[i])});
      ++i;
    }
  }
}

/// From the first of one or more stars, of which all but the first two mean nothing; returns the place
/// behind.
std::size_t Glob::CompileStars(std::string_view p, std::size_t first) {
  const std::size_t end = std::min(p.find_first_not_of('*', first), p.size());
  const bool whole_name = (first == 0 || p[first - 1] == '/') && (end == p.size() || p[end] == '/');
  if (end - first < 2 || !whole_name) {
    tokens_.push_back({Kind::kStar});
    return end;
  }
  if (end == p.size()) {
    tokens_.push_back({Kind::kEverything});
    return end;
  }
  tokens_.push_back({Kind::kFolders});
  tokens_.push_back({Kind::kInFolder});
  return end + 1;
}

/// From behind '['; returns the place behind ']'.
std::size_t Glob::CompileClass(std::string_view p, std::size_t i) {
  Set set;
  const bool negated = i < p.size() && (p[i] == '!' || p[i] == '^');
  if (negated) ++i;
  const std::size_t first = i;
  while (i < p.size() && (p[i] != ']' || i == first)) {
    if (p.substr(i).starts_with("[:")) {
      const std::size_t end = p.find(":]", i + 2);
      if (end == std::string_view::npos) break;
      for (int c = 0; c < 256; ++c) {
        if (InNamedClass(p.substr(i + 2, end - i - 2), c)) set.set(static_cast<std::size_t>(c));
      }
      i = end + 2;
      continue;
    }
    if (p[i] == '\\' && ++i == p.size()) break;
    const auto low = static_cast<unsigned char>(p[i++]);
    unsigned char high = low;
    if (i + 1 < p.size() && p[i] == '-' && p[i + 1] != ']') {
      i += p[i + 1] == '\\' && i + 2 < p.size() ? 2 : 1;
      high = static_cast<unsigned char>(p[i++]);
    }
    for (std::size_t c = low; c <= high; ++c) set.set(c);
  }
  valid_ = i < p.size();
  if (negated) set.flip();
  set.reset('/');
  tokens_.push_back({Kind::kClass, 0, static_cast<std::uint32_t>(sets_.size())});
  sets_.push_back(set);
  return i + 1;
}

/// Marks `state` and what can be reached from it without a byte.
void Glob::Enter(std::size_t state, std::vector<bool>& states) const {
  while (!states[state]) {
    states[state] = true;
    if (state == tokens_.size()) return;
    if (tokens_[state].kind == Kind::kStar) {
      ++state;
    } else if (tokens_[state].kind == Kind::kFolders) {
      state += 2;
    } else {
      return;
    }
  }
}

void Glob::Step(std::size_t state, unsigned char byte, std::vector<bool>& next) const {
  const Token& token = tokens_[state];
  switch (token.kind) {
    case Kind::kByte:
      if (byte == token.byte) Enter(state + 1, next);
      break;
    case Kind::kAnyByte:
      if (byte != '/') Enter(state + 1, next);
      break;
    case Kind::kClass:
      if (sets_[token.set][byte]) Enter(state + 1, next);
      break;
    case Kind::kStar:
      if (byte != '/') Enter(state, next);
      break;
    case Kind::kFolders:
      if (byte != '/') Enter(state + 1, next);
      break;
    case Kind::kInFolder:
      Enter(byte == '/' ? state - 1 : state, next);
      break;
    case Kind::kEverything:
      Enter(state, next);
      Enter(state + 1, next);
      break;
  }
}

bool Glob::MatchText(std::string_view text) const {
  if (is_literal_) return text == literal_;
  std::vector<bool> states(tokens_.size() + 1), next(tokens_.size() + 1);
  Enter(0, states);
  for (const char c : text) {
    next.assign(next.size(), false);
    bool alive = false;
    for (std::size_t state = 0; state < tokens_.size(); ++state) {
      if (!states[state]) continue;
      Step(state, static_cast<unsigned char>(c), next);
      alive = true;
    }
    if (!alive) return false;
    states.swap(next);
  }
  return states[tokens_.size()];
}

bool Glob::Matches(std::string_view path, bool is_directory) const {
  if (!valid_ || (directories_only_ && !is_directory)) return false;
  if (!anchored_) path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  return MatchText(path);
}

}  // namespace cocoindex::inline v0::connectors::localfs
