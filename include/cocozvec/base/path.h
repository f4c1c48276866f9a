// cocozvec/base/path.h: a path parameter that takes text and std::filesystem::path without including
// <filesystem>.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace cocozvec::inline v0 {

/// A borrowed path in the operating system's own bytes (UTF-8 by convention, not checked).
/// Lives as long as what it was made from: a parameter type, not a member type.
class PathView {
 public:
  constexpr PathView(std::string_view text) noexcept : text_(text) {}  // NOLINT: meant to convert
  constexpr PathView(const char* text) noexcept : text_(text) {}       // NOLINT
  PathView(const std::string& text) noexcept : text_(text) {}          // NOLINT
  /// std::filesystem::path and its like: anything with a narrow native().
  template <class P>
    requires requires(const P& p) {
      { p.native() } -> std::same_as<const std::string&>;
    }
  PathView(const P& path) noexcept : text_(path.native()) {}  // NOLINT

  constexpr std::string_view view() const noexcept { return text_; }
  std::string str() const { return std::string(text_); }
  constexpr bool empty() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

/// `a/b`; `b` alone when `a` is empty; no doubled slash.
std::string JoinPath(PathView a, std::string_view b);
/// The part before the last slash: "" for a plain name, "/" for "/x"; trailing slashes of `p` are ignored.
std::string ParentPath(PathView p);
/// The part after the last slash; trailing slashes of `p` are ignored.
std::string BaseName(PathView p);

}  // namespace cocozvec::inline v0
