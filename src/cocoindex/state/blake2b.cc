// RFC 7693, section 3; the names are its own.
#include "cocoindex/state/blake2b.h"

#include <bit>
#include <cstring>
#include <utility>

namespace cocoindex::inline v0 {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kBlock = 128;
constexpr std::size_t kDigest = 16;
constexpr std::uint64_t kIv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                  0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                  0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
constexpr unsigned char kSigma[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                          {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                          {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                          {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                          {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                          {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                          {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                          {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                          {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                          {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

// Unrolled by force: only then are the indices of sigma constants and the state lives in registers.
#define COCO_INLINE __attribute__((always_inline)) inline

COCO_INLINE void mix(std::uint64_t& a, std::uint64_t& b, std::uint64_t& c, std::uint64_t& d, std::uint64_t x,
                     std::uint64_t y) {
  a += b + x;
  d = std::rotr(d ^ a, 32);
  c += d;
  b = std::rotr(b ^ c, 24);
  a += b + y;
  d = std::rotr(d ^ a, 16);
  c += d;
  b = std::rotr(b ^ c, 63);
}

template <int kRound>
COCO_INLINE void round(std::uint64_t* v, const std::uint64_t* m) {
  constexpr const unsigned char* s = kSigma[kRound % 10];
  mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
  mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
  mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
  mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
  mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
  mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
  mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
  mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
}

template <int... kRounds>
COCO_INLINE void all_rounds(std::uint64_t* v, const std::uint64_t* m,
                            std::integer_sequence<int, kRounds...> /*rounds*/) {
  (round<kRounds>(v, m), ...);
}

void compress(std::uint64_t* h, const char* block, std::uint64_t count, bool last) noexcept {
  std::uint64_t m[16];
  std::memcpy(m, block, sizeof m);
  std::uint64_t v[16];
  for (int i = 0; i < 8; ++i) {
    v[i] = h[i];
    v[8 + i] = kIv[i];
  }
  v[12] ^= count;
  if (last) v[14] = ~v[14];
  all_rounds(v, m, std::make_integer_sequence<int, 12>{});
  for (int i = 0; i < 8; ++i) h[i] ^= v[i] ^ v[8 + i];
}

}  // namespace

void blake2b_128(std::string_view data, std::uint8_t* digest) noexcept {
  std::uint64_t h[8];
  std::memcpy(h, kIv, sizeof h);
  h[0] ^= 0x01010000 ^ kDigest;
  std::size_t done = 0;
  for (; data.size() - done > kBlock; done += kBlock) compress(h, data.data() + done, done + kBlock, false);
  char block[kBlock] = {};
  const std::string_view rest = data.substr(done);
  if (!rest.empty()) std::memcpy(block, rest.data(), rest.size());
  compress(h, block, data.size(), true);
  std::memcpy(digest, h, kDigest);
}

}  // namespace cocoindex::inline v0
