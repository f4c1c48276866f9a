#include "text/embedding_table.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"

namespace cocoindex::inline v0::text {
namespace {

using cocozvec::Result;
using cocozvec::Status;

constexpr std::string_view kMagic = "COCOEMB\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumSize = 8;
constexpr std::size_t kCodePoints = 0x110000;

// The fixed part of the file: docs/format/embedder.md.
struct Header {
  char magic[8];
  std::uint32_t version, dimension, rows, unknown_id, most_characters;
  std::uint32_t name_size, notice_size, tokens_size, class_blocks, spellings;
  std::uint64_t file_size;
  std::uint64_t zero;
};
static_assert(sizeof(Header) == 64 && offsetof(Header, dimension) == 12 &&
              offsetof(Header, name_size) == 28 && offsetof(Header, file_size) == 48);

class Parser {
 public:
  Parser(std::string_view bytes, std::string_view origin) : bytes_(bytes), origin_(origin) {}

  Result<EmbeddingTable> Run() {
    ZVEC_RETURN_IF_ERROR(ReadHeader());
    ZVEC_RETURN_IF_ERROR(CheckSizes());
    TakeSections();
    ZVEC_RETURN_IF_ERROR(CheckRows());
    ZVEC_RETURN_IF_ERROR(CheckTokens());
    ZVEC_RETURN_IF_ERROR(CheckCharacters());
    return table_;
  }

 private:
  Status Damaged(const std::string& what) const { return Status::DataLoss(Named(what)); }
  std::string Named(const std::string& what) const {
    return "embedding table '" + std::string(origin_) + "': " + what;
  }
  Status OutOfRange(const char* field, std::uint64_t value, std::uint64_t least, std::uint64_t most) const {
    return Damaged(std::string(field) + " " + std::to_string(value) + ", allowed " + std::to_string(least) +
                   " to " + std::to_string(most));
  }

  Status ReadHeader() {
    const std::size_t compared = std::min(bytes_.size(), kMagic.size());
    if (bytes_.substr(0, compared) != kMagic.substr(0, compared) || compared == 0) {
      return Status::InvalidArgument(Named("does not begin as a table of an embedder does"));
    }
    if (bytes_.size() < sizeof(Header) + kChecksumSize) {
      return Damaged(std::to_string(bytes_.size()) + " bytes, a header alone has " +
                     std::to_string(sizeof(Header) + kChecksumSize));
    }
    std::memcpy(&header_, bytes_.data(), sizeof(Header));
    if (header_.version > kVersion) {
      return Status::Unimplemented(Named("format " + std::to_string(header_.version) +
                                         ", this library reads up to " + std::to_string(kVersion)));
    }
    if (header_.file_size != bytes_.size()) {
      return Damaged(std::to_string(bytes_.size()) + " bytes, " + std::to_string(header_.file_size) +
                     " according to its header");
    }
    const std::string_view content = bytes_.substr(0, bytes_.size() - kChecksumSize);
    std::uint64_t stored = 0;
    std::memcpy(&stored, bytes_.data() + content.size(), sizeof(stored));
    table_.hash = cocozvec::Checksum(content);
    if (stored != table_.hash) {
      return Damaged("checksum " + std::to_string(table_.hash) + ", " + std::to_string(stored) +
                     " in its last bytes");
    }
    return Status::Ok();
  }

  // Whoever writes a right checksum may still write nonsense: nothing below trusts a number.
  Status CheckSizes() {
    const Header& h = header_;
    if (h.version != kVersion) return OutOfRange("format", h.version, 1, kVersion);
    if (h.zero != 0) return OutOfRange("the last word of the header", h.zero, 0, 0);
    if (h.dimension < 32 || h.dimension > 1024) return OutOfRange("dimension", h.dimension, 32, 1024);
    if (h.dimension % 32 != 0)
      return Damaged("dimension " + std::to_string(h.dimension) + ", no multiple of 32");
    if (h.rows < 1 || h.rows > 65'535) return OutOfRange("rows", h.rows, 1, 65'535);
    if (h.most_characters < 1 || h.most_characters > 1000) {
      return OutOfRange("most characters of a word", h.most_characters, 1, 1000);
    }
    if (h.class_blocks < 1 || h.class_blocks > kCodePoints / EmbeddingTable::kCharacterBlock) {
      return OutOfRange("blocks of characters", h.class_blocks, 1,
                        kCodePoints / EmbeddingTable::kCharacterBlock);
    }
    if (h.spellings > kCodePoints) return OutOfRange("spellings", h.spellings, 0, kCodePoints);
    const std::uint64_t needed = sizeof(Header) + std::uint64_t{h.rows} * (h.dimension / 2 + 2 + 2 + 1) +
                                 2 * kCodePoints / EmbeddingTable::kCharacterBlock +
                                 std::uint64_t{h.spellings} * 2 * EmbeddingTable::kSpellingUnits +
                                 std::uint64_t{h.class_blocks} * EmbeddingTable::kCharacterBlock +
                                 h.tokens_size + h.name_size + std::uint64_t{h.notice_size} + kChecksumSize;
    if (needed != bytes_.size() && !cocozvec::FaultPlanted("trust_sizes")) {
      return Damaged(std::to_string(bytes_.size()) + " bytes, its sections need " + std::to_string(needed));
    }
    return Status::Ok();
  }

  template <class T>
  std::span<const T> Take(std::size_t count) {
    const auto* first = reinterpret_cast<const T*>(bytes_.data() + at_);
    at_ += count * sizeof(T);
    return {first, count};
  }
  std::string_view TakeText(std::size_t size) {
    const auto text = Take<char>(size);
    return {text.data(), text.size()};
  }

  void TakeSections() {
    const Header& h = header_;
    table_.dimension = h.dimension;
    table_.rows = h.rows;
    table_.most_characters = h.most_characters;
    table_.weights = Take<std::uint8_t>(std::size_t{h.rows} * (h.dimension / 2));
    table_.scales = Take<std::int16_t>(h.rows);
    table_.ids = Take<std::uint16_t>(h.rows);
    table_.blocks = Take<std::uint16_t>(kCodePoints / EmbeddingTable::kCharacterBlock);
    table_.spellings = Take<std::uint16_t>(std::size_t{h.spellings} * EmbeddingTable::kSpellingUnits);
    table_.classes = Take<std::uint8_t>(std::size_t{h.class_blocks} * EmbeddingTable::kCharacterBlock);
    table_.lengths = Take<std::uint8_t>(h.rows);
    table_.tokens = TakeText(h.tokens_size);
    table_.name = TakeText(h.name_size);
    table_.notice = TakeText(h.notice_size);
  }

  Status CheckRows() {
    bool known = false;
    for (std::uint32_t row = 0; row < table_.rows; ++row) {
      if (table_.scales[row] < 0) return Damaged("row " + std::to_string(row) + ": scale below 0");
      if (row > 0 && table_.ids[row] <= table_.ids[row - 1]) {
        return Damaged("row " + std::to_string(row) + ": token number " + std::to_string(table_.ids[row]) +
                       ", not above the one before");
      }
      if (table_.ids[row] == header_.unknown_id) {
        table_.unknown_row = row;
        known = true;
      }
    }
    if (!known) return Damaged("no row for the unknown token, number " + std::to_string(header_.unknown_id));
    return Status::Ok();
  }

  Status CheckTokens() const {
    std::uint64_t sum = 0;
    for (const std::uint8_t length : table_.lengths) {
      if (length == 0) return Damaged("a token of no bytes");
      sum += length;
    }
    if (sum != table_.tokens.size()) {
      return Damaged("tokens of " + std::to_string(sum) + " bytes, " + std::to_string(table_.tokens.size()) +
                     " according to its header");
    }
    return Status::Ok();
  }

  Status CheckCharacters() const {
    for (const std::uint16_t block : table_.blocks) {
      if (block >= header_.class_blocks)
        return OutOfRange("block of characters", block, 0, header_.class_blocks - 1);
    }
    for (const std::uint8_t c : table_.classes) {
      if (c >= kCharacterClasses) return OutOfRange("class of a character", c, 0, kCharacterClasses - 1);
    }
    std::uint32_t last = 0;
    for (std::size_t i = 0; i < table_.spellings.size(); i += EmbeddingTable::kSpellingUnits) {
      const auto* entry = &table_.spellings[i];
      const std::uint32_t code_point = entry[0] | std::uint32_t{entry[1]} << 16;
      if ((i > 0 && code_point <= last) || code_point >= kCodePoints) {
        return Damaged("spelling of character " + std::to_string(code_point) + " behind that of " +
                       std::to_string(last));
      }
      if (entry[2] == 0)
        return Damaged("character " + std::to_string(code_point) + " is spelled with nothing");
      last = code_point;
    }
    return Status::Ok();
  }

  std::string_view bytes_, origin_;
  std::size_t at_ = sizeof(Header);
  Header header_{};
  EmbeddingTable table_;
};

}  // namespace

Result<EmbeddingTable> EmbeddingTable::Parse(std::string_view bytes, std::string_view origin) {
  return Parser(bytes, origin).Run();
}

}  // namespace cocoindex::inline v0::text
