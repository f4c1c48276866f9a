// bench/vectors/generator.h: vectors like those of embeddings, generated: what benchmarks insert and ask.
// Threads: Draw from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace bench {

/// Points of `clusters` clusters of unequal size, each in a random subspace whose directions fade, in a
/// latent space that is mapped to `dim` dimensions, with some noise.
struct Recipe {
  std::size_t dim, rows, queries, latent, rank;
  double fade, noise;
  bool normalize;
  std::uint64_t seed;
  std::size_t clusters = 500;
};

class Generator {
 public:
  explicit Generator(const Recipe& recipe);
  /// Writes `dim` elements. Every point has its own, whatever was drawn before, also beyond rows and queries.
  void Draw(std::size_t point, float* out) const;

 private:
  const Recipe recipe_;
  std::vector<float> map_, centres_, axes_;
  std::vector<double> ends_;
};

/// `body` of 0 .. count - 1, on so many threads.
void Parallel(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace bench
