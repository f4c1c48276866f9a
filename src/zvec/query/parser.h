// zvec/query/parser.h: from text to a tree. Nothing here knows a schema.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cocozvec/base/status.h"
#include "zvec/query/ast.h"

namespace zvec::inline v0::filter {

/// The tree of a filter; none when the text is blank. kInvalidArgument as FilterError makes it. The tree
/// borrows `text`.
cocozvec::Result<std::optional<Node>> ParseFilter(std::string_view text);

/// `problem` with line and column, the line of the text around `position`, and a caret under the place.
cocozvec::Status FilterError(std::string_view text, std::size_t position, const std::string& problem);

/// `; did you mean "x"?` with the up to three names nearest to `name`, or "".
std::string Suggestion(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace zvec::inline v0::filter
