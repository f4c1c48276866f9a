// fuzz/seal.h: the checksums of a collection's files (docs/format), made right for bytes that may be
// anything. File number and collection are those that the header says. Of a file that is too short nothing
// changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fuzz {

inline constexpr std::size_t kHeaderBytes = 64;

void SealHeader(std::string& file);
/// Manifests and deletions: one checksum over everything behind the header. `size`: the header's size, too.
void SealBody(std::string& file, bool size);
/// Every record, as long as the sizes lead to one. `size`: a record that is too long gets what is there.
void SealLog(std::string& file, bool size);
/// The blocks that the table names, the table, the header.
void SealSegment(std::string& file);
void SealIndex(std::string& file);
void SealMark(std::string& file, bool size);
/// The note of the last close and what a writer published. The note is of `collection`, which LOCK does not
/// name.
void SealLock(std::string& file, std::uint64_t collection);
/// By the name of a file of a collection; not LOCK. Unknown names have no checksums.
void SealFile(std::string_view name, std::string& file);

}  // namespace fuzz
