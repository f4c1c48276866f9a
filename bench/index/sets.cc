#include "sets.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "zvec/simd/kernels.h"

namespace bench {
namespace {

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
