// cocoindex/memo/codec.h: values to bytes and back, for what the engine keeps.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/errors.h"
#include "cocoindex/fingerprint.h"
#include "cocoindex/memo/kind.h"

namespace cocoindex::inline v0 {

/// Reads bytes that may be anything; every failure is a StateError. Points into the data, which must outlive
/// it.
class Decoder {
 public:
  explicit Decoder(std::string_view data) noexcept : data_(data) {}
  std::string_view raw(std::uint64_t size);
  std::uint64_t varint();
  std::int64_t integer();  ///< zigzag varint
  std::string_view bytes() { return raw(varint()); }
  std::uint64_t count();  ///< of elements that take a byte at least
  StableKey key();
  std::size_t remaining() const noexcept { return data_.size(); }
  void finish() const;  ///< throws unless everything was read
  [[noreturn]] static void fail(const char* what);

  /// Bounds the stack while a value that contains its own type is read.
  class Nested {
   public:
    explicit Nested(Decoder& d) : d_(d) {
      if (++d_.depth_ > 1000) fail("nested too deeply");
    }
    Nested(const Nested&) = delete;
    ~Nested() { --d_.depth_; }

   private:
    Decoder& d_;
  };

 private:
  std::string_view data_;
  int depth_ = 0;
};

namespace memo_detail {

void PutVarint(std::string& out, std::uint64_t v);
void PutInteger(std::string& out, std::int64_t v);  // zigzag
void PutBytes(std::string& out, std::string_view v);

template <class T>
concept HasCodec = requires(const T& v, std::string_view bytes) {
  { coco_encode(v) } -> std::convertible_to<std::string>;
  { coco_decode(std::type_identity<T>{}, bytes) } -> std::same_as<T>;
};

template <class T>
concept Owning = !Range<T> || std::same_as<T, std::string> || SetLike<T> || ArrayLike<T> || PathLike<T> ||
                 requires(T& r, typename T::value_type v) { r.push_back(std::move(v)); };

template <class T>
struct CodecLeaf {
  // What only points to its value cannot be brought back.
  static constexpr bool kBorrowed = std::is_pointer_v<T> || std::is_array_v<T> || !Owning<T> ||
                                    std::is_reference_v<T> || std::is_const_v<T>;
  static constexpr bool kSettled = HasCodec<T> || kBorrowed;
  static constexpr bool kAnswer = HasCodec<T>;
};

}  // namespace memo_detail

/// What encode_value and decode_value accept.
template <class T>
concept memo_storable = memo_detail::All<memo_detail::CodecLeaf, T>();

/// Accepted: what memo_hash accepts, as far as it owns its value; another type brings, beside itself,
///   std::string coco_encode(const Image& i);
///   Image coco_decode(std::type_identity<Image>, std::string_view bytes);      throws when these are no such
///   bytes
template <class T>
void encode_value(std::string& out, const T& value);
template <class T>
T decode_value(Decoder& d);

/// The same with a mark of the type's shape in front, so that a value stored by a program in which the type
/// had other fields is a StateError, not a wrong value.
template <class T>
std::string store_value(const T& value);
template <class T>
T load_value(std::string_view bytes);

}  // namespace cocoindex::inline v0

#include "cocoindex/memo/codec_impl.h"
