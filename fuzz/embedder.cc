// fuzz/embedder.cc: any bytes as a table, and any bytes as a text. The first byte chooses:
//   0  a table file as it is
//   1  a table file whose size and checksum are made right first: what is behind them is not trusted either
//   2  a text for the table in the library
#include <cmath>

#include "base/checksum.h"
#include "cocoindex/text/static_embedder.h"
#include "cocozvec/base/status.h"
#include "fuzz.h"

namespace fuzz {
namespace {

using cocoindex::text::StaticEmbedder;

constexpr std::string_view kText =
    "The cats and dogs [UNK] caf\xC3\xA9 \xE6\xBC\xA2\xE5\xAD\x97 \xFF unaffable, 3.14!";

// Zeros, or length 1; the same again.
void Check(const StaticEmbedder& embedder, std::string_view text) {
  const auto vector = embedder.embed(text);
  double squares = 0;
  for (const float v : vector) squares += double{v} * v;
  Require(cocoindex::text::is_zero(vector) || std::abs(squares - 1) < 1e-4, "a vector of another length");
  Require(embedder.embed(text) == vector, "the same text has two vectors");
}

void CheckTable(std::string bytes) {
  try {
    const StaticEmbedder embedder = StaticEmbedder::from_bytes(std::move(bytes), "fuzz");
    Check(embedder, kText);
    Check(embedder, std::string(3000, 'a'));
  } catch (const cocozvec::StatusError& error) {
    Require(error.code() == cocozvec::StatusCode::kDataLoss ||
                error.code() == cocozvec::StatusCode::kInvalidArgument ||
                error.code() == cocozvec::StatusCode::kUnimplemented,
            "an error of an unexpected kind", error.what());
  }
}

std::string Sealed(std::string bytes) {
  constexpr std::size_t kSizeAt = 48, kHeader = 64;
  if (bytes.size() < kHeader + 8) return bytes;
  const std::uint64_t size = bytes.size();
  std::memcpy(bytes.data() + kSizeAt, &size, sizeof(size));
  const std::uint64_t sum = cocozvec::Checksum(std::string_view(bytes).substr(0, bytes.size() - 8));
  std::memcpy(bytes.data() + bytes.size() - 8, &sum, sizeof(sum));
  return bytes;
}

}  // namespace

std::vector<std::string> Seeds() { return {std::string("\2") + std::string(kText)}; }

void Run(std::string_view input) {
  if (input.empty()) return;
  std::string rest(input.substr(1));
  switch (input[0]) {
    case 0:
      return CheckTable(std::move(rest));
    case 1:
      return CheckTable(Sealed(std::move(rest)));
    case 2: {
      static const StaticEmbedder library;
      return Check(library, rest);
    }
    default:
      return;
  }
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string&) {}  // the first byte asks for it

}  // namespace fuzz
