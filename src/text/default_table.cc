#include "text/default_table.h"

// The assembler copies the file in: four megabytes as an array of numbers would take the compiler minutes.
__asm__(
    ".pushsection .rodata\n"
    ".balign 64\n"
    ".local cocoindex_default_table\n"
    "cocoindex_default_table:\n"
    ".incbin \"" COCOINDEX_DEFAULT_TABLE
    "\"\n"
    ".local cocoindex_default_table_end\n"
    "cocoindex_default_table_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
__attribute__((visibility("hidden"))) extern const char cocoindex_default_table[];
__attribute__((visibility("hidden"))) extern const char cocoindex_default_table_end[];
}

namespace cocoindex::inline v0::text {

std::string_view DefaultTable() noexcept {
  return {cocoindex_default_table,
          static_cast<std::string_view::size_type>(cocoindex_default_table_end - cocoindex_default_table)};
}

}  // namespace cocoindex::inline v0::text
