#include "interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include "options.h"

namespace cocozvec::cli {
namespace {

// A handler may do next to nothing: it writes one byte, and a thread does the rest.
int pipe_ends[2] = {-1, -1};
constexpr char kSignal = 's', kStop = 'q';
volatile std::sig_atomic_t signals_seen = 0;

void OnSignal(int) {
  const int saved = errno;
  signals_seen = signals_seen + 1;
  if (signals_seen > 1) ::_exit(kInterrupted);
  (void)!::write(pipe_ends[1], &kSignal, 1);
  errno = saved;
}

void Install(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    throw std::runtime_error(std::string("cannot watch for signals: ") + std::strerror(errno));
  }
  signals_seen = 0;
  thread_ = std::thread([this] { Run(); });
  Install(SIGINT, OnSignal);
  Install(SIGTERM, OnSignal);
}

InterruptWatch::~InterruptWatch() {
  Install(SIGINT, SIG_DFL);
  Install(SIGTERM, SIG_DFL);
  (void)!::write(pipe_ends[1], &kStop, 1);
  thread_.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

void InterruptWatch::OnInterrupt(std::function<void()> cancel) {
  const MutexLock lock(mu_);
  cancel_ = std::move(cancel);
  if (interrupted_ && cancel_) cancel_();
}

bool InterruptWatch::interrupted() const {
  const MutexLock lock(mu_);
  return interrupted_;
}

void InterruptWatch::Run() {
  char what = 0;
  for (;;) {
    const ssize_t got = ::read(pipe_ends[0], &what, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got != 1 || what == kStop) return;
    const MutexLock lock(mu_);
    interrupted_ = true;
    if (cancel_) cancel_();
  }
}

}  // namespace cocozvec::cli
