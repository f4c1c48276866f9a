// A second process: opens the collection in argv[1], says so, and closes it at the end of standard input.
#include <cstdio>

#include "zvec/collection.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto opened = ::zvec::Collection::Open(argv[1]);
  std::printf("%s\n", opened.ok() ? "open" : opened.status().ToString().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return opened.ok() && (*opened)->Close().ok() ? 0 : 1;
}
