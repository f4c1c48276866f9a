#include "cocoindex/text/static_embedder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/io/file_system.h"
#include "text/default_table.h"
#include "text/embedding_table.h"
#include "text/pool.h"
#include "text/wordpiece.h"

namespace cocoindex::inline v0::text {
namespace {

constexpr std::uint64_t kMostFileBytes = 64 << 20;  // 65,535 rows of 1,024 elements have 32 MiB

std::string Hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
  return text;
}

// Scratch space of one batch.
class Pooler {
 public:
  Pooler(const EmbeddingTable& table, const WordPiece& tokenizer, PoolRows pool)
      : table_(table), tokenizer_(tokenizer), pool_(pool), sums_(table.dimension), totals_(table.dimension) {}

  void Run(std::string_view text, std::span<float> out) {
    std::ranges::fill(totals_, 0);
    TokenStream tokens(tokenizer_, text);
    for (auto rows = tokens.Next(); !rows.empty(); rows = tokens.Next()) Add(rows);
    Normalize(out);
  }

 private:
  static_assert(TokenStream::kPortion <= kMostPooled);

  void Add(std::span<const std::uint16_t> rows) {
    std::ranges::fill(sums_, 0);
    pool_(table_.weights.data(), table_.dimension / 2, table_.scales.data(), rows.data(), rows.size(),
          sums_.data());
    std::int64_t scales = 0;
    for (const std::uint16_t row : rows) scales += table_.scales[row];
    for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] += sums_[i] - 8 * scales;
  }

  void Normalize(std::span<float> out) const {
    __extension__ using Wide = unsigned __int128;
    Wide squares = 0;  // 2^18 a token: a text of 2^40 tokens and 1,024 elements stays below 2^127
    for (const std::int64_t t : totals_) {
      const Wide magnitude = static_cast<std::uint64_t>(t < 0 ? -t : t);
      squares += magnitude * magnitude;
    }
    const double length = std::sqrt(static_cast<double>(squares));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = squares == 0 ? 0.0F : static_cast<float>(static_cast<double>(totals_[i]) / length);
    }
  }

  const EmbeddingTable& table_;
  const WordPiece& tokenizer_;
  PoolRows pool_;
  std::vector<std::int32_t> sums_;
  std::vector<std::int64_t> totals_;
};

}  // namespace

struct StaticEmbedder::Impl {
  Impl(std::string owned, std::string_view bytes, std::string_view origin)
      : content(std::move(owned)),
        table(EmbeddingTable::Parse(bytes.empty() ? std::string_view(content) : bytes, origin).value()),
        tokenizer(table),
        pool(PoolRowsFor(cocozvec::ActiveCpuLevel())) {}

  const std::string content;  // empty: the table lies in the program
  const EmbeddingTable table;
  const WordPiece tokenizer;
  const PoolRows pool;
};

StaticEmbedder::StaticEmbedder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

// Made once in a process, on first use.
StaticEmbedder::StaticEmbedder() {
  static const auto shared = std::make_shared<const Impl>(std::string(), DefaultTable(), "of the library");
  impl_ = shared;
}

StaticEmbedder StaticEmbedder::from_file(cocozvec::PathView path) {
  return from_bytes(cocozvec::ReadFile(cocozvec::PosixFileSystem(), path, kMostFileBytes).value(),
                    path.view());
}

StaticEmbedder StaticEmbedder::from_bytes(std::string bytes, std::string_view origin) {
  return StaticEmbedder(std::make_shared<const Impl>(std::move(bytes), std::string_view(), origin));
}

std::uint32_t StaticEmbedder::dimension() const noexcept { return impl_->table.dimension; }

std::string StaticEmbedder::identity() const {
  return "static/1 " + std::string(impl_->table.name) + " hash=" + Hex(impl_->table.hash);
}

std::string_view StaticEmbedder::notice() const noexcept { return impl_->table.notice; }

void StaticEmbedder::embed_batch(std::span<const std::string_view> texts, std::span<float> out) const {
  Pooler pooler(impl_->table, impl_->tokenizer, impl_->pool);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    pooler.Run(texts[i], out.subspan(i * impl_->table.dimension, impl_->table.dimension));
  }
}

}  // namespace cocoindex::inline v0::text
