#include "zvec/collection/testing/workload.h"

#include <set>

#include "base/io/recorder.h"
#include "zvec/collection/store.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0::testing_docs {

using cocozvec::FileSystem;

std::string Describe(const State& state) {
  if (!state.exists) return "nothing";
  std::string text = "mark '" + state.mark + "', ids";
  for (const auto& [id, doc] : state.docs) {
    const std::string* value = doc.Get<std::string>("text");
    text += " " + id + "=" + (value ? value->substr(0, 8) : "?");
  }
  return text;
}

namespace {

Status Outcome(const Result<WriteResult>& result) { return result.ok() ? Status() : result.status(); }

Step Upsert(std::vector<Doc> docs) {
  return {"upsert of " + std::to_string(docs.size()),
          [docs](World& w) { return Outcome(w.collection->Upsert(docs)); },
          [docs](State& s) {
            for (const Doc& doc : docs) s.docs[doc.id] = doc;
          }};
}

Step Delete(std::vector<std::string> ids) {
  return {"delete of " + std::to_string(ids.size()),
          [ids](World& w) { return Outcome(w.collection->Delete(ids)); },
          [ids](State& s) {
            for (const std::string& id : ids) s.docs.erase(id);
          }};
}

Step Apply(std::vector<Doc> docs, std::vector<std::string> ids) {
  return {"apply", [docs, ids](World& w) { return Outcome(w.collection->Apply(docs, ids)); },
          [docs, ids](State& s) {
            for (const Doc& doc : docs) s.docs[doc.id] = doc;
            for (const std::string& id : ids) s.docs.erase(id);
          }};
}

Step Update(std::string id, std::int64_t size) {
  return {
      "update",
      [id, size](World& w) { return Outcome(w.collection->Update(std::vector{Doc(id, {{"size", size}})})); },
      [id, size](State& s) {
        if (const auto it = s.docs.find(id); it != s.docs.end()) it->second.Set("size", size);
      }};
}

Step Mark(std::string mark) {
  return {"mark", [mark](World& w) { return w.collection->SetMark(mark); },
          [mark](State& s) { s.mark = mark; }};
}

Step Plain(std::string name, std::function<Status(World&)> run) {
  return {std::move(name), std::move(run), [](State&) {}};
}

Status Reopen(World& w) {
  Status closed = w.collection ? w.collection->Close() : Status();
  w.collection.reset();
  auto opened = Collection::Open(World::kPath, w.options);
  if (!opened.ok()) return opened.status();
  w.collection = *std::move(opened);
  return closed;
}

std::vector<Doc> Notes(const std::string& prefix, int count, std::size_t text_size) {
  std::vector<Doc> docs;
  for (int i = 0; i < count; ++i)
    docs.push_back(Note(prefix + std::to_string(i), prefix + std::string(text_size, 'x'), i));
  return docs;
}

Result<State> Contents(const Collection& collection) {
  State state;
  state.exists = true;
  auto iterator = collection.Iterate();
  if (!iterator.ok()) return iterator.status();
  for (Doc doc;;) {
    const auto more = (*iterator)->Next(&doc);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (!state.docs.emplace(doc.id, doc).second)
      return Status::DataLoss("document " + doc.id + " is there twice");
  }
  std::vector<std::string> ids;
  for (const auto& [id, doc] : state.docs) ids.push_back(id);
  ZVEC_ASSIGN_OR_RETURN(const auto fetched, collection.Fetch(ids));
  if (fetched.size() != ids.size()) return Status::DataLoss("a document is there but cannot be fetched");
  for (const Doc& doc : fetched)
    if (state.docs[doc.id] != doc)
      return Status::DataLoss("document " + doc.id + " is fetched otherwise than read");
  return state;
}

/// Files that neither of the two newest manifests names.
std::string Residue(FileSystem& disk, const std::string& path) {
  std::set<std::string> named = {std::string(kLockName), std::string(kMarkName)};
  std::vector<std::string> there;
  std::vector<std::uint64_t> generations;
  const auto entries = disk.List(path).value();
  for (const auto& entry : entries) {
    there.push_back(entry.name);
    const auto name = ParseName(entry.name);
    if (name && name->kind == NameKind::kManifest) generations.push_back(name->number);
  }
  if (generations.size() > 2) return "more than two manifests";
  for (const std::uint64_t generation : generations)
    named.merge(NamedFiles(ReadManifest(disk, path, generation).value()));
  for (const std::string& name : there)
    if (!named.contains(name)) return name;
  return "";
}

}  // namespace

std::vector<Step> FullLife() {
  std::vector<Step> steps;
  steps.push_back({"create",
                   [](World& w) {
                     auto created = Collection::Create(World::kPath, NoteSchema(), w.options);
                     if (!created.ok()) return created.status();
                     w.collection = *std::move(created);
                     return Status();
                   },
                   [](State& s) { s.exists = true; }});
  steps.push_back(Upsert({Note("a", "first"), Note("b", "second", -1)}));
  steps.push_back(Update("a", 42));
  steps.push_back(Mark("one"));
  steps.push_back(Delete({"b"}));
  steps.push_back(Upsert(Notes("k", 8, 60)));
  steps.push_back(Plain("flush", [](World& w) { return w.collection->Flush(); }));
  steps.push_back(Upsert(Notes("big", 4, 700)));  // seals
  steps.push_back(Apply({Note("a", "new a"), Note("c", "c")}, {"k1", "k2"}));
  steps.push_back(Plain("reopen", Reopen));
  steps.push_back(Delete({"big0", "k3"}));
  steps.push_back(Mark("two"));
  steps.push_back(Upsert(Notes("more", 3, 900)));  // seals again, with deletions
  steps.push_back(Update("k4", 44));
  steps.push_back(Plain("optimize", [](World& w) { return w.collection->Optimize(); }));
  steps.push_back(Upsert({Note("tail", "after optimize")}));
  steps.push_back(Delete({"more0", "tail"}));
  steps.push_back(Plain("optimize again", [](World& w) { return w.collection->Optimize(); }));
  steps.push_back(Plain("reopen", Reopen));
  steps.push_back(Upsert({Note("last", "one")}));
  steps.push_back(Plain("close", [](World& w) { return w.collection->Close(); }));
  steps.push_back({"destroy",
                   [](World& w) {
                     w.collection.reset();
                     return Collection::Destroy(World::kPath, w.options);
                   },
                   [](State& s) { s = State(); }});
  return steps;
}

std::string CheckReads(const Collection& collection, const std::map<std::string, Doc>& docs) {
  auto iterator = collection.Iterate();
  if (!iterator.ok())
    return iterator.status().code() == StatusCode::kClosed ? "" : iterator.status().ToString();
  std::map<std::string, Doc> seen;
  for (Doc doc;;) {
    const auto more = (*iterator)->Next(&doc);
    if (!more.ok()) return more.status().code() == StatusCode::kIoError ? "" : more.status().ToString();
    if (!*more) break;
    seen[doc.id] = doc;
  }
  return seen == docs ? "" : "the open collection shows what was not acknowledged, or lacks what was";
}

Seen LookAt(FileSystem& disk, const CollectionOptions& options) {
  Seen seen;
  CollectionOptions mine = options;
  mine.file_system = &disk;
  CollectionOptions read_only = mine;
  read_only.read_only = true;
  cocozvec::Recorder recorder(disk);
  read_only.file_system = &recorder;
  auto reader = Collection::Open(World::kPath, read_only);
  if (reader.status().IsNotFound()) return seen;
  if (!reader.ok()) return seen.problem = "read-only open: " + reader.status().ToString(), seen;
  auto read = Contents(**reader);
  if (!read.ok()) return seen.problem = "read-only: " + read.status().ToString(), seen;
  if (!recorder.Take().empty()) return seen.problem = "a read-only open wrote", seen;
  // What is left over is judged at rest: a reader keeps its generation, and work in the background writes new
  // ones.
  reader->reset();
  if (mine.maintenance == Maintenance::kBackground) mine.maintenance = Maintenance::kManual;
  auto writer = Collection::Open(World::kPath, mine);
  if (!writer.ok()) return seen.problem = "open: " + writer.status().ToString(), seen;
  auto state = Contents(**writer);
  if (!state.ok()) return seen.problem = state.status().ToString(), seen;
  if (*read != *state)
    return seen.problem = "a read-only open sees " + Describe(*read) + ", a writer " + Describe(*state), seen;
  auto mark = Collection::ReadMark(World::kPath, mine);
  if (mark.ok()) state->mark = *mark;
  if (!mark.ok() && !mark.status().IsNotFound()) return seen.problem = mark.status().ToString(), seen;
  if (const std::string name = Residue(disk, World::kPath); !name.empty())
    return seen.problem = "left over: " + name, seen;
  seen.state = *std::move(state);
  return seen;
}

}  // namespace zvec::inline v0::testing_docs
