// cocoindex/text/static_embedder.h: an embedder by meaning that needs no model at run time: a table of token
// vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cocoindex/text/embedder.h"
#include "cocozvec/base/path.h"

namespace cocoindex::inline v0::text {

/// Semantic: "car" and "automobile" are near each other. A text's vector is the sum of the vectors of its
/// tokens, each as heavy as it is telling, divided by its length. Word order has no say, and neither has
/// context: "bank" is one vector. English, because the model behind the table is.
///
/// The table in the library (256 elements, distilled from all-MiniLM-L6-v2; tools/distill makes it,
/// docs/text.md has figures) is found without any file beside the program. All sums are in integers: the same
/// bytes on every machine. Tokens are those of the model's own tokenizer; a byte that is no part of valid
/// UTF-8 is left out. A text in which no token says anything (empty, only characters that the vocabulary does
/// not know) gives zeros. A text of any size takes the same memory.
class StaticEmbedder final : public Embedder {
 public:
  /// The table in the library.
  StaticEmbedder();
  /// A table of a file as docs/format/embedder.md describes it; read whole. Throws cocozvec::StatusError:
  /// kNotFound, kIoError, kInvalidArgument (another kind of file), kUnimplemented (a newer format), kDataLoss
  /// (damaged); the message names the file and both values.
  static StaticEmbedder from_file(cocozvec::PathView path);
  /// Likewise, of bytes that are in memory already; `origin` is their name in messages.
  static StaticEmbedder from_bytes(std::string bytes, std::string_view origin);

  std::uint32_t dimension() const noexcept override;
  /// "static/1 NAME hash=0123456789abcdef": the name that the table gives itself, and the hash of its
  /// content.
  std::string identity() const override;
  /// Whom the table comes from, and its licence.
  std::string_view notice() const noexcept;

 protected:
  void embed_batch(std::span<const std::string_view> texts, std::span<float> out) const override;

 private:
  struct Impl;
  explicit StaticEmbedder(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace cocoindex::inline v0::text
