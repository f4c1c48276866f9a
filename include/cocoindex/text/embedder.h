// cocoindex/text/embedder.h: what turns texts into vectors.
// Threads: every function is const and may be called from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/types.h"

namespace cocoindex::inline v0::text {

class Embedder {
 public:
  virtual ~Embedder() = default;

  /// Elements of a vector; fixed for the life of the object, known only once it has been made (a model was
  /// loaded).
  virtual std::uint32_t dimension() const noexcept = 0;

  /// Everything that the vectors depend on besides the text: a name, the parameters, for a model the hash of
  /// its files. Part of memo keys: two embedders with one identity give the same vectors for the same text.
  virtual std::string identity() const = 0;
  friend std::string coco_memo_key(const Embedder& embedder) { return embedder.identity(); }

  /// So that an embedder, or the ContextKey of one, can give a vector column its size.
  VectorSchema vector_schema() const { return {.size = dimension()}; }

  /// Shapes   `out` holds texts.size() * dimension() floats, one row after the other in the order of the
  /// texts. Returns  vectors of length 1, or of zeros for a text in which there is nothing to embed. Errors
  /// throws std::invalid_argument for an `out` of another size; what a model throws.
  void embed(std::span<const std::string_view> texts, std::span<float> out) const;
  /// One text, in a batch of its own.
  std::vector<float> embed(std::string_view text) const;

 protected:
  virtual void embed_batch(std::span<const std::string_view> texts, std::span<float> out) const = 0;
};

/// True for the vector of a text without anything to embed; a cosine with it means nothing.
bool is_zero(std::span<const float> vector) noexcept;

}  // namespace cocoindex::inline v0::text
