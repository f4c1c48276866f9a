#include <algorithm>

#include "cocoindex/target_state.h"

namespace cocoindex::inline v0 {

DiffAction diff(const std::string_view* desired, std::span<const std::string_view> previous,
                bool may_be_missing) {
  if (!desired) return previous.empty() ? DiffAction::none : DiffAction::remove;
  const bool all_equal =
      std::all_of(previous.begin(), previous.end(), [&](std::string_view p) { return p == *desired; });
  if (!all_equal) return DiffAction::replace;
  if (!may_be_missing) return DiffAction::none;
  return previous.empty() ? DiffAction::insert : DiffAction::upsert;
}

}  // namespace cocoindex::inline v0
