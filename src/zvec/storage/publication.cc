#include "zvec/storage/publication.h"

#include <sched.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/checksum.h"
#include "base/fault.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::HeldLock;

namespace {

constexpr std::uint64_t kMagic = 0x0A425550'4345565A;  // "ZVECPUB\n"
constexpr int kAttempts = 200;                         // a read may meet a write half way

struct Block {
  std::uint64_t magic = kMagic;
  std::uint64_t zero = 0;
  std::uint64_t collection = 0;
  std::uint64_t generation = 0;
  std::uint64_t log = 0;
  std::uint64_t end = 0;
  std::uint64_t sequence = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Block) == kPublicationBytes && offsetof(Block, checksum) == 56);

std::uint64_t ChecksumOf(const Block& block) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&block);
  return ChecksumAt({bytes, offsetof(Block, checksum)}, 0, kPublicationOffset, block.collection);
}

}  // namespace

Status WritePublication(File& lock_file, const Publication& p) {
  Block block;
  block.collection = p.collection;
  block.generation = p.generation;
  block.log = p.log;
  block.end = p.end;
  block.sequence = p.sequence;
  block.checksum = ChecksumOf(block);
  return lock_file.WriteAt(kPublicationOffset, std::as_bytes(std::span(&block, 1)));
}

Result<std::optional<Publication>> ReadPublication(const File& lock_file) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ZVEC_ASSIGN_OR_RETURN(const HeldLock held, lock_file.OtherLock());
    if (held != HeldLock::kShared || cocozvec::FaultPlanted("ignore_publication"))
      return std::optional<Publication>();
    Block block;
    ZVEC_ASSIGN_OR_RETURN(const std::size_t got,
                          lock_file.ReadAt(kPublicationOffset, std::as_writable_bytes(std::span(&block, 1))));
    if (got == sizeof(block) && block.magic == kMagic && block.checksum == ChecksumOf(block))
      return std::optional<Publication>(
          {block.collection, block.generation, block.log, block.end, block.sequence});
    sched_yield();
  }
  return DamageAt(lock_file.path(), kPublicationOffset,
                  "what the writer says of its commits does not match its checksum");
}

}  // namespace zvec::inline v0
