#include "connectors/localfs/ignore.h"

namespace cocoindex::inline v0::connectors::localfs {
namespace {

/// Without trailing spaces, unless a backslash keeps one.
std::string_view Trimmed(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !(line.size() > 1 && line[line.size() - 2] == '\\')) line.remove_suffix(1);
  return line;
}

}  // namespace

IgnoreFile::IgnoreFile(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const bool ignore = !line.starts_with('!');
    if (!ignore) line.remove_prefix(1);
    Glob glob(line);
    if (glob.valid()) rules_.push_back({std::move(glob), ignore});
  }
}

std::optional<bool> IgnoreFile::Decide(std::string_view path, bool is_directory) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->glob.Matches(path, is_directory)) return rule->ignore;
  }
  return std::nullopt;
}

}  // namespace cocoindex::inline v0::connectors::localfs
