#include "cocozvec/base/path.h"

namespace cocozvec::inline v0 {
namespace {

std::string_view WithoutTrailingSlashes(std::string_view p) {
  while (p.size() > 1 && p.back() == '/') p.remove_suffix(1);
  return p;
}

}  // namespace

std::string JoinPath(PathView a, std::string_view b) {
  std::string joined = a.str();
  if (joined.empty()) return std::string(b);
  if (joined.back() == '/') {
    while (!b.empty() && b.front() == '/') b.remove_prefix(1);
  } else if (b.empty() || b.front() != '/') {
    joined.push_back('/');
  }
  joined.append(b);
  return joined;
}

std::string ParentPath(PathView p) {
  const std::string_view text = WithoutTrailingSlashes(p.view());
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return {};
  return std::string(WithoutTrailingSlashes(text.substr(0, slash == 0 ? 1 : slash)));
}

std::string BaseName(PathView p) {
  const std::string_view text = WithoutTrailingSlashes(p.view());
  const std::size_t slash = text.rfind('/');
  return std::string(slash == std::string_view::npos ? text : text.substr(slash + 1));
}

}  // namespace cocozvec::inline v0
