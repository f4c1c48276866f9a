// zvec/storage/mark.h: the file MARK: a few bytes of the application beside the data.
// docs/format/collection.md
#pragma once

#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

/// Durable replacement of the whole file; `mark` has at most Collection::kMaxMarkBytes bytes.
Status WriteMark(cocozvec::FileSystem& fs, const std::string& directory, std::string_view mark);
/// kNotFound, kDataLoss, kUnimplemented.
Result<std::string> ReadMarkFile(cocozvec::FileSystem& fs, const std::string& directory);

}  // namespace zvec::inline v0
