#!/usr/bin/env python3
"""How long one translation unit of a user takes to compile, and that no third-party header is inside.

    bench_compile.py [COMPILER...]          default: g++, and clang++-19 where installed

Prints user + system seconds, the fastest of five, for bench/compile/record12.cc and for its headers alone.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.join(ROOT, "bench", "compile", "record12.cc")
ROUNDS = 5
# The standard library, the compiler's own headers, and the C library with the kernel's below it.
STANDARD = ("/usr/include/c++/", "/usr/lib/gcc/", "/usr/lib/llvm", "/usr/include/x86_64-linux-gnu/", "/usr/include/aarch64-linux-gnu/", "/usr/include/asm-generic/", "/usr/include/linux/")


def cpu_seconds(command):
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(command, check=True, env={**os.environ, "CCACHE_DISABLE": "1"})
    return spent() - before


def foreign_headers(flags):
    text = subprocess.run(flags + ["-M", SOURCE], check=True, capture_output=True, text=True).stdout
    found = []
    for path in text.replace("\\\n", " ").split()[1:]:
        path = os.path.realpath(path)
        c_library = os.path.dirname(path) == "/usr/include"
        if not (path.startswith(ROOT + os.sep) or path.startswith(STANDARD) or c_library):
            found.append(path)
    return found


def main():
    compilers = sys.argv[1:] or [c for c in ("g++", "clang++-19") if shutil.which(c)]
    bad = False
    with tempfile.TemporaryDirectory() as directory:
        headers = os.path.join(directory, "headers.cc")
        with open(SOURCE, encoding="utf-8") as source, open(headers, "w", encoding="utf-8") as out:
            out.writelines(line for line in source if line.startswith("#include"))
        for compiler in compilers:
            flags = [compiler, "-std=c++20", "-O0", "-I" + os.path.join(ROOT, "include")]
            output = ["-c", "-o", os.path.join(directory, "out.o")]
            unit = min(cpu_seconds(flags + output + [SOURCE]) for _ in range(ROUNDS))
            alone = min(cpu_seconds(flags + output + [headers]) for _ in range(ROUNDS))
            foreign = foreign_headers(flags)
            bad = bad or bool(foreign)
            print(f"{compiler:12} -O0  record of 12 fields {unit:.2f} s, its headers alone {alone:.2f} s, {len(foreign)} third-party headers")
            for path in foreign:
                print(f"  {path}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
