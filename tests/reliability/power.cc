// Power cuts. D2, D7, D7b, D9: random lives, every kind of picture after every change. D6: cuts while the cut
// before is being recovered from. D10: every short sequence of operations.
#include "harness.h"
#include "watch.h"

namespace reliability {

using cocozvec::DiskChange;
using zvec::Durability;

namespace {

std::vector<Image> ImagesOf(const SimDisk& disk, std::uint64_t seed) {
  std::vector<Image> images = {{PowerCutKind::kLoseUnsynced, 0},
                               {PowerCutKind::kKeepEverything, 0},
                               {PowerCutKind::kTearLastWrite, seed},
                               {PowerCutKind::kRandom, seed},
                               {PowerCutKind::kRandom, seed + 1'000'000'007}};
  for (std::uint64_t name = 0; name < disk.unsynced_names(); ++name) {
    images.push_back({PowerCutKind::kOneName, name});
    images.push_back({PowerCutKind::kAllButOneName, name});
  }
  return images;
}

constexpr int kSteps = 10;

/// A few kinds are favoured in each life, so that lives differ.
Kind PickKind(Random& random, std::uint64_t favoured) {
  for (;;) {
    const std::uint64_t kind = random() % kKinds;
    if (((favoured >> kind) & 1) != 0 || random() % 8 == 0) return static_cast<Kind>(kind);
  }
}

void PowerLife(std::uint64_t seed, Tally& tally) {
  Random random(seed);
  Watch watch(seed % 4 == 0 ? Durability::kRelaxed : Durability::kDurable, tally);
  std::uint64_t number = 0;
  const auto look = [&](bool acknowledged) {
    if (number % 3 == 0)
      watch.CheckReader("seed " + std::to_string(seed) + ", change " + std::to_string(watch.disk.changes()),
                        number % 4 == 0);
    for (const Image& image : ImagesOf(watch.disk, seed * 1'000'003 + number)) {
      const auto disk = watch.disk.PowerCut(image.kind, image.seed);
      const std::string context = "seed " + std::to_string(seed) + ", change " +
                                  std::to_string(watch.disk.changes()) +
                                  (acknowledged ? ", acknowledged, " : ", ") + ToString(image);
      watch.Check(*disk, image.power_lost(), context);
      tally.Count("images");
      if (++number % 7 == 0) watch.CheckGoesOn(*disk, context);
    }
  };
  watch.disk.OnChange([&](const DiskChange&) { look(false); });
  if (!watch.Create()) return;
  look(true);
  const std::uint64_t favoured = random();
  for (int i = 0; i < kSteps; ++i) {
    const Kind kind = PickKind(random, favoured);
    if (!watch.Take(kind, MakeStep(kind, random))) return;
    look(true);
  }
  const auto closed = watch.world.collection->Close();
  if (!closed.ok()) tally.Violation("close: " + closed.ToString());
  tally.Count("closes");
  const auto after = watch.disk.PowerCut(PowerCutKind::kLoseUnsynced);  // D7: right after close returned
  if (LookAt(*after, watch.world.options).state != watch.acked())
    tally.Violation("seed " + std::to_string(seed) + ": a power cut after close lost something");
  watch.disk.OnChange(nullptr);
}

/// Opens `image` for writing and cuts the power at some of the changes that this makes, `depth` times over.
void Recover(Watch& watch, SimDisk& image, Random& random, int depth, const std::string& context,
             Tally& tally) {
  image.OnChange([&](const DiskChange& change) {
    if (random() % 2 == 0) return;
    const Image again{random() % 3 == 0 ? PowerCutKind::kLoseUnsynced : PowerCutKind::kRandom, random()};
    const auto disk = image.PowerCut(again.kind, again.seed);
    const std::string here =
        context + "; recovery, change " + std::to_string(change.number) + ", " + ToString(again);
    if (depth > 1) {
      const auto copy = disk->PowerCut(PowerCutKind::kKeepEverything);
      Recover(watch, *copy, random, depth - 1, here, tally);
    }
    watch.Check(*disk, /*power_lost=*/true, here);
    tally.Count("compound_runs");
    tally.Most("depth", 3 - static_cast<std::uint64_t>(depth) + 1);
  });
  zvec::CollectionOptions options = watch.world.options;
  options.file_system = &image;
  {
    auto opened = zvec::Collection::Open(World::kPath, options);
    image.OnChange(nullptr);
    if (!opened.ok()) return;
    watch.CheckGoesOn(image, context, *opened);
  }
}

void CompoundLife(std::uint64_t seed, Tally& tally) {
  Random random(seed), choices(seed + 1);
  Watch watch(seed % 4 == 0 ? Durability::kRelaxed : Durability::kDurable, tally);
  if (!watch.Create()) return;
  watch.disk.OnChange([&](const DiskChange& change) {
    if (choices() % 2 != 0) return;
    // A kill leaves unsynced what was: whoever opens next must not build on it as if it were durable.
    const bool killed = choices() % 2 == 0;
    const Image image{PowerCutKind::kRandom, choices()};
    const auto disk = killed ? watch.disk.ProcessKill() : watch.disk.PowerCut(image.kind, image.seed);
    Recover(watch, *disk, choices, 3,
            "seed " + std::to_string(seed) + ", change " + std::to_string(change.number) + ", " +
                (killed ? "killed" : ToString(image)),
            tally);
  });
  const std::uint64_t favoured = random();
  for (int i = 0; i < kSteps; ++i) {
    const Kind kind = PickKind(random, favoured);
    if (!watch.Take(kind, MakeStep(kind, random))) return;
  }
  watch.disk.OnChange(nullptr);
}

/// Case n is a sequence: 1 .. 12 of one operation, then those of two, then those of three.
std::vector<Kind> SequenceOf(std::uint64_t n) {
  std::uint64_t length = 1, of_length = kKinds;
  for (--n; n >= of_length; ++length, of_length *= kKinds) n -= of_length;
  std::vector<Kind> kinds;
  for (std::uint64_t i = 0; i < length; ++i, n /= kKinds) kinds.push_back(static_cast<Kind>(n % kKinds));
  return kinds;
}

void Sequence(std::uint64_t n, Tally& tally) {
  Random random(n);
  Watch watch(Durability::kDurable, tally);
  if (!watch.Create()) return;
  for (const Kind kind : {Kind::kSeal, Kind::kDelete, Kind::kUpsert})
    if (!watch.Take(kind, MakeStep(kind, random))) return;
  std::string names;
  watch.disk.OnChange([&](const DiskChange& change) {
    for (const Image& image : {Image{PowerCutKind::kLoseUnsynced, 0}, Image{PowerCutKind::kKeepEverything, 0},
                               Image{PowerCutKind::kRandom, change.number}}) {
      const auto disk = watch.disk.PowerCut(image.kind, image.seed);
      tally.Count("images");
      watch.Check(*disk, image.power_lost(),
                  "sequence " + std::to_string(n) + " (" + names + "), change " +
                      std::to_string(change.number) + ", " + ToString(image));
    }
  });
  for (const Kind kind : SequenceOf(n)) {
    names += std::string(names.empty() ? "" : ", ") + NameOf(kind);
    if (!watch.Take(kind, MakeStep(kind, random))) break;
  }
  watch.disk.OnChange(nullptr);
  tally.Count("sequences");
}

template <class Case>
void ForEachCase(const Settings& settings, Tally& tally, Case run) {
  for (std::uint64_t i = 0; i < settings.count; ++i) run(settings.from + i, tally);
}

}  // namespace

void PowerCuts(const Settings& settings, Tally& tally) { ForEachCase(settings, tally, PowerLife); }
void CompoundCuts(const Settings& settings, Tally& tally) { ForEachCase(settings, tally, CompoundLife); }

void ShortSequences(const Settings& settings, Tally& tally) {
  constexpr std::uint64_t kAll = kKinds + kKinds * kKinds + kKinds * kKinds * kKinds;
  for (std::uint64_t n = settings.from; n < settings.from + settings.count && n <= kAll; ++n)
    Sequence(n, tally);
}

}  // namespace reliability
