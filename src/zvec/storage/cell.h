// zvec/storage/cell.h: the one encoding of a value, in the log, in memory and in segments.
//
//   fixed-width types   width bytes: bool 1, 32-bit 4, 64-bit 8, float 4, double 8, FP32 vector 4*dim, FP16
//   2*dim, INT8 dim STRING              its bytes ARRAY of fixed      the elements packed, no count (bool:
//   one byte each) ARRAY_STRING        u32 count, then (count + 1) u32 offsets into the bytes that follow,
//   starting with 0, then the bytes SPARSE_*            u32 count, count u32 indices ascending, then count
//   values (f32, or f16 bits for FP16)
// Null has no cell. Little-endian; cells may lie at any address: read with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "zvec/doc.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

/// Bytes of a cell of a fixed-width field; 0 for variable ones (strings, arrays, sparse vectors).
std::size_t CellWidth(const FieldSchema& field) noexcept;

inline constexpr std::size_t kMaxCellBytes = std::size_t{256} << 20;  ///< one string, array or sparse vector

/// Appends the cell; on an error `out` is as before. Checks type, dimension, finiteness of vectors, UTF-8 of
/// strings, sparse rules; float values are accepted for FP16 fields. The message names the field and both
/// values. `value` must not be null.
Status EncodeCell(const FieldSchema& field, const Value& value, std::string& out);

/// True when `values` are what a field of VECTOR_FP32 takes; their bytes are the cell.
bool IsFp32Cell(const FieldSchema& field, std::span<const float> values) noexcept;

/// The value of a cell; kDataLoss when the bytes do not follow the format.
Result<Value> DecodeCell(const FieldSchema& field, std::string_view cell);

/// The structure of a variable-width cell, checked before anything trusts it.
Status CheckCell(const FieldSchema& field, std::string_view cell);

// Views into well-formed cells (CheckCell passed).
std::uint32_t ArrayLength(DataType array_type, std::string_view cell) noexcept;
std::string_view StringElement(std::string_view array_string_cell, std::uint32_t i) noexcept;
struct SparseCell {
  std::uint32_t count = 0;
  const char* indices = nullptr;  ///< count unaligned u32
  const char* values = nullptr;   ///< count unaligned f32 or f16
};
SparseCell ViewSparse(std::string_view cell) noexcept;

}  // namespace zvec::inline v0
