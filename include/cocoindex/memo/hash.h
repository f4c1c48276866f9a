// cocoindex/memo/hash.h: any value into a memo key.
#pragma once

#include <span>
#include <vector>

#include "cocoindex/fingerprint.h"
#include "cocoindex/memo/kind.h"

namespace cocoindex::inline v0 {
namespace memo_detail {

template <class T>
concept HasMemoKey = requires(const T& v) {
  coco_memo_key(v);
  requires !std::is_void_v<decltype(coco_memo_key(v))>;
};

template <class T>
concept FloatVector = Packed<T> && std::same_as<typename T::value_type, float>;

template <class T>
struct HashLeaf {
  static constexpr bool kSettled = HasMemoKey<T>;
  static constexpr bool kAnswer = true;
};

}  // namespace memo_detail

/// What memo_hash accepts.
template <class T>
concept memo_hashable = memo_detail::All<memo_detail::HashLeaf, std::remove_cvref_t<T>>();

/// Adds `value` to a key. Accepted: bool, integers, enums, float and double, text, Bytes, the types of key.h,
/// path-like types (std::filesystem::path), chrono durations, time points, dates and hh_mm_ss, optional,
/// pair, tuple, variant, sequences, maps and sets, and records (reflect.h) of these. Any other type, or one
/// whose fields are not its identity, says what stands for it:
///   std::string coco_memo_key(const File& f) { return f.path; }      beside the type; may return anything
///   hashable
/// Equal values give equal keys in every process and with every compiler; the order of an unordered container
/// is no part of its value.
template <class T>
void memo_hash(Hasher& h, const T& value);

/// The key of a call: a name that is unique in the program, and the arguments.
template <class... Args>
Fingerprint memo_key_of(std::string_view function, const Args&... args) {
  Hasher h;
  h.begin().tag("call").text(function);
  (memo_hash(h, args), ...);
  return h.end().finish();
}

namespace memo_detail {

template <class T>
void HashRange(Hasher& h, const T& range) {
  h.begin();
  if constexpr (Unordered<T>) {
    std::vector<Fingerprint> elements;
    for (const auto& element : range) {
      Hasher one;
      memo_hash(one, element);
      elements.push_back(one.finish());
    }
    sort_fingerprints(elements);
    for (const Fingerprint& element : elements) h.fingerprint(element);
  } else {
    for (auto&& element : range) memo_hash(h, static_cast<const typename T::value_type&>(element));
  }
  h.end();
}

template <class T>
void HashScalar(Hasher& h, const T& v) {
  constexpr Kind kind = KindOf<T>();
  if constexpr (kind == Kind::kUnit) {
    h.null();
  } else if constexpr (kind == Kind::kBool) {
    h.boolean(v);
  } else if constexpr (kind == Kind::kInteger && std::is_unsigned_v<T>) {
    h.unsigned_integer(v);
  } else if constexpr (kind == Kind::kInteger) {
    h.integer(v);
  } else if constexpr (kind == Kind::kEnum) {
    HashScalar(h, static_cast<std::underlying_type_t<T>>(v));
  } else if constexpr (kind == Kind::kReal) {
    h.real(static_cast<double>(static_cast<std::conditional_t<std::same_as<T, double>, double, float>>(v)));
  } else if constexpr (kind == Kind::kText && std::is_pointer_v<T>) {
    v == nullptr ? h.null() : h.text(v);
  } else if constexpr (kind == Kind::kText) {
    h.text(v);
  } else if constexpr (kind == Kind::kBytes) {
    h.bytes({reinterpret_cast<const char*>(v.data()), v.size()});
  } else if constexpr (kind == Kind::kKey || kind == Kind::kUuid) {
    h.key(v);
  } else if constexpr (kind == Kind::kPath) {
    h.begin().tag("path");
    for (const StableKey& key : v.keys()) h.key(key);
    h.end();
  } else if constexpr (kind == Kind::kFingerprint) {
    h.fingerprint(v);
  } else if constexpr (kind == Kind::kPathLike) {
    h.text(v.native());
  } else if constexpr (kind == Kind::kDuration) {
    h.begin().tag("duration").integer(T::period::num).integer(T::period::den);
    HashScalar(h, v.count());
    h.end();
  } else if constexpr (kind == Kind::kTimePoint) {
    h.begin().tag("time").tag(NameOf<typename T::clock>());
    HashScalar(h, v.time_since_epoch());
    h.end();
  } else if constexpr (kind == Kind::kDate) {
    h.begin().tag("date").integer(DateNumber(v)).end();
  } else if constexpr (kind == Kind::kTimeOfDay) {
    h.begin().tag("time of day");
    HashScalar(h, v.to_duration());
    h.end();
  }
}

}  // namespace memo_detail

template <class T>
void memo_hash(Hasher& h, const T& v) {
  using memo_detail::Kind;
  static_assert(memo_hashable<T>,
                "this type cannot be part of a memo key: write coco_memo_key(x) beside the type, which "
                "returns what stands for "
                "it, or list its fields with COCO_DESCRIBE");
  constexpr Kind kind = memo_detail::KindOf<T>();
  if constexpr (memo_detail::HasMemoKey<T>) {
    h.begin().tag("key").tag(memo_detail::NameOf<T>());
    memo_hash(h, coco_memo_key(v));
    h.end();
  } else if constexpr (kind == Kind::kAnnotated) {
    memo_hash(h, unannotated(v));
  } else if constexpr (kind == Kind::kOptional) {
    if (!v) {
      h.null();
    } else {
      h.begin();
      memo_hash(h, *v);
      h.end();
    }
  } else if constexpr (kind == Kind::kTuple) {
    h.begin();
    std::apply([&](const auto&... element) { (memo_hash(h, element), ...); }, v);
    h.end();
  } else if constexpr (kind == Kind::kVariant) {
    h.begin().unsigned_integer(v.index());
    if (!v.valueless_by_exception()) std::visit([&](const auto& x) { memo_hash(h, x); }, v);
    h.end();
  } else if constexpr (memo_detail::FloatVector<T>) {
    h.floats(std::span<const float>(v.data(), v.size()));
  } else if constexpr (kind == Kind::kMap || kind == Kind::kSet || kind == Kind::kArray ||
                       kind == Kind::kSequence) {
    memo_detail::HashRange(h, v);
  } else if constexpr (kind == Kind::kRecord) {
    h.begin().tag(memo_detail::NameOf<T>());
    reflect::for_each_field(v, [&](std::string_view name, const auto& field) {
      h.tag(name);
      memo_hash(h, field);
    });
    h.end();
  } else {
    memo_detail::HashScalar(h, v);
  }
}

}  // namespace cocoindex::inline v0
