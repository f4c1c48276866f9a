// text/default_table.h: the bytes of the table that lies in the library.
#pragma once

#include <string_view>

namespace cocoindex::inline v0::text {

/// Begins at a multiple of 64. Only what is read of it becomes resident.
std::string_view DefaultTable() noexcept;

}  // namespace cocoindex::inline v0::text
