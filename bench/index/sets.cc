#include "sets.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "zvec/simd/kernels.h"

namespace bench {
namespace {

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

class Generator {
 public:
  explicit Generator(const Recipe& r)
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

  void Draw(std::size_t point, float* out) const {
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

 private:
  static float Scale(std::size_t l) { return std::pow(static_cast<float>(l) + 1, -0.3f); }

  const Recipe recipe_;
  std::vector<float> map_, centres_, axes_;
  std::vector<double> ends_;
};

std::string ReadAll(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot read " + path);
  std::string bytes;
  char part[1 << 16];
  for (std::size_t got; (got = std::fread(part, 1, sizeof(part), file)) != 0;) bytes.append(part, got);
  std::fclose(file);
  return bytes;
}

void ReadFvecs(const std::string& path, Set& set) {
  const std::string bytes = ReadAll(path);
  for (std::size_t at = 0; at + 4 <= bytes.size();) {
    std::int32_t dim = 0;
    std::memcpy(&dim, &bytes[at], 4);
    if (set.dim == 0) set.dim = static_cast<std::size_t>(dim);
    if (dim < 1 || set.dim != static_cast<std::size_t>(dim) || bytes.size() - at - 4 < set.dim * 4)
      throw std::runtime_error(path + ": no fvecs file");
    set.base.resize(set.base.size() + set.dim);
    std::memcpy(&set.base[set.base.size() - set.dim], &bytes[at + 4], set.dim * 4);
    at += 4 + set.dim * 4;
  }
}

void ReadNpy(const std::string& path, Set& set) {
  const std::string bytes = ReadAll(path);
  const std::size_t shape = bytes.substr(0, 256).find("'shape': ("), end = bytes.find('\n');
  unsigned long rows = 0, dim = 0;
  if (bytes.compare(0, 6, "\x93NUMPY") != 0 || bytes.find("'<f4'") > end || shape == std::string::npos ||
      std::sscanf(&bytes[shape], "'shape': (%lu, %lu)", &rows, &dim) != 2 || dim == 0 ||
      (bytes.size() - end - 1) / 4 / dim < rows)
    throw std::runtime_error(path + ": no npy file of float32 with two dimensions");
  set.dim = dim;
  set.base.resize(rows * dim);
  std::memcpy(set.base.data(), &bytes[end + 1], rows * dim * 4);
}

void FindNearest(Set& set, std::size_t threads) {
  set.nearest.resize(set.queries * Set::kNearest);
  Parallel(threads, set.queries, [&](std::size_t q) {
    std::vector<float> scores(set.rows);
    const auto* first = reinterpret_cast<const std::byte*>(set.base.data());
    zvec::simd::ActiveKernels().fp32.squared_l2(
        set.Query(q), {first, set.dim * 4, set.rows, set.dim, nullptr}, scores.data());
    std::vector<std::uint32_t> order(set.rows);
    for (std::size_t r = 0; r < set.rows; ++r) order[r] = static_cast<std::uint32_t>(r);
    std::partial_sort(
        order.begin(), order.begin() + Set::kNearest, order.end(),
        [&](std::uint32_t a, std::uint32_t b) { return std::pair(scores[a], a) < std::pair(scores[b], b); });
    std::copy_n(order.begin(), Set::kNearest, &set.nearest[q * Set::kNearest]);
  });
}

}  // namespace

Set MakeSet(const std::string& name, std::size_t threads) {
  static const std::map<char, Recipe> kRecipes = {
      {'a', {128, 100'000, 1'000, 64, 64, 0.1, 0.1, false, 1}},
      {'b', {128, 1'000'000, 1'000, 64, 64, 0.1, 0.1, false, 2}},
      {'c', {768, 100'000, 1'000, 192, 128, 0.1, 0.1, true, 3}},
  };
  Set set;
  set.name = name;
  const auto letter = static_cast<char>(std::tolower(name.empty() ? '?' : name[0]));
  const std::string dim = name.substr(std::min<std::size_t>(1, name.size()));
  if (kRecipes.contains(letter) && dim.size() <= 4 &&
      dim.find_first_not_of("0123456789") == std::string::npos) {
    Recipe recipe = kRecipes.at(letter);
    if (letter != name[0]) recipe.rows /= 10;
    if (!dim.empty()) recipe.dim = std::max(1ul, std::stoul(dim));
    set.dim = recipe.dim;
    const Generator generator(recipe);
    set.base.resize((recipe.rows + recipe.queries) * set.dim);
    Parallel(threads, set.base.size() / set.dim,
             [&](std::size_t p) { generator.Draw(p, &set.base[p * set.dim]); });
    set.queries = recipe.queries;
  } else {
    name.ends_with(".npy") ? ReadNpy(name, set) : ReadFvecs(name, set);
    set.queries = 1'000;
  }
  if (set.base.size() / set.dim <= set.queries + Set::kNearest)
    throw std::runtime_error(name + ": too few vectors");
  set.rows = set.base.size() / set.dim - set.queries;
  set.query.assign(set.base.begin() + static_cast<std::ptrdiff_t>(set.rows * set.dim), set.base.end());
  set.base.resize(set.rows * set.dim);
  FindNearest(set, threads);
  return set;
}

}  // namespace bench
