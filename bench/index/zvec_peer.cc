// zvec from PyPI: a Python process that measures itself (zvec_peer.py), as a pipe between would cost more
// than a query.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "peers.h"

namespace bench {
namespace {

void WriteNpy(const std::string& path, const std::vector<float>& rows, std::size_t dim) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error("cannot write " + path);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows.size() / dim) + ", " + std::to_string(dim) + "), }";
  header.resize((header.size() + 1 + 10 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  const unsigned char size[2] = {static_cast<unsigned char>(header.size() % 256),
                                 static_cast<unsigned char>(header.size() / 256)};
  const bool written = std::fwrite("\x93NUMPY\x01\0", 1, 8, file) == 8 &&
                       std::fwrite(size, 1, 2, file) == 2 &&
                       std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
                       std::fwrite(rows.data(), 4, rows.size(), file) == rows.size();
  if (std::fclose(file) != 0 || !written) throw std::runtime_error("cannot write " + path);
}

/// The rows and questions as files, until it goes.
struct Files {
  const std::string base, query;

  explicit Files(const std::string& folder) : base(folder + ".base.npy"), query(folder + ".query.npy") {}
  ~Files() {
    std::remove(base.c_str());
    std::remove(query.c_str());
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
};

/// A program whose input and output are pipes to here. It is waited for when this goes: the end of its input
/// is its end.
class Child {
 public:
  explicit Child(const std::vector<std::string>& words) : name_(words.at(0)) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);  // a child that has ended is told by what it does not answer
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    if (::pipe2(out, O_CLOEXEC) != 0) {
      Close(in);
      throw std::runtime_error("no pipe");
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execvp(arguments[0], arguments.data());
      ::_exit(kNotRun);
    }
    if (child_ < 0) {
      Close(in);
      Close(out);
      throw std::runtime_error("no process");
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = ::fdopen(in[1], "w");
    from_ = ::fdopen(out[0], "r");
  }
  ~Child() { (void)End(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::FILE* to() const { return to_; }
  double Number() {
    double number = 0;
    if (from_ != nullptr && std::fscanf(from_, "%lf", &number) == 1) return number;
    const int status = End();
    throw std::runtime_error(WIFEXITED(status) && WEXITSTATUS(status) == kNotRun
                                 ? name_ + " cannot be run"
                                 : "its process ended, or did not answer with numbers");
  }

 private:
  static constexpr int kNotRun = 127;

  static void Close(const int (&ends)[2]) {
    for (const int end : ends) ::close(end);
  }
  int End() {
    if (to_ != nullptr) std::fclose(to_);
    if (from_ != nullptr) std::fclose(from_);
    to_ = from_ = nullptr;
    int status = 0;
    if (child_ > 0) ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

  const std::string name_;
  ::pid_t child_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

/// One collection for both calls.
class Process {
 public:
  Process(const std::string& python, const std::string& folder, const Set& set) : files_(folder) {
    WriteNpy(files_.base, set.base, set.dim);
    WriteNpy(files_.query, set.query, set.dim);
    child_.emplace(std::vector<std::string>{python, BENCH_ZVEC_SCRIPT, files_.base, files_.query, folder,
                                            std::to_string(kM), std::to_string(kEfConstruction)});
    seconds_ = child_->Number();
  }

  double seconds() const { return seconds_; }
  void Ask(const char* call, std::uint32_t ef, std::size_t passes, std::vector<double>* best,
           std::vector<std::uint32_t>* found) {
    if (child_->to() != nullptr) {
      std::fprintf(child_->to(), "%s %u %zu\n", call, ef, passes);
      std::fflush(child_->to());
    }
    for (double& seconds : *best) seconds = child_->Number();
    for (std::uint32_t& row : *found)
      row = static_cast<std::uint32_t>(static_cast<std::int64_t>(child_->Number()));
  }

 private:
  const Files files_;  // goes when the child has
  std::optional<Child> child_;
  double seconds_ = 0;
};

/// What both calls use.
struct Shared {
  std::string python, folder;
  std::unique_ptr<Process> process;
  bool failed = false;  ///< to build: once is enough
};

class Zvec final : public Index {
 public:
  Zvec(std::shared_ptr<Shared> shared, const char* call) : shared_(std::move(shared)), call_(call) {}
  std::string name() const override { return std::string("zvec (Python) ") + call_; }
  double built_seconds() const override { return shared_->process->seconds(); }
  std::size_t build_threads(std::size_t) const override { return 1; }

  void Build(const Set& set, std::size_t) override {
    if (shared_->failed) throw std::runtime_error("its build failed before");
    if (shared_->process != nullptr) return;
    shared_->failed = true;
    shared_->process = std::make_unique<Process>(shared_->python, shared_->folder, set);
    shared_->failed = false;
  }
  void SetEf(std::uint32_t ef) override { ef_ = ef; }
  void Search(const float*, std::uint32_t*) override {}
  bool Measure(std::size_t passes, std::vector<double>* best, std::vector<std::uint32_t>* found) override {
    shared_->process->Ask(call_, ef_, passes, best, found);
    return true;
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const char* const call_;
  std::uint32_t ef_ = 0;
};

}  // namespace

std::string AddZvec(const std::string& folder, std::vector<std::unique_ptr<Index>>& to) {
  const char* python = std::getenv("ZVEC_PYTHON");
  if (python == nullptr) return "zvec (set ZVEC_PYTHON to a Python that has it)";
  const auto shared = std::make_shared<Shared>(Shared{python, folder, nullptr});
  to.push_back(std::make_unique<Zvec>(shared, "query"));
  to.push_back(std::make_unique<Zvec>(shared, "ids"));
  return "";
}

}  // namespace bench
