#include "zvec/collection/merge_policy.h"

#include <algorithm>
#include <bit>

namespace zvec::inline v0 {

namespace {

/// `bytes` times `part` over `of`. Exact while rows are fewer than 2^32, which those of a segment are.
std::uint64_t Share(std::uint64_t bytes, std::uint64_t part, std::uint64_t of) {
  if (of == 0) return 0;
  if (part >= of) return bytes;
  return bytes / of * part + bytes % of * part / of;
}

/// Segments of one tier differ in their live rows by less than a factor of four.
unsigned TierOf(const SegmentShape& segment) {
  return static_cast<unsigned>(std::bit_width(std::max<std::uint64_t>(segment.live(), 1)) - 1) / 2;
}

/// Two such fit into one.
bool IsSmall(const SegmentShape& segment, const MergeLimits& limits) {
  return segment.live() <= limits.most_rows / 2 && segment.live_bytes() <= limits.most_bytes / 2 &&
         segment.live_list_bytes() <= limits.most_list_bytes / 2;
}

/// As many of the places as one segment can hold, if these are two at least.
std::vector<std::size_t> ThatFit(std::span<const SegmentShape> segments, std::span<const std::size_t> places,
                                 const MergeLimits& limits) {
  std::vector<std::size_t> chosen;
  std::uint64_t rows = 0, bytes = 0, list_bytes = 0;
  for (const std::size_t place : places) {
    const SegmentShape& segment = segments[place];
    if (segment.live() > limits.most_rows - rows || segment.live_bytes() > limits.most_bytes - bytes ||
        segment.live_list_bytes() > limits.most_list_bytes - list_bytes)
      break;
    rows += segment.live();
    bytes += segment.live_bytes();
    list_bytes += segment.live_list_bytes();
    chosen.push_back(place);
  }
  if (chosen.size() < 2) chosen.clear();
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// Of neighbours by size, those whose merge writes the fewest rows for each that comes into a larger segment;
/// of equals the most.
std::vector<std::size_t> CheapestRun(std::span<const SegmentShape> segments,
                                     std::span<const std::size_t> by_size, const MergeLimits& limits) {
  std::vector<std::size_t> cheapest;
  double least = 0;
  for (std::size_t begin = 0; begin + 1 < by_size.size(); ++begin) {
    double moved = static_cast<double>(segments[by_size[begin]].live());
    for (std::size_t end = begin + 2; end <= by_size.size(); ++end) {
      const auto largest = static_cast<double>(segments[by_size[end - 1]].live());
      const auto run = ThatFit(segments, by_size.subspan(begin, end - begin), limits);
      if (run.size() != end - begin) break;
      const double cost = (moved + largest) / std::max(moved, 1.0);
      moved += largest;
      if (!cheapest.empty() && (cost > least || (cost == least && run.size() <= cheapest.size()))) continue;
      least = cost;
      cheapest = run;
    }
  }
  return cheapest;
}

std::uint64_t WasteOf(const SegmentShape& segment) {
  return Share(segment.bytes, segment.dead, segment.rows);
}

/// Beside the writers.
bool IsWasteful(const SegmentShape& segment, const MergeLimits& limits) {
  if (segment.dead == 0) return false;
  return segment.live() == 0 ||
         (segment.dead >= (segment.rows + 4) / 5 && WasteOf(segment) >= limits.least_waste_bytes);
}

/// The segment with the most bytes of deleted rows among those that are worth it.
std::vector<std::size_t> ChooseRewrite(std::span<const SegmentShape> segments, const MergeLimits& limits,
                                       MergeGoal goal) {
  std::vector<std::size_t> chosen;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const SegmentShape& segment = segments[i];
    if (!segment.ready || segment.dead == 0) continue;
    const std::uint64_t waste = WasteOf(segment);
    if (goal == MergeGoal::kGood && !IsWasteful(segment, limits)) continue;
    if (!chosen.empty() && (waste < most || (waste == most && segment.number > segments[chosen[0]].number)))
      continue;
    chosen.assign(1, i);
    most = waste;
  }
  return chosen;
}

}  // namespace

std::uint64_t SegmentShape::live_bytes() const noexcept { return Share(bytes, live(), rows); }
std::uint64_t SegmentShape::live_list_bytes() const noexcept { return Share(list_bytes, live(), rows); }

std::uint64_t MarkOf(const SegmentShape& segment, const MergeLimits& limits) {
  // Each part only grows while rows die.
  return std::uint64_t{IsWasteful(segment, limits)} + IsSmall(segment, limits) + (64 - TierOf(segment));
}

std::vector<std::size_t> ChooseMerge(std::span<const SegmentShape> segments, const MergeLimits& limits,
                                     MergeGoal goal) {
  std::vector<std::size_t> small;  // by live rows
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (segments[i].ready && IsSmall(segments[i], limits)) small.push_back(i);
  std::sort(small.begin(), small.end(), [&](std::size_t a, std::size_t b) {
    const std::uint64_t x = segments[a].live(), y = segments[b].live();
    return x != y ? x < y : segments[a].number < segments[b].number;
  });
  if (goal == MergeGoal::kCompact) {
    auto chosen = ThatFit(segments, small, limits);
    return chosen.empty() ? ChooseRewrite(segments, limits, goal) : chosen;
  }
  for (std::size_t begin = 0; begin < small.size();) {
    std::size_t end = begin;
    while (end < small.size() && TierOf(segments[small[end]]) == TierOf(segments[small[begin]])) ++end;
    if (end - begin >= kMergeWidth)
      return ThatFit(segments, std::span(small).subspan(begin, end - begin), limits);
    begin = end;
  }
  if (small.size() > kMostSmallSegments) return CheapestRun(segments, small, limits);
  return ChooseRewrite(segments, limits, goal);
}

}  // namespace zvec::inline v0
