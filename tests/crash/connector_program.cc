// What connector_kills.py kills: an app whose declarations are a pure function of a scenario and a version,
// and the judge of what is there afterwards.
//
//   connector_program AREA SCENARIO run VERSION     one update (or drop) towards VERSION: 0 before, 1 after
//   connector_program AREA SCENARIO check VERSION   one update that must converge, one that must do nothing,
//                                                   one with a changed row that must write just this
//   connector_program AREA SCENARIO hold            opens the state, says so, waits for the end of its input
//   connector_program - list                        the names of the scenarios
//
// AREA/state is the engine's memory, AREA/data and AREA/other are base directories. Exit codes: 0 as it
// should be, 1 found something (said on standard output), 2 usage, 3 the run reported a failure.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fault.h"
#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"
#include "connectors/zvec/connection_impl.h"

namespace {

namespace zc = cocoindex::connectors::zvec;
namespace fs = std::filesystem;

inline constexpr coco::ContextKey<zc::ManagedConnection> DATA{"data"};
inline constexpr coco::ContextKey<zc::ManagedConnection> OTHER{"other"};

struct Row {
  std::string id;
  std::string text;
  std::int64_t edition;
  coco::Annotated<std::vector<float>, coco::VectorSchema{4}> embedding;
};

Row MakeRow(int id, std::int64_t edition) {
  // In all directions: a graph over rows that lie on a line is measured and refused.
  const auto part = [&](std::uint32_t n) {
    const auto seed = static_cast<std::uint32_t>(id * 4) + static_cast<std::uint32_t>(edition) * 40'000u + n;
    return static_cast<float>((seed * 2654435761u) >> 16 & 1023u) - 511.5f;
  };
  return {.id = "row/" + std::to_string(id),
          .text = "text " + std::to_string(id) + ", edition " + std::to_string(edition),
          .edition = edition,
          .embedding = std::vector<float>{part(0), part(1), part(2), part(3)}};
}

using Files = std::map<std::string, std::map<int, std::int64_t>>;  // component -> row -> edition

/// What an update declares.
struct Plan {
  Files files{};
  bool declared = true;      ///< the collection
  bool in_other = false;     ///< below the other key
  bool text_indexed = true;  ///< part of the schema
  bool memo = false;         ///< components are memoised
  bool full_reprocess = false;
  bool drop = false;  ///< the app, instead of an update
  coco::ManagedBy managed_by = coco::ManagedBy::system;
};

struct Scenario {
  const char* name;
  Plan before;  ///< nothing declared and no files: the state does not exist yet
  Plan after;
  bool users = false;  ///< the collection is made by hand first, and belongs to the user
};

Files Rows(int first, int last, std::int64_t edition = 0, int per_file = 5) {
  Files files;
  for (int i = first; i < last; ++i) files["f" + std::to_string(i / per_file)][i] = edition;
  return files;
}
Files With(Files files, const Files& more) {
  for (const auto& [name, rows] : more) {
    for (const auto& [id, edition] : rows) files[name][id] = edition;
  }
  return files;
}
Files Without(Files files, int first, int last) {
  for (auto& [name, rows] : files) {
    std::erase_if(rows, [&](const auto& row) { return row.first >= first && row.first < last; });
  }
  return files;
}
/// The rows of f0 and f1 change places.
Files Moved(Files files) {
  std::swap(files["f0"], files["f1"]);
  return files;
}
Files InOneComponent(int first, int last, std::int64_t edition) {
  return Rows(first, last, edition, 1 << 20);
}

const std::vector<Scenario>& Scenarios() {
  constexpr auto user = coco::ManagedBy::user;
  static const std::vector<Scenario> all{
      {"first_run", {}, {.files = Rows(0, 20)}},
      {"add", {.files = Rows(0, 10)}, {.files = Rows(0, 20)}},
      {"change",
       {.files = InOneComponent(0, 50, 0)},
       {.files = With(InOneComponent(0, 50, 0), InOneComponent(10, 30, 1))}},
      // More than a close leaves in the log: segments are sealed and their graphs built while the program
      // ends.
      {"optimize", {.files = InOneComponent(0, 1200, 0)}, {.files = InOneComponent(0, 1200, 1)}},
      {"delete", {.files = Rows(0, 20)}, {.files = Without(Rows(0, 20), 3, 9)}},
      {"component_gone", {.files = Rows(0, 20)}, {.files = Rows(0, 10)}},
      {"move", {.files = Rows(0, 10)}, {.files = Moved(Rows(0, 10))}},
      {"move_and_change", {.files = Rows(0, 10)}, {.files = Moved(Rows(0, 10, 1))}},
      {"replace", {.files = Rows(0, 10)}, {.files = Rows(0, 10), .text_indexed = false}},
      {"replace_memo",
       {.files = Rows(0, 10), .memo = true},
       {.files = Rows(0, 10), .text_indexed = false, .memo = true}},
      {"replace_fewer", {.files = Rows(0, 20)}, {.files = Rows(0, 5), .text_indexed = false}},
      {"undeclare", {.files = Rows(0, 10)}, {.declared = false}},
      {"drop", {.files = Rows(0, 10)}, {.declared = false, .drop = true}},
      {"rename_key", {.files = Rows(0, 10)}, {.files = Rows(0, 10), .in_other = true}},
      {"reprocess", {.files = Rows(0, 10)}, {.files = Rows(0, 5, 1), .full_reprocess = true}},
      {"users",
       {.files = Rows(0, 10), .managed_by = user},
       {.files = Rows(5, 15, 1), .managed_by = user},
       true},
      {"users_to_system", {.files = Rows(0, 10), .managed_by = user}, {.files = Rows(0, 10, 1)}, true},
      {"system_to_users", {.files = Rows(0, 10)}, {.files = Rows(0, 10, 1), .managed_by = user}},
      {"lost", {.files = Rows(0, 10)}, {.files = Rows(0, 10)}},
      {"restored", {.files = Rows(0, 10)}, {.files = Rows(5, 15, 1)}},
      {"state_lost", {.files = Rows(0, 10)}, {.files = Rows(0, 15, 1)}},
      {"state_restored", {.files = Rows(0, 10)}, {.files = Rows(5, 15, 1)}},
  };
  return all;
}

void index_file(coco::Ctx& ctx, const std::map<int, std::int64_t>& rows,
                const zc::CollectionTarget<Row>& target) {
  for (const auto& [id, edition] : rows) target.declare_row(ctx, MakeRow(id, edition));
}

zc::CollectionSchema<Row> Schema(bool text_indexed) {
  return zc::CollectionSchema<Row>::from_class(
      {.primary_key = {"id"},
       .column_overrides = {{"text", zc::ZvecType{zc::DataType::STRING, text_indexed}}}});
}

void app_main(coco::Ctx& ctx, const Plan& plan) {
  if (!plan.declared) return;
  const auto target = zc::mount_collection_target(ctx, plan.in_other ? OTHER : DATA, "docs",
                                                  Schema(plan.text_indexed), {.managed_by = plan.managed_by});
  for (const auto& [name, rows] : plan.files) {
    if (plan.memo) {
      ctx.mount(coco::subpath("file", name), coco::fn<&index_file>({.memo = true, .version = 1}), rows,
                target);
    } else {
      ctx.mount(coco::subpath("file", name), coco::fn<&index_file>(), rows, target);
    }
  }
}

class Program {
 public:
  Program(std::string area, const Scenario& scenario)
      : area_(std::move(area)),
        scenario_(scenario),
        env_({.db_path = area_ + "/state", .map_size = 16u << 20, .threads = 1},
             [this](coco::EnvironmentBuilder& b) {
               b.provide(DATA, zc::connect(area_ + "/data"));
               b.provide(OTHER, zc::connect(area_ + "/other"));
             }),
        app_(env_, "app", coco::fn<&app_main>(), Plan{}) {}

  /// Prints what failed. The counts of what was written are in `written`.
  bool run(const Plan& plan, std::uint64_t* written = nullptr) {
    try {
      if (plan.drop) {
        app_.drop_blocking();
        return true;
      }
      const coco::UpdateResult result = app_.update_blocking({.full_reprocess = plan.full_reprocess}, plan);
      for (const coco::Failure& f : result.failures) {
        std::printf("failed: %s: %s: %s\n", f.path.display().c_str(), f.collection.c_str(),
                    f.message.c_str());
      }
      const coco::TargetCounts counts = result.stats.target_total();
      if (written != nullptr) *written = counts.upserted + counts.deleted;
      return result.failures.empty();
    } catch (const std::exception& e) {
      std::printf("failed: %s\n", e.what());
      return false;
    }
  }

  void make_users_collection() {
    env_.context().get(DATA).open_or_create("docs", Schema(true).core()->database_schema("docs"));
  }

  bool check(const Plan& plan) {
    bool good = run(plan);
    good = compare(plan) && good;
    Plan quiet = plan;
    quiet.full_reprocess = false;
    env_.stop();
    std::uint64_t written = 0;
    good = run(quiet, &written) && good;
    const std::uint64_t opens =
        env_.context().get(DATA).impl()->opens() + env_.context().get(OTHER).impl()->opens();
    if (written != 0 || opens != 0) {
      std::printf("one more run wrote %llu documents and opened %llu collections\n",
                  static_cast<unsigned long long>(written), static_cast<unsigned long long>(opens));
      good = false;
    }
    good = compare(plan) && good;
    return (!plan.declared || check_one_more_change(quiet)) && good;
  }

  const coco::Environment& env() const { return env_; }

 private:
  /// What a kill left must not refuse later writes.
  bool check_one_more_change(Plan plan) {
    plan.files.begin()->second.begin()->second += 7;
    std::uint64_t written = 0;
    bool good = run(plan, &written);
    if (written != 1) {
      std::printf("one changed row after it wrote %llu documents\n",
                  static_cast<unsigned long long>(written));
      good = false;
    }
    return compare(plan) && good;
  }

  bool compare(const Plan& plan) {
    bool good = true;
    for (const bool other : {false, true}) {
      const bool there = plan.declared ? plan.in_other == other : scenario_.users && !other;
      good = compare_names(other ? "other" : "data", there) && good;
      if (there && plan.declared) good = compare_documents(other ? OTHER : DATA, plan) && good;
    }
    return good;
  }

  bool compare_names(const char* base, bool there) {
    bool good = true;
    bool found = false;
    for (const auto& entry : fs::directory_iterator(area_ + "/" + base)) {
      const std::string name = entry.path().filename();
      found = found || name == "docs";
      if (name == "docs" && there) continue;
      std::printf("%s/%s should not be there\n", base, name.c_str());
      good = false;
    }
    if (there && !found) {
      std::printf("%s/docs is missing\n", base);
      good = false;
    }
    return good;
  }

  bool compare_documents(const coco::ContextKey<zc::ManagedConnection>& key, const Plan& plan) {
    std::map<std::string, Row> wanted;
    for (const auto& [name, rows] : plan.files) {
      for (const auto& [id, edition] : rows) wanted["row/" + std::to_string(id)] = MakeRow(id, edition);
    }
    const auto collection = env_.context().get(key).open_existing("docs");
    bool good = true;
    if (collection->schema().Find("text")->index.has_value() != plan.text_indexed) {
      std::printf("the collection has the schema of before\n");
      good = false;
    }
    auto it = collection->Iterate().value();
    std::set<std::string> seen;
    for (::zvec::Doc doc; it->Next(&doc).value();) {
      const auto at = wanted.find(doc.id);
      if (at == wanted.end() || !seen.insert(doc.id).second) {
        std::printf("document %s should not be there%s\n", doc.id.c_str(),
                    at == wanted.end() ? "" : " twice");
        good = false;
      } else if (*doc.Get<std::string>("text") != at->second.text ||
                 *doc.Get<std::int64_t>("edition") != at->second.edition ||
                 *doc.Get<std::vector<float>>("embedding") != at->second.embedding) {
        std::printf("document %s differs: %s\n", doc.id.c_str(), doc.Get<std::string>("text")->c_str());
        good = false;
      }
    }
    if (seen.size() != wanted.size()) {
      std::printf("%zu documents of %zu\n", seen.size(), wanted.size());
      good = false;
    }
    return good;
  }

  const std::string area_;
  const Scenario& scenario_;
  const coco::Environment env_;
  coco::App app_;
};

bool IsEmpty(const Plan& plan) { return plan.files.empty() && plan.declared; }

int Usage() {
  std::fprintf(stderr, "usage: connector_program AREA SCENARIO run|check 0|1\n");
  return 2;
}

int Hold(Program& program) {
  try {
    program.env().start();
  } catch (const coco::StateBusyError& e) {
    std::printf("busy: %s\n", e.what());
    return 3;
  }
  std::printf("holding\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

int Main(const std::vector<std::string>& args) {
  if (args.size() == 2 && args[1] == "list") {
    for (const Scenario& s : Scenarios())
      std::printf("%s %s\n", s.name, IsEmpty(s.before) ? "empty" : "prepared");
    return 0;
  }
  if (args.size() < 3) return Usage();
  for (const Scenario& s : Scenarios()) {
    if (args[1] != s.name) continue;
    Program program(args[0], s);
    if (args[2] == "hold") return Hold(program);
    if (args.size() != 4 || (args[3] != "0" && args[3] != "1")) return Usage();
    const Plan& plan = args[3] == "0" ? s.before : s.after;
    if (args[2] == "check") return program.check(plan) ? 0 : 1;
    if (args[2] != "run") return Usage();
    if (args[3] == "0" && s.users) program.make_users_collection();
    return program.run(plan) ? 0 : 3;
  }
  return Usage();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::printf("failed: %s\n", e.what());
    return 1;
  }
}
