#include "life.h"

namespace reliability {

using zvec::Result;
using zvec::WriteResult;

namespace {

constexpr std::uint64_t kIds = 12;
constexpr std::uint64_t kSealBytes = 2000;

std::string AnId(Random& random) { return "id" + std::to_string(random() % kIds); }

std::vector<Doc> SomeNotes(Random& random, std::size_t most, std::size_t text) {
  std::vector<Doc> docs;
  for (std::size_t n = 1 + random() % most; n-- > 0;)
    docs.push_back(Note(AnId(random),
                        std::string(text + random() % 40, static_cast<char>('a' + random() % 26)),
                        static_cast<std::int64_t>(random() % 12) - 2));
  return docs;
}

std::vector<std::string> SomeIds(Random& random) {
  std::vector<std::string> ids;
  for (std::size_t n = 1 + random() % 3; n-- > 0;) ids.push_back(AnId(random));
  return ids;
}

Status Outcome(const Result<WriteResult>& result) { return result.status(); }

/// Fields come back in the order of the schema.
void SetSize(Doc& doc, std::int64_t size) {
  if (doc.Find("size") == nullptr) doc.fields.insert(doc.fields.begin() + 1, {"size", size});
  doc.Set("size", size);
}

Step UpsertStep(std::vector<Doc> docs) {
  return {"upsert", [docs](World& w) { return Outcome(w.collection->Upsert(docs)); },
          [docs](State& s) {
            for (const Doc& doc : docs) s.docs[doc.id] = doc;
          }};
}

Step UpdateStep(std::vector<std::string> ids, std::int64_t size) {
  return {"update",
          [ids, size](World& w) {
            std::vector<Doc> patches;
            for (const std::string& id : ids) patches.push_back(Doc(id, {{"size", size}}));
            return Outcome(w.collection->Update(patches));
          },
          [ids, size](State& s) {
            for (const std::string& id : ids)
              if (const auto it = s.docs.find(id); it != s.docs.end()) SetSize(it->second, size);
          }};
}

Step DeleteByFilterStep(std::int64_t size) {
  return {
      "delete by filter",
      [size](World& w) { return w.collection->DeleteByFilter("size >= " + std::to_string(size)).status(); },
      [size](State& s) {
        std::erase_if(s.docs, [&](const auto& entry) {
          const auto* value = entry.second.template Get<std::int64_t>("size");
          return value != nullptr && *value >= size;
        });
      }};
}

Step ApplyStep(std::vector<Doc> docs, std::vector<std::string> ids) {
  return {"apply", [docs, ids](World& w) { return Outcome(w.collection->Apply(docs, ids)); },
          [docs, ids](State& s) {
            for (const Doc& doc : docs) s.docs[doc.id] = doc;
            for (const std::string& id : ids) s.docs.erase(id);
          }};
}

Step PlainStep(const char* name, Status (*run)(World&)) {
  return {name, run, [](State&) {}};
}

Status Reopen(World& w) {
  const Status closed = w.collection->Close();
  w.collection.reset();
  auto opened = Collection::Open(World::kPath, w.options);
  if (!opened.ok()) return opened.status();
  w.collection = *std::move(opened);
  return closed;
}

Status Create(World& w) {
  auto created = Collection::Create(World::kPath, NoteSchema(), w.options);
  if (!created.ok()) return created.status();
  w.collection = *std::move(created);
  return {};
}

}  // namespace

const char* NameOf(Kind kind) {
  constexpr const char* kNames[kKinds] = {"insert", "upsert",  "update", "delete", "delete by filter",
                                          "apply",  "mark",    "flush",  "seal",   "optimize",
                                          "reopen", "recreate"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool MakesDurable(Kind kind) {
  return kind == Kind::kMark || kind == Kind::kFlush || kind == Kind::kSeal || kind == Kind::kOptimize ||
         kind == Kind::kReopen;
}

Step CreateStep() {
  return {"create", Create, [](State& s) { s.exists = true; }};
}

Step MakeStep(Kind kind, Random& random) {
  switch (kind) {
    case Kind::kInsert: {
      const auto docs = SomeNotes(random, 4, 5);
      return {"insert", [docs](World& w) { return Outcome(w.collection->Insert(docs)); },
              [docs](State& s) {
                for (const Doc& doc : docs) s.docs.emplace(doc.id, doc);
              }};
    }
    case Kind::kUpsert:
      return UpsertStep(SomeNotes(random, 4, 5));
    case Kind::kUpdate:
      return UpdateStep(SomeIds(random), static_cast<std::int64_t>(random() % 10));
    case Kind::kDelete:
      return ApplyStep({}, SomeIds(random));
    case Kind::kDeleteByFilter:
      return DeleteByFilterStep(static_cast<std::int64_t>(random() % 9) + 1);
    case Kind::kApply:
      return ApplyStep(SomeNotes(random, 3, 5), SomeIds(random));
    case Kind::kMark: {
      const std::string mark = "mark " + std::to_string(random() % 1000);
      return {"mark", [mark](World& w) { return w.collection->SetMark(mark); },
              [mark](State& s) { s.mark = mark; }};
    }
    case Kind::kFlush:
      return PlainStep("flush", [](World& w) { return w.collection->Flush(); });
    case Kind::kSeal:
      return UpsertStep(SomeNotes(random, 3, kSealBytes));
    case Kind::kOptimize:
      return PlainStep("optimize", [](World& w) { return w.collection->Optimize(); });
    case Kind::kReopen:
      return PlainStep("reopen", Reopen);
    case Kind::kRecreate:
      return {"recreate",
              [](World& w) {
                w.collection.reset();
                const Status gone = Collection::Destroy(World::kPath, w.options);
                return gone.ok() ? Create(w) : gone;
              },
              [](State& s) {
                s = State();
                s.exists = true;
              }};
  }
  return {};
}

World SmallWorld(cocozvec::FileSystem& disk, zvec::Durability durability) {
  World world;
  world.options.file_system = &disk;
  world.options.seal_bytes = kSealBytes;
  world.options.index_min_rows = 1;  // maintenance has graphs to build
  world.options.durability = durability;
  return world;
}

}  // namespace reliability
