// fuzz/replay.cc: in place of libFuzzer where there is none.
//   fuzz_NAME FOLDER... [--runs N] [--seed S]    every file once, and every prefix of the small ones; then N
//                                                changed inputs, the same ones for a seed
//   ... --expect-caught                          good when one of these runs ends the program
//   fuzz_NAME --make FOLDER                      the inputs that our writers make
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed);

namespace {

constexpr std::size_t kSmall = 256;
constexpr std::size_t kMost = 64 << 10;

std::uint64_t runs = 0;

void RunOne(std::string_view data) {
  // A copy of exactly this size, so that a sanitizer sees the byte behind it.
  const std::vector<std::uint8_t> input(data.begin(), data.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  ++runs;
}

std::vector<std::string> Load(const std::vector<std::filesystem::path>& folders) {
  std::vector<std::filesystem::path> files;
  for (const auto& folder : folders)
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

void Replay(const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs)
    for (std::size_t size = input.size() <= kSmall ? 0 : input.size(); size <= input.size(); ++size)
      RunOne(std::string_view(input).substr(0, size));
}

void Change(const std::vector<std::string>& inputs, std::uint64_t count, unsigned seed) {
  fuzz::Random random(seed);
  std::vector<std::uint8_t> room(kMost);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string& from = inputs[random() % inputs.size()];
    std::copy_n(from.begin(), std::min(from.size(), kMost), room.begin());
    const std::size_t size = LLVMFuzzerCustomMutator(room.data(), std::min(from.size(), kMost), kMost,
                                                     static_cast<unsigned>(random()));
    RunOne({reinterpret_cast<const char*>(room.data()), size});
  }
}

int Make(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const std::string& seed : fuzz::Seeds()) {
    std::ofstream(folder / ("seed-" + std::to_string(++number)), std::ios::binary) << seed;
  }
  return number > 0 ? 0 : 1;
}

struct Settings {
  std::vector<std::filesystem::path> folders;
  std::uint64_t count = 0;
  unsigned seed = 1;
  bool expect_caught = false;
};

int RunAll(const Settings& settings, std::vector<std::string> inputs) {
  for (std::string& seed : fuzz::Seeds()) inputs.push_back(std::move(seed));
  Replay(inputs);
  Change(inputs, settings.count, settings.seed);
  std::printf("%zu inputs, %llu runs\n", inputs.size(), static_cast<unsigned long long>(runs));
  return 0;
}

/// What a run that goes wrong ends with: a check that failed, or an access that the machine refused.
bool EndsARun(int signal) {
  return signal == SIGABRT || signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
}

/// A planted fault ends the program; that it was the fault, the same runs without it say, which ctest makes.
int ExpectCaught(const Settings& settings, const std::vector<std::string>& inputs) {
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) _exit(RunAll(settings, inputs));
  int status = 0;
  if (waitpid(child, &status, 0) != child) return 1;
  const bool caught = WIFSIGNALED(status) && EndsARun(WTERMSIG(status));
  if (caught)
    std::printf("caught: %s\n", strsignal(WTERMSIG(status)));
  else
    std::printf("NOT caught, status %d\n", status);
  return caught ? 0 : 1;
}

}  // namespace

/// A few plain changes, in place of libFuzzer's.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
  static fuzz::Random random(1);
  if (size == 0) return 0;
  const std::size_t at = random() % size;
  switch (random() % 3) {
    case 0:
      data[at] = static_cast<std::uint8_t>(random());
      return size;
    case 1:
      std::copy(data + at + 1, data + size, data + at);
      return size - 1;
    default:
      if (size == most) return size;
      std::copy_backward(data + at, data + size, data + size + 1);
      return size + 1;
  }
}

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--make" && more) return Make(argv[i + 1]);
    if (word == "--runs" && more)
      settings.count = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--seed" && more)
      settings.seed = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
    else if (word == "--expect-caught")
      settings.expect_caught = true;
    else
      settings.folders.emplace_back(word);
  }
  std::vector<std::string> inputs;
  try {
    inputs = Load(settings.folders);
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  if (inputs.empty() && !settings.folders.empty()) {
    std::fputs("no inputs in the folders\n", stderr);
    return 2;
  }
  return settings.expect_caught ? ExpectCaught(settings, inputs) : RunAll(settings, std::move(inputs));
}
