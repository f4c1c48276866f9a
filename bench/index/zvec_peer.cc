// zvec from PyPI: a Python process that measures itself (zvec_peer.py), as a pipe between would cost more
// than a query.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

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

/// One collection for both calls.
class Process {
 public:
  Process(const std::string& python, std::string folder, const Set& set) : folder_(std::move(folder)) {
    const std::string base = folder_ + ".base.npy", query = folder_ + ".query.npy", m = std::to_string(kM),
                      ef = std::to_string(kEfConstruction);
    WriteNpy(base, set.base, set.dim);
    WriteNpy(query, set.query, set.dim);
    int in[2], out[2];
    if (::pipe(in) != 0 || ::pipe(out) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("no process");
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int end : {in[0], in[1], out[0], out[1]}) ::close(end);
      ::execlp(python.c_str(), python.c_str(), BENCH_ZVEC_SCRIPT, base.c_str(), query.c_str(),
               folder_.c_str(), m.c_str(), ef.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = ::fdopen(in[1], "w");
    from_ = ::fdopen(out[0], "r");
    seconds_ = Number();
  }
  ~Process() {
    std::fclose(to_);  // the end of its input is its end
    std::fclose(from_);
    ::waitpid(child_, nullptr, 0);
    std::remove((folder_ + ".base.npy").c_str());
    std::remove((folder_ + ".query.npy").c_str());
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  double seconds() const { return seconds_; }
  void Ask(const char* call, std::uint32_t ef, std::size_t passes, std::vector<double>* best,
           std::vector<std::uint32_t>* found) {
    std::fprintf(to_, "%s %u %zu\n", call, ef, passes);
    std::fflush(to_);
    for (double& seconds : *best) seconds = Number();
    for (std::uint32_t& row : *found) row = static_cast<std::uint32_t>(static_cast<std::int64_t>(Number()));
  }

 private:
  double Number() {
    double number = 0;
    if (std::fscanf(from_, "%lf", &number) != 1) throw std::runtime_error("zvec_peer.py ended");
    return number;
  }

  const std::string folder_;
  ::pid_t child_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
  double seconds_ = 0;
};

/// What both calls use.
struct Shared {
  std::string python, folder;
  std::unique_ptr<Process> process;
};

class Zvec final : public Index {
 public:
  Zvec(std::shared_ptr<Shared> shared, const char* call) : shared_(std::move(shared)), call_(call) {}
  std::string name() const override { return std::string("zvec (Python) ") + call_; }
  double built_seconds() const override { return shared_->process->seconds(); }

  void Build(const Set& set, std::size_t) override {
    if (shared_->process == nullptr)
      shared_->process = std::make_unique<Process>(shared_->python, shared_->folder, set);
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

void AddZvec(const std::string& folder, std::vector<std::unique_ptr<Index>>& to) {
  const char* python = std::getenv("ZVEC_PYTHON");
  if (python == nullptr || ::access(python, X_OK) != 0) return;
  const auto shared = std::make_shared<Shared>(Shared{python, folder, nullptr});
  to.push_back(std::make_unique<Zvec>(shared, "query"));
  to.push_back(std::make_unique<Zvec>(shared, "ids"));
}

}  // namespace bench
