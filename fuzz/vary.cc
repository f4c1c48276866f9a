#include <algorithm>
#include <array>
#include <limits>

#include "base/io/sim_disk.h"
#include "fuzz.h"

// Of libFuzzer, which learns from comparisons what to try; replay.cc has a plain one.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {
namespace {

constexpr std::uint64_t kLimits[] = {0,          1,          2,           0x7F,       0x80,
                                     0xFF,       0x7FFF,     0xFFFF,      0x7FFFFFFF, 0x80000000,
                                     0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 1ull << 62, (1ull << 63) - 1,
                                     1ull << 63, ~0ull - 1,  ~0ull};

std::size_t Below(Random& random, std::size_t end) { return end == 0 ? 0 : random() % end; }

/// How far libFuzzer may lengthen an input at once: room is filled with zeros first.
constexpr std::size_t kGrowth = 256;

void LibFuzzer(std::string& input, std::size_t most) {
  const std::size_t size = input.size();
  input.resize(std::max(std::min(most, size + kGrowth), size));
  input.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(input.data()), size, input.size()));
}

/// A number of 1, 2, 4 or 8 bytes: to a limit, near what it was, or to a place in the file.
void Number(std::string& input, Random& random) {
  const std::size_t width = std::size_t{1} << random() % 4;
  if (input.size() < width) return;
  std::size_t at = Below(random, input.size() - width + 1);
  if (random() % 2 == 0) at = at / width * width;
  std::uint64_t value = 0;
  std::memcpy(&value, input.data() + at, width);
  switch (random() % 4) {
    case 0:
      value = kLimits[random() % std::size(kLimits)];
      break;
    case 1:
      value += random() % 9 - 4u;
      break;
    case 2:
      value = Below(random, input.size() + 2);
      break;
    default:
      value ^= std::uint64_t{1} << random() % (8 * width);
      break;
  }
  std::memcpy(input.data() + at, &value, width);
}

/// A piece over another one, or in front of it.
void Piece(std::string& input, std::size_t most, Random& random) {
  if (input.empty()) return;
  const std::size_t from = Below(random, input.size()), to = Below(random, input.size());
  const std::size_t size = std::min(std::size_t{1} << random() % 8, input.size() - from);
  const std::string piece = input.substr(from, size);
  if (random() % 4 != 0)
    input.replace(to, std::min(size, input.size() - to), piece);
  else if (input.size() + size <= most)
    input.insert(to, piece);
}

}  // namespace

void VaryBytes(std::string& input, std::size_t most, Random& random) {
  switch (random() % 8) {
    case 0:
    case 1:
      return LibFuzzer(input, most);
    case 2:
      return Piece(input, most, random);
    case 3:
      if (random() % 4 == 0) input.resize(Below(random, input.size() + 1));
      return Number(input, random);
    default:
      return Number(input, random);
  }
}

void VaryText(std::string& input, std::size_t most, Random& random, const std::vector<std::string>& words) {
  const std::size_t at = Below(random, input.size() + 1);
  switch (random() % 8) {
    case 0:
      return LibFuzzer(input, most);
    case 1:
      return Piece(input, most, random);
    case 2:
      input.erase(at, 1 + random() % 8);
      return;
    case 3: {  // the whole or a part many times
      const std::string part = input.substr(at, 1 + random() % 16);
      for (std::size_t n = std::size_t{1} << random() % 12; n > 0 && input.size() + part.size() <= most; --n)
        input.insert(std::min(at, input.size()), part);
      return;
    }
    default: {
      const std::string& word = words[random() % words.size()];
      if (random() % 2 == 0) input.erase(at, random() % (word.size() + 1));
      input.insert(std::min(at, input.size()), random() % 3 == 0 ? " " + word + " " : word);
      return;
    }
  }
}

std::string Written(const std::function<void(cocozvec::FileSystem& fs, const std::string& path)>& write) {
  cocozvec::SimDisk disk;
  write(disk, "file");
  return cocozvec::ReadFile(disk, "file", 1 << 30).value();
}

}  // namespace fuzz
