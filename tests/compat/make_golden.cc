// make_golden PATH: writes a golden collection, once in the life of a format. make_golden PATH graphs: every
// segment has graphs.
#include <cstdio>

#include "golden.h"

int main(int argc, char** argv) {
  using namespace zvec::testing_docs;
  if (argc != 2 && argc != 3) return std::fputs("usage: make_golden PATH [graphs]\n", stderr), 2;
  zvec::CollectionOptions options;
  options.seal_bytes = 6000;
  options.maintenance = zvec::Maintenance::kInline;
  if (argc == 3) options.index_min_rows = 1;
  const auto made = zvec::Collection::Create(argv[1], AllTypesSchema(), options);
  zvec::Status status = made.ok() ? WriteGolden(**made) : made.status();
  if (status.ok()) status = (*made)->Close();
  if (!status.ok()) std::fprintf(stderr, "make_golden: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
