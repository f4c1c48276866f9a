// cli/folders.h: the folders of a store: one name each, none inside another.
#pragma once

#include <string>
#include <vector>

#include "cocozvec/base/status.h"

namespace cocozvec::cli {

/// `place` lies below `folder`; both canonical.
bool Inside(const std::string& place, const std::string& folder);

/// Canonical as far as it exists.
std::string CanonicalPlace(const std::string& path);

/// For a walk of `folder`: the pattern that leaves `place` out, when it lies below.
std::vector<std::string> ExcludePlace(const std::string& folder, const std::string& place);

/// The absolute name without links, "." and "..". Errors name the folder as it was given: kNotFound,
/// kInvalidArgument (no directory; a name that is no UTF-8, which no document id could hold), kIoError,
/// kPermissionDenied.
Result<std::string> CanonicalFolder(const std::string& folder);

/// The folders to index: those known and those given, each once, in this order; with `prune` only those
/// given. kInvalidArgument when one lies inside another, since their files would be there twice; names both.
Result<std::vector<std::string>> MergeFolders(const std::vector<std::string>& known,
                                              const std::vector<std::string>& given, bool prune);

}  // namespace cocozvec::cli
