#!/usr/bin/env bash
# Installs a finished build into an empty prefix and builds a foreign project against it, with CMake and with pkg-config.
#   install_test.sh BUILD_DIR WORK_DIR CXX
# Guards: a public header that needs a header of src/, a target that names the build tree, a library that is not listed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$1 work=$2 cxx=$3

rm -rf "$work"
mkdir -p "$work"
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
# The prefix moves after the installation: nothing in it may remember where it was made.
mv "$work/prefix" "$work/moved"
prefix=$work/moved
cp -r "$here/foreign" "$work/foreign"

if grep -rIlF -e "$root/" --include='*.cmake' --include='*.pc' --include='*.h' "$prefix"; then
  echo "installed files name the source or build tree ($root)" >&2
  exit 1
fi

# Every public header compiles alone, with nothing but the installed ones in sight.
find "$prefix/include" -name '*.h' -printf '%P\n' | sort >"$work/headers"
while read -r header; do
  echo "#include \"$header\""
  echo "#include \"$header\""  # twice: the guard works
done <"$work/headers" >"$work/all_headers.cc"
"$cxx" -std=c++20 -Wall -Wextra -fsyntax-only -I"$prefix/include" "$work/all_headers.cc"

cmake -S "$work/foreign" -B "$work/foreign/build" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$prefix" \
  >"$work/configure.log" || { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/foreign/build"
(cd "$work" && for program in foreign/build/run_*; do "$program"; done)

# The examples, as a user copies them.
cp -r "$root/examples" "$work/examples"
cmake -S "$work/examples" -B "$work/examples/build" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$prefix" \
  >"$work/configure_examples.log" || { cat "$work/configure_examples.log" >&2; exit 1; }
cmake --build "$work/examples/build"
ctest --test-dir "$work/examples/build" --output-on-failure --no-tests=error

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name zvec.pc -o -name cocozvec-base.pc | head -n 1)")
# shellcheck disable=SC2046  # one word a flag is the point
"$cxx" -std=c++20 "$work/foreign/search.cc" -o "$work/search_pc" $(pkg-config --cflags --libs zvec)
(cd "$work" && ./search_pc)
# shellcheck disable=SC2046
"$cxx" -std=c++20 "$work/foreign/doc_index.cc" -o "$work/doc_index_pc" $(pkg-config --cflags --libs cocoindex-connector-zvec cocoindex-text)
(cd "$work" && rm -rf zvec_data cocoindex_state && ./doc_index_pc)
echo "installed, moved, found, built and run"
