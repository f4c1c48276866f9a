#!/usr/bin/env python3
"""Turns the C++ blocks of a page into sources that a test compiles: extract.py PAGE PROGRAM.cc SNIPPETS.cc

The word after ```cpp says what a block is: `program` (a whole file, the first such block), `decl` (at namespace scope) or
`body` (inside a function, with the names of the program and an `app`). The snippets see the program's declarations, and
each other's in order. A block that says nothing is an error, so that none is left out.
"""

import re
import sys

BLOCK = re.compile(r"^```cpp(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main():
    page, program_path, snippets_path = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        text = file.read()
    program, snippets = None, []
    for m in BLOCK.finditer(text):
        kind, code, line = m.group(1).strip(), m.group(2), text.count("\n", 0, m.start(2)) + 1
        located = f'#line {line} "{page}"\n{code}'
        if kind == "program" and program is None:
            program = located
        elif kind == "decl":
            snippets.append(located)
        elif kind == "body":
            snippets.append(f"[[maybe_unused]] void snippet_{line}([[maybe_unused]] coco::App& app) {{\n{located}}}\n")
        else:
            sys.exit(f"{page}:{line}: a block of kind '{kind}': one `program`, then `decl` or `body`")
    if program is None or not snippets:
        sys.exit(f"{page}: no program, or no snippets")
    with open(program_path, "w", encoding="utf-8") as file:
        file.write(program)
    declarations = program[: program.index("int main()")]
    with open(snippets_path, "w", encoding="utf-8") as file:
        file.write("#include <array>\n#include <map>\n#include <optional>\n" + declarations + "\n".join(snippets))
        file.write(f'\nint main() {{ std::puts("{len(snippets)} snippets"); }}\n')


if __name__ == "__main__":
    main()
