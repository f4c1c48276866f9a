// cocoindex/memo/state.h: arguments that are checked again before a memo counts (a file: same key, new
// content).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/memo/kind.h"

namespace cocoindex::inline v0 {

struct MemoStateOutcome {
  std::string state;   ///< kept with the memo; its own form
  bool valid = false;  ///< what was remembered under the previous state still holds
};

/// A type joins in by a function beside it:
///   MemoStateOutcome coco_memo_state(const File& f, std::optional<std::string_view> previous);
/// `previous` is nothing the first time. When it says valid with another state, the new state is kept and the
/// function is not run. May throw: that ends the component.
template <class T>
concept has_memo_state = requires(const T& v, std::optional<std::string_view> previous) {
  { coco_memo_state(v, previous) } -> std::same_as<MemoStateOutcome>;
};

/// Of all arguments of a call, those inside containers and records included, in order.
struct MemoStates {
  std::vector<std::string> states;
  bool valid = true;     ///< all of them; false when there was nothing to compare with
  bool changed = false;  ///< some state differs: keep `states`
};

namespace memo_detail {

template <class T, class F>
void VisitStates(const T& v, F& fn);

template <class T, class F>
void VisitParts(const T& v, F& fn) {
  constexpr Kind kind = KindOf<T>();
  if constexpr (kind == Kind::kAnnotated) {
    VisitStates(unannotated(v), fn);
  } else if constexpr (kind == Kind::kOptional) {
    if (v) VisitStates(*v, fn);
  } else if constexpr (kind == Kind::kTuple) {
    std::apply([&](const auto&... element) { (VisitStates(element, fn), ...); }, v);
  } else if constexpr (kind == Kind::kVariant) {
    if (!v.valueless_by_exception()) std::visit([&](const auto& x) { VisitStates(x, fn); }, v);
  } else if constexpr (kind == Kind::kMap || kind == Kind::kSet || kind == Kind::kArray ||
                       kind == Kind::kSequence) {
    if constexpr (ScalarKind<typename T::value_type>() == Kind::kUnknown) {
      static_assert(
          !Unordered<T> || !has_memo_state<typename T::value_type>,
          "memo states in an unordered container have no order: use std::map, std::set or a vector");
      for (const auto& element : v) VisitStates(element, fn);
    }
  } else if constexpr (kind == Kind::kRecord) {
    reflect::for_each_field(v, [&](std::string_view, const auto& field) { VisitStates(field, fn); });
  }
}

template <class T, class F>
void VisitStates(const T& v, F& fn) {
  if constexpr (has_memo_state<T>) {
    fn([&](std::optional<std::string_view> previous) { return coco_memo_state(v, previous); });
  } else if constexpr (!requires { coco_memo_key(v); }) {  // a type with a key of its own hides its parts
    VisitParts(v, fn);
  }
}

}  // namespace memo_detail

template <class... Args>
std::size_t count_memo_states(const Args&... args) {
  std::size_t count = 0;
  [[maybe_unused]] auto add = [&count](const auto&) { ++count; };
  (memo_detail::VisitStates(args, add), ...);
  return count;
}

/// Asks every argument that has a state. `previous`: what was stored with the memo, or null; another number
/// of states counts as none.
template <class... Args>
MemoStates collect_memo_states(const std::vector<std::string>* previous, const Args&... args) {
  MemoStates out;
  const std::size_t count = count_memo_states(args...);
  const bool comparable = previous != nullptr && previous->size() == count;
  out.valid = count == 0 || comparable;
  [[maybe_unused]] auto ask = [&](const auto& state_of) {
    const std::string* before = comparable ? &(*previous)[out.states.size()] : nullptr;
    MemoStateOutcome outcome = state_of(before ? std::optional<std::string_view>(*before) : std::nullopt);
    out.valid = out.valid && outcome.valid;
    out.changed = out.changed || before == nullptr || *before != outcome.state;
    out.states.push_back(std::move(outcome.state));
  };
  (memo_detail::VisitStates(args, ask), ...);
  return out;
}

}  // namespace cocoindex::inline v0
