#include "watch.h"

#include <algorithm>

namespace reliability {

using zvec::CollectionOptions;

std::string ToString(const Image& image) {
  constexpr const char* kNames[] = {"lose unsynced", "keep all", "tear last write",
                                    "random",        "one name", "all but one name"};
  return std::string(kNames[static_cast<std::size_t>(image.kind)]) + " " + std::to_string(image.seed);
}

bool Watch::Take(Kind kind, const Step& step) {
  step_name = step.name;
  next_ = acked_;
  step.effect(next_);
  may_be_gone_ = kind == Kind::kRecreate;
  const Status status = step.run(world);
  if (!status.ok()) {
    tally_.Violation("step '" + step_name + "': " + status.ToString());
    return false;
  }
  acked_ = next_;
  may_be_gone_ = false;
  if (!durable_ && (MakesDurable(kind) || kind == Kind::kRecreate)) history_.clear();
  if (!durable_ && kind == Kind::kRecreate)
    history_.emplace_back();  // nothing at all, until something is durable
  if (!durable_) history_.push_back(acked_);
  return true;
}

bool Watch::Create() { return Take(Kind::kRecreate, CreateStep()); }

bool Watch::Allowed(const State& state, bool power_lost) const {
  if (state == acked_ || state == next_ || (may_be_gone_ && !state.exists)) return true;
  return power_lost && std::find(history_.begin(), history_.end(), state) != history_.end();
}

std::string Watch::Expected() const {
  return "\n  was " + Describe(acked_) + "\n  or  " + Describe(next_) +
         (history_.empty() ? "" : "\n  or one of " + std::to_string(history_.size()) + " before");
}

void Watch::Check(SimDisk& image, bool power_lost, const std::string& context) {
  const Seen seen = LookAt(image, world.options);
  if (!seen.problem.empty())
    tally_.Violation(step_name + ", " + context + ": " + seen.problem);
  else if (!Allowed(seen.state, power_lost))
    tally_.Violation(step_name + ", " + context + ": is " + Describe(seen.state) + Expected());
}

void Watch::CheckReader(const std::string& context, bool anew) {
  const auto report = [&](const std::string& what) {
    tally_.Violation(step_name + ", " + context + ", a reader beside the writer: " + what);
  };
  CollectionOptions options = world.options;
  options.read_only = true;
  const auto opened = Collection::Open(World::kPath, options);
  if (opened.status().IsNotFound()) {
    if (!Allowed(State(), false)) report("nothing is there");
    return;
  }
  if (!opened.ok()) return report(opened.status().ToString());
  State state;
  state.exists = true;
  for (Doc& doc : zvec::testing_docs::AllDocs(**opened)) state.docs[doc.id] = doc;
  // Reading the mark later would not be the same moment.
  const auto same = [&](State of) { return of.exists && of.docs == state.docs; };
  if (!same(acked_) && !same(next_)) report("it sees " + Describe(state) + Expected());
  if (reader_) {
    std::map<std::string, Doc> again;
    for (Doc& doc : zvec::testing_docs::AllDocs(*reader_)) again[doc.id] = doc;
    if (again != read_) report("what it saw at its opening has changed");
  }
  if (anew) {
    reader_ = *opened;
    read_ = state.docs;
  }
  tally_.Count("reads_beside");
}

void Watch::CheckGoesOn(SimDisk& image, const std::string& context,
                        const std::shared_ptr<Collection>& collection) {
  const auto report = [&](const std::string& what) {
    tally_.Violation(step_name + ", " + context + ", the open handle goes on: " + what);
  };
  const auto written = collection->Upsert(std::vector{Note("went on", "yes")});
  if (!written.ok()) return report(written.status().ToString());
  if (const Status status = collection->Flush(); !status.ok()) return report(status.ToString());
  const auto later = image.PowerCut(PowerCutKind::kLoseUnsynced);
  const Seen seen = LookAt(*later, world.options);
  if (!seen.problem.empty()) return report(seen.problem);
  State state = seen.state;
  if (state.docs.erase("went on") != 1)
    return report("what was acknowledged is lost: " + Describe(seen.state));
  if (!Allowed(state, /*power_lost=*/true)) report("is " + Describe(seen.state) + Expected());
}

void Watch::CheckGoesOn(SimDisk& image, const std::string& context) {
  CollectionOptions options = world.options;
  options.file_system = &image;
  State state = LookAt(image, options).state;
  const auto report = [&](const std::string& what) {
    tally_.Violation(step_name + ", " + context + ", going on: " + what);
  };
  if (const Status status = Collection::RemoveLeftovers("parent", options);
      !status.ok() && !status.IsNotFound())
    return report(status.ToString());
  // At its own path a power cut may leave a part of a relaxed Create, which the next one removes.
  if (image.Stat("parent").ok())
    for (const auto& entry : image.List("parent").value())
      if (entry.name != cocozvec::BaseName(World::kPath))
        return report("left over beside the collection: " + entry.name);
  {
    auto collection = state.exists ? Collection::Open(World::kPath, options)
                                   : Collection::Create(World::kPath, NoteSchema(), options);
    if (!collection.ok()) return report(collection.status().ToString());
    const auto written = (*collection)->Upsert(std::vector{Note("went on", "yes")});
    if (!written.ok()) return report(written.status().ToString());
    if (const Status status = (*collection)->Close(); !status.ok()) return report(status.ToString());
  }
  state.exists = true;
  state.docs["went on"] = Note("went on", "yes");
  const auto later = image.PowerCut(PowerCutKind::kLoseUnsynced);  // Close is durable in either mode
  const Seen seen = LookAt(*later, options);
  if (!seen.problem.empty()) return report(seen.problem);
  if (seen.state != state) report("is " + Describe(seen.state) + "\n  not " + Describe(state));
}

}  // namespace reliability
