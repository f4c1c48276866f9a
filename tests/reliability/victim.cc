#include "victim.h"

#include <algorithm>
#include <cstdio>

#include "zvec/collection/testing/indexed_schema.h"

namespace reliability {

using zvec::testing_docs::AllTypesDoc;
using zvec::testing_docs::IndexedSchema;
using zvec::testing_docs::kAllHits;
using zvec::testing_docs::kFewHits;

namespace {

constexpr const char* kPath = "c";

std::map<std::string, std::string> FilesOf(SimDisk& disk) {
  std::map<std::string, std::string> files;
  for (const auto& entry : disk.List(kPath).value())
    files[entry.name] =
        cocozvec::ReadFile(disk, cocozvec::JoinPath(kPath, entry.name), std::uint64_t{1} << 30).value();
  return files;
}

/// Hits of one score stand in any order.
Status Find(const Collection& collection, std::vector<std::vector<std::pair<std::string, float>>>* found) {
  const std::pair<const char*, std::uint32_t> queries[] = {
      {"", kAllHits}, {"", kFewHits}, {"INT64 < 0", kAllHits}, {"INT64 < 0", kFewHits}};
  for (const auto& field : collection.schema().fields)
    for (const auto& [filter, topk] : queries) {
      if (!zvec::IsVector(field.type)) continue;
      zvec::VectorQuery query = zvec::testing_docs::QueryOn(field, topk);
      query.filter = filter;
      auto hits = collection.Query(query);
      if (!hits.ok()) return hits.status();
      found->emplace_back();
      for (const auto& hit : hits->hits) found->back().emplace_back(hit.doc.id, hit.score);
      std::sort(found->back().begin(), found->back().end());
    }
  return {};
}

Status ReadAll(const Collection& collection, std::map<std::string, Doc>* docs) {
  auto iterator = collection.Iterate();
  if (!iterator.ok()) return iterator.status();
  for (Doc doc;;) {
    auto more = (*iterator)->Next(&doc);
    if (!more.ok()) return more.status();
    if (!*more) return {};
    (*docs)[doc.id] = doc;
  }
}

}  // namespace

zvec::CollectionOptions Victim::OptionsOn(cocozvec::FileSystem& disk) {
  zvec::CollectionOptions options;
  options.file_system = &disk;
  options.seal_bytes = 3000;
  options.index_min_rows = 1;                        // a graph for every sealed segment,
  options.maintenance = zvec::Maintenance::kInline;  // at the same call each time
  return options;
}

Victim::Victim(int records) : mark_("mark") {
  SimDisk disk;
  const auto options = OptionsOn(disk);
  auto collection = Collection::Create(kPath, IndexedSchema(), options).value();
  std::vector<Doc> docs;
  for (int i = 0; i < 8; ++i) docs.push_back(AllTypesDoc("doc" + std::to_string(i), i));
  (void)collection->Upsert(docs).value();
  // Less than a fifth, or the segment would be written anew, without a deletions file.
  (void)collection->Delete(std::vector<std::string>{"doc6"}).value();
  (void)collection->Upsert(docs = {docs.begin() + 6, docs.begin() + 7}).value();
  for (int i = 10; collection->Stats().sealed_segments < 2; ++i)
    (void)collection->Upsert(std::vector{AllTypesDoc("doc" + std::to_string(i), i)}).value();
  if (records > 10) {  // all of them in one log
    collection.reset();
    auto roomy = options;
    roomy.seal_bytes = 1 << 20;
    collection = Collection::Open(kPath, roomy).value();
  }
  for (int i = 0; i < records; ++i) {
    earlier_.emplace_back();
    if (!ReadAll(*collection, &earlier_.back()).ok()) std::abort();
    const std::string id = "in the log " + std::to_string(i);
    (void)collection->Upsert(std::vector{AllTypesDoc(id, records > 10 ? 0 : i)}).value();
    if (i == records / 2) {
      if (!collection->SetMark("older mark").ok()) std::abort();
      older_ = FilesOf(disk);
    }
  }
  if (!collection->SetMark(mark_).ok()) std::abort();
  if (!ReadAll(*collection, &docs_).ok() || !Find(*collection, &found_).ok()) std::abort();
  const std::string unindexed = zvec::testing_docs::Unindexed(*collection);
  if (!collection->Close().ok()) std::abort();
  files_ = FilesOf(disk);
  const std::string missing = zvec::testing_docs::MissingKind(files_);
  if (!missing.empty() || !unindexed.empty()) {
    std::fprintf(stderr, "the victim has no %s; it finds %s\n", missing.c_str(), unindexed.c_str());
    std::abort();
  }
  for (const auto& [name, content] : files_) bytes_ += content.size();
}

std::pair<std::string, std::uint64_t> Victim::Place(std::uint64_t at) const {
  for (const auto& [name, content] : files_) {
    if (at < content.size()) return {name, at};
    at -= content.size();
  }
  return {};
}

std::unique_ptr<SimDisk> Victim::Copy(const std::map<std::string, const std::string*>& changed) const {
  auto disk = std::make_unique<SimDisk>();
  if (!disk->CreateDirectory(kPath).ok()) std::abort();
  const auto put = [&](const std::string& name, const std::string& content) {
    auto file = disk->Open(cocozvec::JoinPath(kPath, name), cocozvec::OpenMode::kCreateNew).value();
    if (!file->WriteAt(0, std::as_bytes(std::span(content))).ok()) std::abort();
  };
  for (const auto& [name, content] : files_)
    if (!changed.contains(name)) put(name, content);
  for (const auto& [name, content] : changed)
    if (content != nullptr) put(name, *content);
  return disk->PowerCut(PowerCutKind::kKeepEverything);
}

Outcome Victim::Reported(const Status& status, const std::string& damaged) const {
  if (status.code() != StatusCode::kDataLoss && status.code() != StatusCode::kIoError &&
      status.code() != StatusCode::kNotFound)
    return {"", "called something else: " + status.ToString()};
  const std::string kind =
      damaged.starts_with("MANIFEST") ? "manifest" : damaged;  // it may be the missing one
  if (status.message().find(damaged) == std::string_view::npos &&
      status.message().find(kind) == std::string_view::npos)
    return {"", damaged + " is not named: " + status.ToString()};
  return {"reported", ""};
}

std::string Victim::Differs(const Collection& collection, Status* failed) const {
  std::map<std::string, Doc> docs;
  if (*failed = ReadAll(collection, &docs); !failed->ok()) return "";
  if (docs != docs_) return "the damage changed what is read";
  std::vector<std::vector<std::pair<std::string, float>>> found;
  if (*failed = Find(collection, &found); !failed->ok()) return "";
  if (found != found_) return "the damage changed what is found";
  for (const auto& [id, doc] : docs_) {
    const auto fetched = collection.Fetch(std::vector{id});
    if (*failed = fetched.status(); !failed->ok()) return "";
    if (fetched->size() != 1 || (*fetched)[0] != doc) return "the damage changed what is fetched";
  }
  return "";
}

Outcome Victim::JudgeOpen(const Collection& collection, const std::string& damaged) const {
  Status failed;
  std::string differs = Differs(collection, &failed);
  if (!failed.ok()) return Reported(failed, damaged);
  if (!differs.empty()) return {"", std::move(differs)};
  return {"harmless", ""};
}

Outcome Victim::Judge(const std::map<std::string, const std::string*>& changed, const std::string& damaged,
                      bool write, bool may_be_earlier) const {
  const auto disk = Copy(changed);
  auto options = OptionsOn(*disk);
  options.read_only = !write;
  const auto mark = Collection::ReadMark(kPath, options);
  if (mark.ok() && *mark != mark_)
    return may_be_earlier ? Outcome{"an earlier state", ""} : Outcome{"", "the damage changed the mark"};
  auto opened = Collection::Open(kPath, options);
  if (!opened.ok()) return Reported(opened.status(), damaged);
  if (may_be_earlier) {
    std::map<std::string, Doc> docs;
    if (ReadAll(**opened, &docs).ok() && std::find(earlier_.begin(), earlier_.end(), docs) != earlier_.end())
      return {"an earlier state", ""};
  }
  Outcome outcome = JudgeOpen(**opened, damaged);
  if (!mark.ok() && outcome.problem.empty()) outcome = Reported(mark.status(), damaged);
  if (!write || !outcome.problem.empty()) return outcome;
  // Whoever writes on has what was there, or an error.
  const Status optimized = (*opened)->Optimize();
  if (!optimized.ok()) return Reported(optimized, damaged);
  Outcome after = JudgeOpen(**opened, damaged);
  return after.problem.empty() ? outcome : after;
}

}  // namespace reliability
