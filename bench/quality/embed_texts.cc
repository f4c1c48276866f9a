// embed_texts: the library's embedders for the programs of tools/ and bench/quality. Reads texts from
// standard input, each as four bytes of length and its bytes; writes to standard output:
//   vectors static|hashing|FILE   a row of floats for each text
//   tokens [FILE]                 for each text four bytes of count, then the tokens' numbers, two bytes each
//   speed SECONDS                 JSON: tokens a second and thread over these texts, by CPU level
//   first                         JSON: nanoseconds from the start of main to the first vector; reads nothing
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/cpu_level.h"
#include "base/io/file_system.h"
#include "cocoindex/text/hashing_embedder.h"
#include "cocoindex/text/static_embedder.h"
#include "text/default_table.h"
#include "text/pool.h"
#include "text/wordpiece.h"

namespace {

namespace text = cocoindex::text;
using Clock = std::chrono::steady_clock;

bool ReadAll(void* to, std::size_t size) { return std::fread(to, 1, size, stdin) == size; }

std::vector<std::string> ReadTexts() {
  std::vector<std::string> texts;
  for (std::uint32_t size = 0; ReadAll(&size, sizeof(size));) {
    texts.emplace_back(size, '\0');
    if (!ReadAll(texts.back().data(), size)) throw std::runtime_error("standard input ends inside a text");
  }
  return texts;
}

std::unique_ptr<text::Embedder> EmbedderOf(const std::string& name) {
  if (name == "static") return std::make_unique<text::StaticEmbedder>();
  if (name == "hashing") return std::make_unique<text::HashingEmbedder>();
  return std::make_unique<text::StaticEmbedder>(text::StaticEmbedder::from_file(name));
}

void Vectors(const std::string& name) {
  const auto embedder = EmbedderOf(name);
  for (const std::string& t : ReadTexts()) {
    const auto vector = embedder->embed(t);
    std::fwrite(vector.data(), sizeof(float), vector.size(), stdout);
  }
}

void Tokens(const std::string& path) {
  const std::string file = path.empty()
                               ? std::string(text::DefaultTable())
                               : cocozvec::ReadFile(cocozvec::PosixFileSystem(), path, 64 << 20).value();
  const auto table = text::EmbeddingTable::Parse(file, path.empty() ? "of the library" : path).value();
  const text::WordPiece tokenizer(table);
  for (const std::string& t : ReadTexts()) {
    std::vector<std::uint16_t> ids;
    text::TokenStream stream(tokenizer, t);
    for (auto rows = stream.Next(); !rows.empty(); rows = stream.Next()) {
      for (const auto row : rows) ids.push_back(table.ids[row]);
    }
    const auto count = static_cast<std::uint32_t>(ids.size());
    std::fwrite(&count, sizeof(count), 1, stdout);
    std::fwrite(ids.data(), sizeof(ids[0]), ids.size(), stdout);
  }
}

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Runs `work`, which returns a count, again and again; counts a second of this thread's processor time, so
// that other programs on the machine take no part but in the caches.
template <class Work>
double Rate(double seconds, Work work) {
  work();
  std::uint64_t done = 0;
  const double begin = ProcessorSeconds();
  do done += work();
  while (ProcessorSeconds() - begin < seconds);
  return static_cast<double>(done) / (ProcessorSeconds() - begin);
}

void Speed(double seconds) {
  const auto texts = ReadTexts();
  std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto table = text::EmbeddingTable::Parse(text::DefaultTable(), "of the library").value();
  const text::WordPiece tokenizer(table);
  const text::StaticEmbedder embedder;
  std::vector<std::vector<std::uint16_t>> rows(texts.size());
  std::uint64_t tokens = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    text::TokenStream stream(tokenizer, texts[i]);
    for (auto some = stream.Next(); !some.empty(); some = stream.Next()) {
      rows[i].insert(rows[i].end(), some.begin(), some.end());
    }
    tokens += rows[i].size();
  }
  const double tokenize = Rate(seconds, [&] {
    std::uint64_t n = 0;
    for (const auto& t : texts) {
      text::TokenStream stream(tokenizer, t);
      for (auto some = stream.Next(); !some.empty(); some = stream.Next()) n += some.size();
    }
    return n;
  });
  std::vector<float> out(views.size() * embedder.dimension());
  const double whole = Rate(seconds, [&] { return embedder.embed(views, out), tokens; });
  std::printf("{\"texts\": %zu, \"tokens\": %llu, \"tokenize\": %.0f, \"embed\": %.0f, \"pool\": {",
              texts.size(), static_cast<unsigned long long>(tokens), tokenize, whole);
  const char* separator = "";
  for (const auto level : cocozvec::SupportedCpuLevels()) {
    const auto pool = text::PoolRowsFor(level);
    std::vector<std::int32_t> sums(table.dimension);
    const double rate = Rate(seconds, [&] {
      for (const auto& r : rows) {
        std::memset(sums.data(), 0, sums.size() * sizeof(sums[0]));
        for (std::size_t at = 0; at < r.size(); at += text::kMostPooled) {
          pool(table.weights.data(), table.dimension / 2, table.scales.data(), r.data() + at,
               std::min(text::kMostPooled, r.size() - at), sums.data());
        }
      }
      return tokens;
    });
    const std::string name(cocozvec::CpuLevelName(level));
    std::printf("%s\"%s\": %.0f", separator, name.c_str(), rate);
    separator = ", ";
  }
  std::printf("}}\n");
}

// Resident pages of this process, in KiB.
long ResidentKiB(const char* which) {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  long found = -1;
  char line[256];
  while (status != nullptr && std::fgets(line, sizeof(line), status) != nullptr) {
    if (std::strncmp(line, which, std::strlen(which)) == 0) found = std::atol(line + std::strlen(which));
  }
  if (status != nullptr) std::fclose(status);
  return found;
}

void First(Clock::time_point begin) {
  const long before = ResidentKiB("VmRSS:");
  const text::StaticEmbedder embedder;
  const auto vector = embedder.embed("The first vector of a process.");
  const double seconds = SecondsSince(begin);
  const long after = ResidentKiB("VmRSS:");
  std::printf("{\"seconds\": %.6f, \"resident_kib\": %ld, \"dimension\": %zu}\n", seconds, after - before,
              vector.size());
}

}  // namespace

int main(int argc, char** argv) try {
  const auto begin = Clock::now();
  const std::string mode = argc > 1 ? argv[1] : "", argument = argc > 2 ? argv[2] : "";
  if (mode == "vectors") {
    Vectors(argument);
  } else if (mode == "tokens") {
    Tokens(argument);
  } else if (mode == "speed") {
    Speed(std::stod(argument));
  } else if (mode == "first") {
    First(begin);
  } else {
    std::fprintf(stderr,
                 "usage: embed_texts vectors static|hashing|FILE | tokens [FILE] | speed SECONDS | first\n");
    return 2;
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "embed_texts: %s\n", error.what());
  return 1;
}
