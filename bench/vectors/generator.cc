#include "generator.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <thread>

namespace bench {
namespace {

float Scale(std::size_t l) { return std::pow(static_cast<float>(l) + 1, -0.3f); }

}  // namespace

Generator::Generator(const Recipe& r)
    : recipe_(r),
      map_(r.dim * r.latent),
      centres_(r.clusters * r.latent),
      axes_(r.clusters * r.latent * r.rank),
      ends_(r.clusters) {
  std::mt19937_64 random(r.seed);
  std::normal_distribution<float> normal;
  for (float& x : map_) x = normal(random) / std::sqrt(static_cast<float>(r.latent));
  for (std::size_t i = 0; i < centres_.size(); ++i) centres_[i] = normal(random) * Scale(i % r.latent);
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const double fade = std::pow(static_cast<double>(i % r.rank) + 1, -r.fade);
    axes_[i] = normal(random) / std::sqrt(static_cast<float>(r.rank)) * static_cast<float>(fade) * 1.1f *
               Scale(i / r.rank % r.latent);
  }
  double sum = 0;
  for (std::size_t c = 0; c < r.clusters; ++c) ends_[c] = sum += std::pow(static_cast<double>(c) + 1, -0.6);
}

void Generator::Draw(std::size_t point, float* out) const {
  const Recipe& r = recipe_;
  std::mt19937_64 random(r.seed * 1'000'003 + point);
  std::normal_distribution<float> normal;
  const double at = std::uniform_real_distribution<double>(0, ends_.back())(random);
  const auto cluster =
      static_cast<std::size_t>(std::lower_bound(ends_.begin(), ends_.end() - 1, at) - ends_.begin());
  std::vector<float> inside(r.rank), latent(r.latent);
  for (float& x : inside) x = normal(random);
  const float spread = std::exp(0.25f * normal(random));
  for (std::size_t l = 0; l < r.latent; ++l) {
    const float* axis = &axes_[(cluster * r.latent + l) * r.rank];
    float sum = 0;
    for (std::size_t k = 0; k < r.rank; ++k) sum += axis[k] * inside[k];
    latent[l] = centres_[cluster * r.latent + l] + spread * sum;
  }
  double length = 0;
  for (std::size_t d = 0; d < r.dim; ++d) {
    float sum = static_cast<float>(r.noise) * normal(random);
    for (std::size_t l = 0; l < r.latent; ++l) sum += map_[d * r.latent + l] * latent[l];
    out[d] = sum;
    length += static_cast<double>(sum) * sum;
  }
  if (!r.normalize) return;
  for (std::size_t d = 0; d < r.dim; ++d) out[d] /= static_cast<float>(std::sqrt(length));
}

void Parallel(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> others;
  for (std::size_t t = 1; t < threads; ++t) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
}

}  // namespace bench
