#include "cocoindex/text/embedder.h"

#include <algorithm>
#include <stdexcept>

#include "base/coding.h"

namespace cocoindex::inline v0::text {

void Embedder::embed(std::span<const std::string_view> texts, std::span<float> out) const {
  const auto needed = cocozvec::CheckedMul(texts.size(), dimension());
  if (!needed || *needed != out.size()) {
    throw std::invalid_argument("embed: room for " + std::to_string(out.size()) + " floats, " +
                                std::to_string(texts.size()) + " texts of dimension " +
                                std::to_string(dimension()) + " given");
  }
  if (!texts.empty()) embed_batch(texts, out);
}

std::vector<float> Embedder::embed(std::string_view text) const {
  std::vector<float> vector(dimension());
  embed(std::span(&text, 1), vector);
  return vector;
}

bool is_zero(std::span<const float> vector) noexcept {
  return std::ranges::all_of(vector, [](float v) { return v == 0; });
}

}  // namespace cocoindex::inline v0::text
