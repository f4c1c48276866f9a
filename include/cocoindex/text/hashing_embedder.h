// cocoindex/text/hashing_embedder.h: an embedder without a model: texts that share words are near each other.
#pragma once

#include <cstdint>
#include <string>

#include "cocoindex/text/embedder.h"

namespace cocoindex::inline v0::text {

struct HashingOptions {
  /// Elements of a vector, 8 .. 20,000. Fewer: smaller and faster, but more words share an element.
  std::uint32_t dimension = 384;
  bool operator==(const HashingOptions&) const = default;
};

/// Lexical, not semantic: it knows nothing of meaning, so that "car" and "automobile" are strangers; "index",
/// "indexes" and "indexing" are relatives. Signed feature hashing of words (case-folded runs of letters,
/// digits and marks; ideographs one by one and in pairs) and of the 3 to 5 character n-grams inside them,
/// weighted 1 + ln(count), L2-normalised. All sums are in integers: the same bytes on every machine and with
/// every compiler. Source   Weinberger et al. 2009, arXiv:0902.2206 (hashing trick); Bojanowski et al. 2017,
/// arXiv:1607.04606 (n-grams).
class HashingEmbedder final : public Embedder {
 public:
  /// Throws std::invalid_argument that names the option and both values.
  explicit HashingEmbedder(HashingOptions options = {});

  std::uint32_t dimension() const noexcept override { return options_.dimension; }
  /// "hashing/1 dimension=384 unicode=15.0.0": the character tables of the library at hand count as a
  /// parameter.
  std::string identity() const override;

 protected:
  void embed_batch(std::span<const std::string_view> texts, std::span<float> out) const override;

 private:
  HashingOptions options_;
};

}  // namespace cocoindex::inline v0::text
