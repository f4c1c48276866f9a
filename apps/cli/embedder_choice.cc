#include "embedder_choice.h"

#include "cocoindex/text/static_embedder.h"
#include "text/tokenizer.h"

namespace cocozvec::cli {

namespace text = cocoindex::text;

std::string_view EmbedderName(EmbedderKind kind) noexcept {
  return kind == EmbedderKind::kHashing ? "hashing" : "static";
}

std::optional<EmbedderKind> EmbedderNamed(std::string_view name) noexcept {
  for (const EmbedderKind kind : {EmbedderKind::kStatic, EmbedderKind::kHashing}) {
    if (EmbedderName(kind) == name) return kind;
  }
  return std::nullopt;
}

std::shared_ptr<const text::Embedder> MakeEmbedder(const EmbedderConfig& config) {
  if (config.kind == EmbedderKind::kHashing) {
    return std::make_shared<const text::HashingEmbedder>(config.hashing);
  }
  return std::make_shared<const text::StaticEmbedder>();
}

bool HasWord(std::string_view text) {
  text::Tokenizer words(text);
  text::Word word;
  return words.Next(word);
}

std::string IdentityOf(const EmbedderConfig& config) {
  return config.identity.empty() ? MakeEmbedder(config)->identity() : config.identity;
}

Result<std::shared_ptr<const text::Embedder>> EmbedderOfStore(const EmbedderConfig& config,
                                                              const std::string& store) {
  auto embedder = MakeEmbedder(config);
  const std::string identity = embedder->identity();
  if (config.identity.empty() || config.identity == identity) return embedder;
  return Status::FailedPrecondition(
      "store '" + store + "': its vectors are of the embedder '" + config.identity + "', this program has '" +
      identity + "', and the two do not mix; make every vector anew with: cocozvec index --store '" + store +
      "' --rebuild");
}

Status CheckSameEmbedder(const EmbedderConfig& stored, const EmbedderConfig& wanted, bool rebuild,
                         const std::string& store) {
  const std::string before = IdentityOf(stored);
  if (rebuild || before == wanted.identity) return Status::Ok();
  return Status::FailedPrecondition(
      "store '" + store + "': its vectors are of the embedder '" + before + "', '" + wanted.identity +
      "' is asked for, and the two do not mix; add --rebuild to make every vector anew, "
      "or name another store");
}

}  // namespace cocozvec::cli
