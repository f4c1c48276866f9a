// cli/embedder_choice.h: which embedder a store uses, and that no two of them meet in one store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cocoindex/text/embedder.h"
#include "cocoindex/text/hashing_embedder.h"
#include "cocozvec/base/status.h"

namespace cocozvec::cli {

enum class EmbedderKind { kStatic, kHashing };

/// "static", "hashing".
std::string_view EmbedderName(EmbedderKind kind) noexcept;
/// nullopt for any other name.
std::optional<EmbedderKind> EmbedderNamed(std::string_view name) noexcept;

struct EmbedderConfig {
  EmbedderKind kind = EmbedderKind::kStatic;
  cocoindex::text::HashingOptions hashing;  ///< counts for kHashing only
  /// Embedder::identity() of what made the store's vectors. Empty: not on record (a store of format 1, which
  /// had hashing only), taken for that of the embedder at hand.
  std::string identity;
  bool operator==(const EmbedderConfig&) const = default;
};

/// The embedder of that kind and these parameters that this program has. Throws std::invalid_argument for
/// parameters out of range.
std::shared_ptr<const cocoindex::text::Embedder> MakeEmbedder(const EmbedderConfig& config);

/// The same, when it is the one that made the store's vectors; otherwise kFailedPrecondition with both
/// identities and what to do. `store` is for the message.
Result<std::shared_ptr<const cocoindex::text::Embedder>> EmbedderOfStore(const EmbedderConfig& config,
                                                                         const std::string& store);

/// What `wanted` (its identity is filled in) means for a store whose vectors `stored` made: the same
/// embedder, or another one and `rebuild`: OK. Another one otherwise: kFailedPrecondition with both
/// identities.
Status CheckSameEmbedder(const EmbedderConfig& stored, const EmbedderConfig& wanted, bool rebuild,
                         const std::string& store);

/// Whether there is a letter or digit in a text. Without one there is nothing to look for, whatever an
/// embedder may make of a row of dashes.
bool HasWord(std::string_view text);

/// The identity on record, or that of the embedder at hand.
std::string IdentityOf(const EmbedderConfig& config);

}  // namespace cocozvec::cli
