#include "folders.h"

#include <algorithm>
#include <filesystem>

#include "base/utf8.h"

namespace cocozvec::cli {
namespace {

Status Failure(const std::string& folder, const std::error_code& error) {
  const std::string message = "folder '" + folder + "': " + error.message();
  if (error == std::errc::no_such_file_or_directory) return Status::NotFound(message);
  if (error == std::errc::permission_denied) return Status::PermissionDenied(message);
  return Status::IoError(message);
}

}  // namespace

bool Inside(const std::string& place, const std::string& folder) {
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  return place.size() > prefix.size() && place.starts_with(prefix);
}

std::string CanonicalPlace(const std::string& path) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::weakly_canonical(path, error);
  std::string text = error ? path : place.native();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::vector<std::string> ExcludePlace(const std::string& folder, const std::string& place) {
  if (!Inside(place, folder)) return {};
  std::string pattern = "/";
  for (char c : place.substr(folder.ends_with('/') ? folder.size() : folder.size() + 1)) {
    if (std::string_view("\\*?[").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return {pattern + "/"};
}

Result<std::string> CanonicalFolder(const std::string& folder) {
  if (folder.empty()) return Status::InvalidArgument("folder '': its name is empty");
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(folder, error);
  if (error) return Failure(folder, error);
  const bool directory = std::filesystem::is_directory(path, error);
  if (error) return Failure(folder, error);
  if (!directory) return Status::InvalidArgument("folder '" + folder + "': is no directory");
  if (!IsUtf8(path.native())) {
    return Status::InvalidArgument("folder '" + folder + "': its name is no UTF-8, and document ids must be");
  }
  return path.native();
}

Result<std::vector<std::string>> MergeFolders(const std::vector<std::string>& known,
                                              const std::vector<std::string>& given, bool prune) {
  std::vector<std::string> merged;
  const auto add = [&](const std::string& folder) {
    if (std::ranges::find(merged, folder) == merged.end()) merged.push_back(folder);
  };
  if (!prune) std::ranges::for_each(known, add);
  std::ranges::for_each(given, add);
  for (const std::string& folder : merged) {
    for (const std::string& other : merged) {
      if (Inside(folder, other)) {
        return Status::InvalidArgument("folder '" + folder + "' lies inside '" + other +
                                       "': its files would be indexed twice; name one of them");
      }
    }
  }
  return merged;
}

}  // namespace cocozvec::cli
