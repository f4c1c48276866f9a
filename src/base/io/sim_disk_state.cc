#include "base/io/sim_disk_state.h"

#include <algorithm>
#include <atomic>
#include <random>

namespace cocozvec::inline v0 {
namespace {

constexpr std::uint64_t kSector = 512;

using Names = std::map<std::string, SimNodePtr, std::less<>>;

std::uint64_t NextDevice() {
  static std::atomic<std::uint64_t> next{std::uint64_t{1} << 32};  // far from the numbers of real devices
  return next.fetch_add(1, std::memory_order_relaxed);
}

void ApplyTo(std::string& content, const PendingWrite& write, std::size_t length) {
  if (write.truncate) {
    content.resize(write.offset, '\0');
    return;
  }
  if (length == 0) return;
  if (content.size() < write.offset + length) content.resize(write.offset + length, '\0');
  content.replace(write.offset, length, write.data, 0, length);
}

/// The sectors that differ, or may differ, between before and after the write.
std::pair<std::uint64_t, std::uint64_t> SectorsOf(const PendingWrite& write, std::uint64_t size_before) {
  const std::uint64_t first = write.truncate ? std::min(write.offset, size_before) : write.offset;
  const std::uint64_t last =
      write.truncate ? std::max(write.offset, size_before) : write.offset + write.data.size();
  return {first / kSector, (last + kSector - 1) / kSector};
}

void CopySector(const std::string& from, std::string& to, std::uint64_t sector) {
  const std::uint64_t start = sector * kSector;
  for (std::uint64_t i = start; i < std::min<std::uint64_t>(start + kSector, to.size()); ++i) {
    to[i] = i < from.size() ? from[i] : '\0';
  }
}

void ApplyTo(const PendingName& change, Names* from, Names* to) {
  if (from != nullptr) {
    auto it = from->find(change.from);
    if (it != from->end() && it->second == change.node) from->erase(it);
  }
  if (to == nullptr) return;
  // A renamed node has one name, also when an earlier rename of it was lost.
  for (Names* names : {from, to}) {
    if (names != nullptr && !change.node->linked)
      std::erase_if(*names, [&](const auto& entry) { return entry.second == change.node; });
  }
  (*to)[change.to] = change.node;
}

/// Builds one disk that a power cut may leave.
class Cut {
 public:
  Cut(PowerCutKind kind, std::uint64_t seed) : kind_(kind), seed_(seed), random_(seed) {}

  void DecideNames(const std::vector<PendingName>& names) {
    for (std::uint64_t i = 0; i < names.size(); ++i) {
      if (!Keep(i)) continue;
      const PendingName& change = names[i];
      ApplyTo(change, change.from_directory ? &NamesOf(*change.from_directory) : nullptr,
              change.to_directory ? &NamesOf(*change.to_directory) : nullptr);
    }
  }

  /// The entries of a directory in the picture; starts as the durable ones.
  Names& NamesOf(const SimNode& directory) {
    return names_.try_emplace(&directory, directory.durable_entries).first->second;
  }

  void FindLastWrite(const SimNode& node) {
    if (!seen_.insert(&node).second) return;
    for (const PendingWrite& write : node.pending) {
      if (!write.truncate) last_write_ = std::max(last_write_, write.sequence);
    }
    if (node.kind != FileKind::kDirectory) return;
    for (const auto& [name, child] : NamesOf(node)) FindLastWrite(*child);
  }

  std::string ContentOf(const SimNode& file) {
    if (kind_ == PowerCutKind::kKeepEverything || kind_ == PowerCutKind::kAllButOneName) return file.current;
    if (kind_ == PowerCutKind::kLoseUnsynced || kind_ == PowerCutKind::kOneName || file.pending.empty())
      return file.durable;
    if (kind_ == PowerCutKind::kRandom) {
      switch (Random(4)) {
        case 0:
          return file.durable;
        case 1:
          return ContentAtTheEnd(file);
        default:
          return MixedContent(file);
      }
    }
    return ContentAtTheEnd(file);
  }

 private:
  std::uint64_t Random(std::uint64_t below) { return random_() % below; }

  bool Keep(std::uint64_t name) {
    if (kind_ == PowerCutKind::kLoseUnsynced) return false;
    if (kind_ == PowerCutKind::kOneName) return name == seed_;
    if (kind_ == PowerCutKind::kAllButOneName) return name != seed_;
    return kind_ != PowerCutKind::kRandom || Random(2) == 0;
  }

  std::string ContentAtTheEnd(const SimNode& file) {
    std::string content = file.durable;
    for (const PendingWrite& write : file.pending) {
      std::size_t length = write.data.size();
      const bool torn = kind_ == PowerCutKind::kTearLastWrite && write.sequence == last_write_ && length != 0;
      ApplyTo(content, write, torn ? Random(length) : length);
    }
    return content;
  }

  /// Moment k of a file is after its first k pending writes.
  std::size_t Moment(std::size_t writes) {
    switch (Random(3)) {
      case 0:
        return 0;
      case 1:
        return writes;
      default:
        return static_cast<std::size_t>(Random(writes + 1));
    }
  }

  /// The size as of one moment, each sector as of its own.
  std::string MixedContent(const SimNode& file) {
    const std::size_t writes = file.pending.size();
    const std::size_t size_moment = Moment(writes);
    std::map<std::uint64_t, std::size_t> moments;
    std::uint64_t final_size = file.durable.size(), size = file.durable.size();
    for (std::size_t i = 0; i < writes; ++i) {
      const PendingWrite& write = file.pending[i];
      const auto [first, last] = SectorsOf(write, size);
      for (std::uint64_t sector = first; sector < last; ++sector) moments.try_emplace(sector, 0);
      size = write.truncate ? write.offset : std::max(size, write.offset + write.data.size());
      if (i + 1 == size_moment) final_size = size;
    }
    std::vector<std::vector<std::uint64_t>> at(writes + 1);
    for (auto& [sector, moment] : moments) at[moment = Moment(writes)].push_back(sector);

    std::string now = file.durable, result = file.durable;
    result.resize(final_size, '\0');
    for (std::size_t i = 0; i < writes; ++i) {
      ApplyTo(now, file.pending[i], file.pending[i].data.size());
      for (std::uint64_t sector : at[i + 1]) CopySector(now, result, sector);
    }
    return result;
  }

  const PowerCutKind kind_;
  const std::uint64_t seed_;
  std::mt19937_64 random_;
  std::map<const SimNode*, Names> names_;
  std::set<const SimNode*> seen_;
  std::uint64_t last_write_ = 0;
};

/// A copy of the picture with everything durable. `copies`: a node that has two names stays one node.
SimNodePtr CopyTree(SimDisk::State& to, const SimNode& node, Cut& cut,
                    std::map<const SimNode*, SimNodePtr>& copies) ZVEC_REQUIRES(to.mu) {
  SimNodePtr& known = copies[&node];
  if (known) return known;
  SimNodePtr copy = known = to.NewNode(node.kind);
  copy->linked = node.linked;
  if (node.kind == FileKind::kFile) {
    copy->durable = copy->current = cut.ContentOf(node);
    return copy;
  }
  for (const auto& [name, child] : cut.NamesOf(node)) copy->entries[name] = CopyTree(to, *child, cut, copies);
  copy->durable_entries = copy->entries;
  return copy;
}

/// Copies of nodes with all that is pending on them; one copy of each.
class Clone {
 public:
  SimNodePtr Of(SimDisk::State& to, const SimNodePtr& node) ZVEC_REQUIRES(to.mu) {
    if (!node) return nullptr;
    SimNodePtr& known = copies_[node.get()];
    if (known) return known;
    SimNodePtr copy = known = to.NewNode(node->kind);
    copy->current = node->current;
    copy->durable = node->durable;
    copy->pending = node->pending;
    copy->forgotten = node->forgotten;
    copy->linked = node->linked;
    for (const auto& [name, child] : node->entries) copy->entries[name] = Of(to, child);
    for (const auto& [name, child] : node->durable_entries) copy->durable_entries[name] = Of(to, child);
    return copy;
  }

 private:
  std::map<const SimNode*, SimNodePtr> copies_;
};

}  // namespace

SimDisk::State::State() : device(NextDevice()) {
  MutexLock lock(mu);
  root = NewNode(FileKind::kDirectory);
}

SimNodePtr SimDisk::State::NewNode(FileKind kind) {
  auto node = std::make_shared<SimNode>();
  node->id = next_id++;
  node->kind = kind;
  return node;
}

void SimDisk::State::SyncFile(SimNode& file) {
  std::string content = file.current;
  for (std::uint64_t sector : file.forgotten) CopySector(file.durable, content, sector);
  file.durable = std::move(content);
  file.pending.clear();
}

void SimDisk::State::ForgetUnsynced(SimNode& file) {
  std::uint64_t size = file.durable.size();
  for (const PendingWrite& write : file.pending) {
    const auto [first, last] = SectorsOf(write, size);
    for (std::uint64_t sector = first; sector < last; ++sector) file.forgotten.insert(sector);
    size = write.truncate ? write.offset : std::max(size, write.offset + write.data.size());
  }
}

void SimDisk::State::SyncNames(const SimNodePtr& directory) {
  // A rename between two directories is one step of the journal, and so is what came before it in the other
  // one.
  std::set<SimNodePtr> synced = {directory};
  for (std::size_t before = 0; before != synced.size();) {
    before = synced.size();
    for (const PendingName& change : names) {
      if (!change.from_directory || !change.to_directory) continue;
      if (synced.contains(change.from_directory)) synced.insert(change.to_directory);
      if (synced.contains(change.to_directory)) synced.insert(change.from_directory);
    }
  }
  for (const SimNodePtr& each : synced) {
    each->durable_entries = each->entries;
    std::erase_if(names, [&](const PendingName& change) { return change.Touches(each.get()); });
  }
}

void SimDisk::State::Apply(SimNode& file, PendingWrite write) {
  const auto [first, last] = SectorsOf(write, file.current.size());
  file.forgotten.erase(file.forgotten.lower_bound(first), file.forgotten.lower_bound(last));
  ApplyTo(file.current, write, write.data.size());
  write.sequence = next_sequence++;
  file.pending.push_back(std::move(write));
}

void SimDisk::State::Apply(PendingName change) {
  ApplyTo(change, change.from_directory ? &change.from_directory->entries : nullptr,
          change.to_directory ? &change.to_directory->entries : nullptr);
  names.push_back(std::move(change));
}

std::shared_ptr<SimDisk::State> SimDisk::State::PowerCut(PowerCutKind kind, std::uint64_t seed) const {
  auto after = std::make_shared<State>();
  MutexLock lock(after->mu);
  Cut cut(kind, seed);
  cut.DecideNames(names);
  cut.FindLastWrite(*root);
  std::map<const SimNode*, SimNodePtr> copies;
  after->root = CopyTree(*after, *root, cut, copies);
  return after;
}

std::shared_ptr<SimDisk::State> SimDisk::State::ProcessKill() const {
  auto after = std::make_shared<State>();
  MutexLock lock(after->mu);
  Clone clone;
  after->root = clone.Of(*after, root);
  for (const PendingName& change : names) {
    after->names.push_back({clone.Of(*after, change.from_directory), clone.Of(*after, change.to_directory),
                            change.from, change.to, clone.Of(*after, change.node)});
  }
  after->next_sequence = next_sequence;
  return after;
}

}  // namespace cocozvec::inline v0
