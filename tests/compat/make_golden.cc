// make_golden PATH [graphs|lists|relaxed|fine]: writes a golden collection, once in the life of a format.
// graphs: every segment has graphs. lists: those, lists for the sparse fields and 4-bit codes. relaxed: as a
// process leaves it that dies before anything was durable. fine: a graph of codes of 4 bits with finer
// queries.
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "golden.h"
#include "zvec/collection/testing/indexed_schema.h"

int main(int argc, char** argv) {
  using namespace zvec::testing_docs;
  const std::string_view what = argc == 3 ? argv[2] : "";
  if (argc != 2 && what != "graphs" && what != "lists" && what != "relaxed" && what != "fine")
    return std::fputs("usage: make_golden PATH [graphs|lists|relaxed|fine]\n", stderr), 2;
  if (what == "fine") {
    const zvec::Status made = WriteGoldenFine(argv[1]);
    if (!made.ok()) std::fprintf(stderr, "make_golden: %s\n", made.ToString().c_str());
    return made.ok() ? 0 : 1;
  }
  zvec::CollectionOptions options;
  if (what != "relaxed") options.seal_bytes = 6000;
  options.maintenance = zvec::Maintenance::kInline;
  if (what == "relaxed") options.durability = zvec::Durability::kRelaxed;
  if (what == "graphs" || what == "lists") options.index_min_rows = 1;
  const auto made =
      zvec::Collection::Create(argv[1], what == "lists" ? IndexedSchema() : AllTypesSchema(), options);
  zvec::Status status = made.status();
  if (status.ok()) status = what == "relaxed" ? WriteGoldenDocs(**made) : WriteGolden(**made);
  if (status.ok() && what == "relaxed") _exit(0);
  if (status.ok()) status = (*made)->Close();
  if (!status.ok()) std::fprintf(stderr, "make_golden: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
