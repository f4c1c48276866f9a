#include "zvec/storage/publication.h"

#include <sched.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>

#include "base/checksum.h"
#include "base/fault.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::HeldLock;

namespace {

constexpr std::uint64_t kMagic = 0x0A425550'4345565A;  // "ZVECPUB\n"
constexpr std::uint32_t kYields = 50;                  // a read may meet a write half way

struct Block {
  std::uint64_t magic = kMagic;
  std::uint64_t graphs = 0;
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
  block.graphs = p.graphs;
  block.checksum = ChecksumOf(block);
  return lock_file.WriteAt(kPublicationOffset, std::as_bytes(std::span(&block, 1)));
}

Result<std::optional<Publication>> ReadPublication(const File& lock_file, std::uint32_t patience_ms) {
  for (std::uint32_t attempt = 0; attempt < kYields + patience_ms; ++attempt) {
    ZVEC_ASSIGN_OR_RETURN(const HeldLock held, lock_file.OtherLock());
    if (held != HeldLock::kShared || cocozvec::FaultPlanted("ignore_publication"))
      return std::optional<Publication>();
    Block block;
    ZVEC_ASSIGN_OR_RETURN(const std::size_t got,
                          lock_file.ReadAt(kPublicationOffset, std::as_writable_bytes(std::span(&block, 1))));
    if (got == sizeof(block) && block.magic == kMagic && block.checksum == ChecksumOf(block))
      return std::optional<Publication>(
          {block.collection, block.generation, block.log, block.end, block.sequence, block.graphs});
    if (attempt < kYields)
      sched_yield();
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return DamageAt(lock_file.path(), kPublicationOffset,
                  "what the writer says of its commits does not match its checksum");
}

Status CheckNobodyBegan(const std::optional<Publication>& published, const File& log, std::uint64_t size,
                        const Status& read) {
  const auto begun = [&] { return Status::Busy(log.path() + ": a writer began while it was read"); };
  // A writer publishes before it appends. It may have cut a torn end off, and appended in its place.
  if (published) return begun();
  if (read.code() != StatusCode::kDataLoss) return read;
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size_now, log.Size());
  return size_now == size ? read : begun();
}

}  // namespace zvec::inline v0
