// Optimize: seal, then in the calling thread and without the write lock what maintenance does beside the
// writers, until as few segments are left as the limits allow, none with a deleted row, all with their
// graphs.
#include <algorithm>
#include <thread>

#include "base/array.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/rewrite.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

namespace {

/// Fewer rows are linked before threads have started; nor are they worth looking at all that the process has
/// freed (0.1 s for a heap of 500 MB of which every other piece of 1,000 bytes is free, 0.4 for 100 bytes).
constexpr std::uint64_t kRowsForThreads = 2'000;

std::size_t ThreadsFor(std::uint32_t concurrency) {
  return concurrency != 0 ? std::min(concurrency, kMostThreads)
                          : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Status Store::Optimize(std::uint32_t concurrency) {
  Status status;
  bool ran = false;
  {
    MutexLock one(optimize_mu_);
    const Background::Quiet quiet(linker_);
    ran = merger_.Run([&](const cocozvec::Cancel& cancel) {
      status = Compact(concurrency, cancel);
      // Nobody but Close cancels it. What is done stays done.
      if (status.code() == StatusCode::kCancelled && cancel.raised()) status = ClosedMeanwhile();
    });
  }
  WakeMaintenance();  // kInline: what writers left to be done meanwhile was put off
  return ran ? status : ClosedMeanwhile();
}

Status Store::ClosedMeanwhile() const { return Status::Closed("collection " + directory_ + " is closed"); }

Status Store::Compact(std::uint32_t concurrency, const cocozvec::Cancel& cancel) {
  Mine mine;  // what writers seal from here on is none of it
  std::uint64_t rows = 0;
  const std::uint64_t before = Generation();
  {
    MutexLock lock(write_mu_);
    ZVEC_RETURN_IF_ERROR(CheckWritable());
    if (pinned_left_) RemoveUnnamed();
    {
      cocozvec::WriterLock state(state_mu_);
      unlinkable_.clear();
      unmergeable_.clear();
      ++unmergeable_changes_;
    }
    ZVEC_RETURN_IF_ERROR(Settle());
    ZVEC_RETURN_IF_ERROR(SealIfChanged());
    const auto version = Snapshot();
    for (const auto& view : version->sealed) {
      mine.segments.insert(view->segment()->file().number);
      rows += view->row_count();
    }
  }
  std::unique_ptr<cocozvec::ThreadPool> pool;
  if (rows >= kRowsForThreads && ThreadsFor(concurrency) > 1)
    pool = std::make_unique<cocozvec::ThreadPool>(ThreadsFor(concurrency) - 1);
  const BuildHelp help{pool.get(), &cancel};
  Status unread;  // why the first segment that cannot be read stays as it is: the others shall not
  for (bool more = true; more;) {
    const Status status = MergeOnce(MergeGoal::kCompact, help, &mine, &more);
    if (!status.ok() && !more) return status;
    if (unread.ok()) unread = status;
    merger_.Progress();  // a writer may have waited for the room
  }
  const struct Linking {
    std::atomic<bool>& now;
    ~Linking() { now = false; }
  } linking{optimize_links_};
  linking.now = true;
  merger_.Progress();  // from here on there is no more room to wait for
  for (const LinkWish& wish : LinkWishes(mine.segments)) {
    bool aside = false;
    const Status status = LinkSegment(help, &wish, &aside);
    // Deleted meanwhile, the segment needs no graph any more.
    if (status.code() == StatusCode::kCancelled && !cancel.raised()) continue;
    if (!status.ok() && !aside) return status;
    if (unread.ok()) unread = status;
  }
  segments_paused_ = tail_paused_ = merges_paused_ = false;
  merge_failures_ = seals_to_wait_ = 0;
  SettleMaintenance(unread, nullptr);
  pool.reset();
  // What writers and builds took in small pieces lies between what lives: some 5 MiB after 100,000 rows.
  if (rows >= kRowsForThreads && Generation() != before) cocozvec::GiveBackFreed();
  MutexLock lock(write_mu_);
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  ZVEC_RETURN_IF_ERROR(ForgetOlderGeneration());
  return unread;
}

Status Store::SealIfChanged() {
  const auto version = Snapshot();
  bool changed = version->tail->row_count() != 0;
  for (const auto& view : version->sealed) {
    const auto known = persisted_dead_.find(view->segment()->file().number);
    changed |= view->dead_count() != (known == persisted_dead_.end() ? 0 : known->second);
  }
  return changed ? Seal() : Status();
}

std::vector<Store::LinkWish> Store::LinkWishes(const std::set<std::uint64_t>& segments) const {
  std::vector<LinkWish> wishes;
  const auto version = Snapshot();  // for as long as its graphs are read: writers go on
  for (const auto& view : version->sealed) {
    LinkWish wish{view->segment()->file().number, {}};
    if (!segments.contains(wish.segment)) continue;
    for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
      const hnsw::Graph* graph = view->Graph(f);
      const Status sound = graph != nullptr ? graph->Verify() : Status();
      if (!sound.ok())
        cocozvec::Log(cocozvec::LogLevel::kWarning,
                      "a damaged or unreadable graph is built anew: " + sound.ToString());
      if (!sound.ok() || LacksGraph(*view, f)) wish.fields.push_back(f);
    }
    if (!wish.fields.empty()) wishes.push_back(std::move(wish));
  }
  return wishes;
}

}  // namespace zvec::inline v0
