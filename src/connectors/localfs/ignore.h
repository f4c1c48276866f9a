// connectors/localfs/ignore.h: the .gitignore files between the root and a folder, nearest last.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/localfs/glob.h"

namespace cocoindex::inline v0::connectors::localfs {

/// The patterns of one file; the last that matches decides.
class IgnoreFile {
 public:
  explicit IgnoreFile(std::string_view text);
  /// true: ignored, false: taken back by '!', nothing: not mentioned. `path` is below the file's own folder.
  std::optional<bool> Decide(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    Glob glob;
    bool ignore;
  };
  std::vector<Rule> rules_;
};

}  // namespace cocoindex::inline v0::connectors::localfs
