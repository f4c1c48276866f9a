// cocoindex/memo/codec_impl.h: the templates behind codec.h. The form: docs/format/state.md, "Values".
#pragma once

#include <limits>

#include "cocoindex/memo/codec.h"

namespace cocoindex::inline v0 {
namespace memo_detail {

constexpr std::size_t kReserveAtMost = 4096;  // elements, before any of them was read

template <class T>
T FromRaw(std::string_view raw) {
  T value;
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}
template <class T>
void PutRaw(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
void EncodeScalar(std::string& out, const T& v) {
  constexpr Kind kind = KindOf<T>();
  if constexpr (kind == Kind::kUnit) {
    out.push_back('\0');  // so that each element of a sequence takes a byte
  } else if constexpr (kind == Kind::kBool) {
    out.push_back(v ? '\1' : '\0');
  } else if constexpr (kind == Kind::kInteger && std::is_unsigned_v<T>) {
    PutVarint(out, v);
  } else if constexpr (kind == Kind::kInteger) {
    PutInteger(out, v);
  } else if constexpr (kind == Kind::kEnum) {
    EncodeScalar(out, static_cast<std::underlying_type_t<T>>(v));
  } else if constexpr (kind == Kind::kReal) {
    PutRaw(out, static_cast<std::conditional_t<std::same_as<T, double>, double, float>>(v));
  } else if constexpr (kind == Kind::kText) {
    PutBytes(out, v);
  } else if constexpr (kind == Kind::kBytes) {
    PutBytes(out, {reinterpret_cast<const char*>(v.data()), v.size()});
  } else if constexpr (kind == Kind::kKey) {
    encode_key(v, out);
  } else if constexpr (kind == Kind::kPath) {
    PutVarint(out, v.keys().size());
    for (const StableKey& key : v.keys()) encode_key(key, out);
  } else if constexpr (kind == Kind::kFingerprint || kind == Kind::kUuid) {
    PutRaw(out, v.bytes);
  } else if constexpr (kind == Kind::kPathLike) {
    PutBytes(out, v.native());
  } else if constexpr (kind == Kind::kDuration) {
    EncodeScalar(out, v.count());
  } else if constexpr (kind == Kind::kTimePoint) {
    EncodeScalar(out, v.time_since_epoch());
  } else if constexpr (kind == Kind::kDate) {
    PutInteger(out, DateNumber(v));
  } else if constexpr (kind == Kind::kTimeOfDay) {
    EncodeScalar(out, v.to_duration());
  }
}

template <class T>
T DecodeInteger(Decoder& d) {
  if constexpr (std::is_unsigned_v<T>) {
    const std::uint64_t v = d.varint();
    if (v > std::numeric_limits<T>::max()) Decoder::fail("integer out of range");
    return static_cast<T>(v);
  } else {
    const std::int64_t v = d.integer();
    if (v < static_cast<std::int64_t>(std::numeric_limits<T>::min()) ||
        v > static_cast<std::int64_t>(std::numeric_limits<T>::max())) {
      Decoder::fail("integer out of range");
    }
    return static_cast<T>(v);
  }
}

template <class T>
T DecodeScalar(Decoder& d) {
  constexpr Kind kind = KindOf<T>();
  if constexpr (kind == Kind::kUnit) {
    d.raw(1);
    return T{};
  } else if constexpr (kind == Kind::kBool) {
    return d.raw(1)[0] != '\0';
  } else if constexpr (kind == Kind::kInteger) {
    return DecodeInteger<T>(d);
  } else if constexpr (kind == Kind::kEnum) {
    return static_cast<T>(DecodeScalar<std::underlying_type_t<T>>(d));
  } else if constexpr (kind == Kind::kReal) {
    using Stored = std::conditional_t<std::same_as<T, double>, double, float>;
    return static_cast<T>(FromRaw<Stored>(d.raw(sizeof(Stored))));
  } else if constexpr (kind == Kind::kText || kind == Kind::kPathLike) {
    return T(std::string(d.bytes()));
  } else if constexpr (kind == Kind::kBytes) {
    const std::string_view raw = d.bytes();
    const auto* p = reinterpret_cast<const std::byte*>(raw.data());
    return Bytes(p, p + raw.size());
  } else if constexpr (kind == Kind::kKey) {
    return d.key();
  } else if constexpr (kind == Kind::kPath) {
    std::vector<StableKey> keys;
    for (std::uint64_t n = d.count(); n > 0; --n) keys.push_back(d.key());
    return StablePath(std::move(keys));
  } else if constexpr (kind == Kind::kFingerprint || kind == Kind::kUuid) {
    return T{FromRaw<decltype(T::bytes)>(d.raw(16))};
  } else if constexpr (kind == Kind::kDuration) {
    return T(DecodeScalar<typename T::rep>(d));
  } else if constexpr (kind == Kind::kTimePoint) {
    return T(DecodeScalar<typename T::duration>(d));
  } else if constexpr (kind == Kind::kDate) {
    const std::int64_t number = d.integer();
    if (number < -32768 * 65536 || number >= 32768 * std::int64_t{65536}) Decoder::fail("date out of range");
    const auto low = static_cast<unsigned>(number & 0xFFFF);
    return T{decltype(T().year())(static_cast<int>(number >> 16)), decltype(T().month())(low >> 8),
             decltype(T().day())(low & 255)};
  } else if constexpr (kind == Kind::kTimeOfDay) {
    return T{DecodeScalar<typename T::precision>(d)};
  }
}

template <class T>
void EncodeRange(std::string& out, const T& range) {
  if constexpr (Packed<T>) {
    if constexpr (!ArrayLike<T>) PutVarint(out, range.size());
    out.append(reinterpret_cast<const char*>(range.data()), range.size() * sizeof(typename T::value_type));
  } else {
    if constexpr (!ArrayLike<T>) {
      std::uint64_t count = 0;
      for (auto it = range.begin(); it != range.end(); ++it) ++count;
      PutVarint(out, count);
    }
    for (auto&& element : range) encode_value(out, static_cast<const typename T::value_type&>(element));
  }
}

template <class T>
T DecodePacked(Decoder& d) {
  using Element = typename T::value_type;
  T out{};
  if constexpr (!ArrayLike<T>) {
    const std::uint64_t count = d.varint();
    if (count > d.remaining() / sizeof(Element)) Decoder::fail("ends early");
    out.resize(count);
  }
  const std::string_view raw = d.raw(out.size() * sizeof(Element));
  if (!raw.empty()) std::memcpy(out.data(), raw.data(), raw.size());
  return out;
}

template <class T>
T DecodeRange(Decoder& d) {
  if constexpr (Packed<T>) {
    return DecodePacked<T>(d);
  } else if constexpr (ArrayLike<T>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{((void)I, decode_value<typename T::value_type>(d))...};
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    T out;
    const std::uint64_t count = d.count();
    if constexpr (requires { out.reserve(count); })
      out.reserve(count < kReserveAtMost ? count : kReserveAtMost);
    for (std::uint64_t i = 0; i < count; ++i) {
      if constexpr (MapLike<T>) {
        auto key = decode_value<typename T::key_type>(d);
        out.emplace(std::move(key), decode_value<typename T::mapped_type>(d));
      } else if constexpr (SetLike<T>) {
        out.insert(decode_value<typename T::value_type>(d));
      } else {
        out.push_back(decode_value<typename T::value_type>(d));
      }
    }
    return out;
  }
}

template <class T, std::size_t I>
using Field = std::remove_cv_t<reflect::field_type<T, I>>;

template <class T>
T DecodeRecord(Decoder& d) {
  if constexpr (reflect::field_count<T> == 0) {
    d.raw(1);
    return T{};
  } else if constexpr (reflect::Described<T>) {
    T out{};
    reflect::for_each_field(
        out, [&](std::string_view, auto& f) { f = decode_value<std::remove_cvref_t<decltype(f)>>(d); });
    return out;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{decode_value<Field<T, I>>(d)...};  // braces: evaluated from left to right
    }(std::make_index_sequence<reflect::field_count<T>>{});
  }
}

template <class T, std::size_t I = 0>
T DecodeVariant(Decoder& d, std::uint64_t index) {
  if constexpr (I == std::variant_size_v<T>) {
    Decoder::fail("unknown alternative");
  } else {
    if (index != I) return DecodeVariant<T, I + 1>(d, index);
    return T(std::in_place_index<I>, decode_value<std::variant_alternative_t<I, T>>(d));
  }
}

/// In words, for the mark: what the bytes depend on. A type inside itself is named by how far up it began.
template <class T, class... Seen>
void DescribeShape(std::string& out) {
  if constexpr (kAmong<T, Seen...>) {
    std::size_t up = 0;
    bool found = false;
    ((found = found || std::same_as<T, Seen>, up += found ? 0 : 1), ...);
    out.append("^").append(std::to_string(up));
  } else if constexpr (HasCodec<T>) {
    out.append("codec ").append(NameOf<T>());
  } else {
    constexpr Kind kind = KindOf<T>();
    out.push_back(static_cast<char>('A' + static_cast<int>(kind)));
    if constexpr (kind == Kind::kAnnotated) {
      out.pop_back();
      DescribeShape<unannotated_t<T>, Seen...>(out);
    } else if constexpr (kind == Kind::kInteger) {
      out.push_back(std::is_unsigned_v<T> ? 'u' : 'i');  // varints: the width does not matter
    } else if constexpr (kind == Kind::kEnum) {
      DescribeShape<std::underlying_type_t<T>, Seen...>(out);
    } else if constexpr (kind == Kind::kReal) {
      out.push_back(std::same_as<T, double> ? '8' : '4');
    } else if constexpr (kind == Kind::kDuration) {
      out.append(std::to_string(T::period::num)).append("/").append(std::to_string(T::period::den));
      DescribeShape<typename T::rep, Seen...>(out);
    } else if constexpr (kind == Kind::kTimePoint) {
      DescribeShape<typename T::duration, Seen...>(out);
    } else if constexpr (kind == Kind::kTimeOfDay) {
      DescribeShape<typename T::precision, Seen...>(out);
    } else if constexpr (kind == Kind::kOptional || kind == Kind::kSet || kind == Kind::kArray ||
                         kind == Kind::kSequence) {
      if constexpr (kind == Kind::kArray) out.append(std::to_string(std::tuple_size_v<T>));
      if constexpr (Packed<T>) out.append("packed").append(std::to_string(sizeof(typename T::value_type)));
      DescribeShape<std::remove_cv_t<typename T::value_type>, T, Seen...>(out);
    } else if constexpr (kind == Kind::kMap) {
      DescribeShape<typename T::key_type, T, Seen...>(out);
      DescribeShape<typename T::mapped_type, T, Seen...>(out);
    } else if constexpr (kind == Kind::kTuple || kind == Kind::kVariant) {
      out.push_back('(');
      [&]<template <class...> class C, class... E>(std::type_identity<C<E...>>) {
        (DescribeShape<E, T, Seen...>(out), ...);
      }(std::type_identity<T>{});
      out.push_back(')');
    } else if constexpr (kind == Kind::kRecord) {
      out.push_back('{');
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((out.append(reflect::field_names<T>[I]).append(":"), DescribeShape<Field<T, I>, T, Seen...>(out),
          out.push_back(',')),
         ...);
      }(std::make_index_sequence<reflect::field_count<T>>{});
      out.push_back('}');
    }
  }
}

constexpr std::size_t kShapeSize = 8;

template <class T>
std::string_view ShapeOf() {
  static const Fingerprint shape = [] {
    std::string text;
    DescribeShape<T>(text);
    return fingerprint_bytes(text);
  }();
  return {reinterpret_cast<const char*>(shape.bytes.data()), kShapeSize};
}

}  // namespace memo_detail

template <class T>
void encode_value(std::string& out, const T& v) {
  using memo_detail::Kind;
  static_assert(memo_storable<T>,
                "this type cannot be stored: write coco_encode(x) and coco_decode(std::type_identity<X>, "
                "bytes) beside the type, or "
                "list its fields with COCO_DESCRIBE; views and pointers cannot be stored at all");
  constexpr Kind kind = memo_detail::KindOf<T>();
  if constexpr (memo_detail::HasCodec<T>) {
    memo_detail::PutBytes(out, std::string(coco_encode(v)));
  } else if constexpr (kind == Kind::kAnnotated) {
    encode_value(out, unannotated(v));
  } else if constexpr (kind == Kind::kOptional) {
    out.push_back(v ? '\1' : '\0');
    if (v) encode_value(out, *v);
  } else if constexpr (kind == Kind::kTuple) {
    if constexpr (std::tuple_size_v<T> == 0) out.push_back('\0');
    std::apply([&](const auto&... element) { (encode_value(out, element), ...); }, v);
  } else if constexpr (kind == Kind::kVariant) {
    if (v.valueless_by_exception()) throw InvalidRequest("a variant without a value cannot be stored");
    memo_detail::PutVarint(out, v.index());
    std::visit([&](const auto& x) { encode_value(out, x); }, v);
  } else if constexpr (kind == Kind::kMap || kind == Kind::kSet || kind == Kind::kArray ||
                       kind == Kind::kSequence) {
    memo_detail::EncodeRange(out, v);
  } else if constexpr (kind == Kind::kRecord) {
    if constexpr (reflect::field_count<T> == 0) out.push_back('\0');
    reflect::for_each_field(v, [&](std::string_view, const auto& field) { encode_value(out, field); });
  } else {
    memo_detail::EncodeScalar(out, v);
  }
}

template <class T>
T decode_value(Decoder& d) {
  using memo_detail::Kind;
  static_assert(memo_storable<T>, "this type cannot be stored: see encode_value");
  const Decoder::Nested nested(d);
  constexpr Kind kind = memo_detail::KindOf<T>();
  if constexpr (memo_detail::HasCodec<T>) {
    return coco_decode(std::type_identity<T>{}, d.bytes());
  } else if constexpr (kind == Kind::kAnnotated) {
    return T(decode_value<unannotated_t<T>>(d));
  } else if constexpr (kind == Kind::kOptional) {
    if (d.raw(1)[0] == '\0') return T{};
    return T(std::in_place, decode_value<typename T::value_type>(d));
  } else if constexpr (kind == Kind::kTuple) {
    if constexpr (std::tuple_size_v<T> == 0) d.raw(1);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{decode_value<std::tuple_element_t<I, T>>(d)...};
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (kind == Kind::kVariant) {
    return memo_detail::DecodeVariant<T>(d, d.varint());
  } else if constexpr (kind == Kind::kMap || kind == Kind::kSet || kind == Kind::kArray ||
                       kind == Kind::kSequence) {
    return memo_detail::DecodeRange<T>(d);
  } else if constexpr (kind == Kind::kRecord) {
    return memo_detail::DecodeRecord<T>(d);
  } else {
    return memo_detail::DecodeScalar<T>(d);
  }
}

template <class T>
std::string store_value(const T& value) {
  std::string out(memo_detail::ShapeOf<T>());
  encode_value(out, value);
  return out;
}

template <class T>
T load_value(std::string_view bytes) {
  Decoder d(bytes);
  if (d.raw(memo_detail::kShapeSize) != memo_detail::ShapeOf<T>())
    Decoder::fail("stored when the type had another shape");
  T value = decode_value<T>(d);
  d.finish();
  return value;
}

}  // namespace cocoindex::inline v0
