// fuzz/log.cc: any bytes as a log. Every batch is read with the layout of one schema.
#include "zvec/storage/log.h"

#include "fuzz.h"
#include "seal.h"
#include "zvec/storage/row.h"

namespace fuzz {
namespace {

using zvec::DataType;
using zvec::Status;

zvec::CollectionSchema Schema() {
  zvec::CollectionSchema schema;
  schema.fields = {{"n", DataType::kInt64, true, 0, {}},
                   {"text", DataType::kString, true, 0, {}},
                   {"v", DataType::kVectorFp32, false, 2, {}}};
  return schema;
}

const zvec::RowLayout& Layout() {
  static const zvec::RowLayout layout(Schema());
  return layout;
}

bool Within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.end() <= whole.end());
}

/// What a store does with a batch, short of applying it.
Status ReadBatch(std::string_view payload) {
  zvec::BatchReader in(Layout(), payload);
  zvec::RowCells row;
  while (in.NextPut(&row)) {
    Require(Within(row.id, payload), "an id outside its record");
    for (std::size_t f = 0; f < row.cells.size(); ++f) {
      Require(Within(row.cells[f], payload), "a cell outside its record");
      if (Layout().width(f) != 0 && row.cells[f].data() != nullptr)
        Require(row.cells[f].size() == Layout().width(f), "a cell of another width");
    }
  }
  for (std::string_view id; in.NextDelete(&id);) Require(Within(id, payload), "an id outside its record");
  return in.ok() ? Status() : Status::DataLoss("the batch does not follow its format");
}

std::string Record(const std::vector<std::string>& ids, const std::vector<std::string>& gone) {
  zvec::BatchBuilder batch(zvec::kRecordHeaderBytes);
  for (const std::string& id : ids) {
    std::string row;
    zvec::EncodeRow(Layout(),
                    {id, {std::string_view("12345678"), std::string_view(), std::string_view("abcdefgh")}},
                    row);
    batch.Put(row);
  }
  for (const std::string& id : gone) batch.Delete(id);
  return std::move(batch).Finish();
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const bool close : {false, true})
    seeds.push_back(Written([close](cocozvec::FileSystem& fs, const std::string& path) {
      auto log = zvec::LogWriter::Create(fs, path, {.collection = 77, .number = 5, .a = 1, .b = 2}).value();
      std::string first = Record({"one", "two"}, {}), second = Record({"three"}, {"one"});
      const auto must = [](const Status& status) { Require(status.ok(), status.message()); };
      must(log->Append(first, false));
      must(log->Sync(true));
      must(log->Append(second, false));
      if (close) must(log->Close());
    }));
  return seeds;
}

void Run(std::string_view input) {
  OneFile disk(input);
  const auto file = disk.Open("log-5", cocozvec::OpenMode::kRead).value();
  const auto number = Get<std::uint64_t>(input, 24), collection = Get<std::uint64_t>(input, 16);
  std::size_t batches = 0;
  const auto content = zvec::ReadLog(*file, number, collection, [&](std::string_view payload) {
    ++batches;
    return ReadBatch(payload);
  });
  if (!content.ok()) return;
  const zvec::LogPosition& at = content->position;
  Require(content->file_size == input.size() && at.end <= input.size(), "a log that ends behind its file");
  // What was read is a log by itself, and says the same.
  OneFile cut(input.substr(0, at.end));
  std::size_t again = 0;
  const auto same = zvec::ReadLog(*cut.Open("log-5", cocozvec::OpenMode::kRead).value(), number, collection,
                                  [&](std::string_view) { return ++again, Status(); });
  Require(
      same.ok() && same->position.end == at.end && same->position.sequence == at.sequence && again == batches,
      "the whole records alone are another log");
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealLog(input, input.size() % 2 == 0); }

}  // namespace fuzz
