// cocozvec/base/status.h: how the database reports failure. `zvec::Status` is this class.
// Threads: a Status is a value; copies share an immutable message.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cocozvec::inline v0 {

enum class StatusCode : std::uint8_t {
  kOk = 0,
  kInvalidArgument,     ///< wrong in any state: a bad id, dimension, filter
  kFailedPrecondition,  ///< a right call in the wrong state: a write on a read-only handle
  kNotFound,
  kAlreadyExists,
  kBusy,      ///< another holder has the lock; trying again later may work
  kIoError,   ///< the operating system refused; the message has its reason
  kDataLoss,  ///< the bytes are not the ones we wrote; the message has file and offset
  kResourceExhausted,
  kCancelled,
  kUnimplemented,
  kPermissionDenied,
  kClosed,
  kInternal,
};

/// The name of a code as it stands in messages: "invalid argument", "data loss", ...
std::string_view StatusCodeName(StatusCode code) noexcept;

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  ///< OK
  Status(StatusCode code, std::string message);

  static Status Ok() noexcept { return {}; }
  static Status InvalidArgument(std::string m) { return {StatusCode::kInvalidArgument, std::move(m)}; }
  static Status FailedPrecondition(std::string m) { return {StatusCode::kFailedPrecondition, std::move(m)}; }
  static Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
  static Status AlreadyExists(std::string m) { return {StatusCode::kAlreadyExists, std::move(m)}; }
  static Status Busy(std::string m) { return {StatusCode::kBusy, std::move(m)}; }
  static Status IoError(std::string m) { return {StatusCode::kIoError, std::move(m)}; }
  static Status DataLoss(std::string m) { return {StatusCode::kDataLoss, std::move(m)}; }
  static Status ResourceExhausted(std::string m) { return {StatusCode::kResourceExhausted, std::move(m)}; }
  static Status Cancelled(std::string m) { return {StatusCode::kCancelled, std::move(m)}; }
  static Status Unimplemented(std::string m) { return {StatusCode::kUnimplemented, std::move(m)}; }
  static Status PermissionDenied(std::string m) { return {StatusCode::kPermissionDenied, std::move(m)}; }
  static Status Closed(std::string m) { return {StatusCode::kClosed, std::move(m)}; }
  static Status Internal(std::string m) { return {StatusCode::kInternal, std::move(m)}; }

  bool ok() const noexcept { return rep_ == nullptr; }
  StatusCode code() const noexcept { return rep_ ? rep_->code : StatusCode::kOk; }
  /// Without the code; empty when ok. Valid as long as this object.
  std::string_view message() const noexcept {
    return rep_ ? std::string_view(rep_->message) : std::string_view();
  }
  /// "data loss: segment 17: ..."; "ok".
  std::string ToString() const;
  /// The same code with `context` and ": " in front of the message; OK stays OK.
  Status WithContext(std::string_view context) const;

  bool IsNotFound() const noexcept { return code() == StatusCode::kNotFound; }

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

/// What `Result::value()` throws when there is no value. For examples and tests, and for the engine above.
class StatusError : public std::runtime_error {
 public:
  explicit StatusError(Status status) : std::runtime_error(status.ToString()), status_(std::move(status)) {}
  const Status& status() const noexcept { return status_; }
  StatusCode code() const noexcept { return status_.code(); }

 private:
  Status status_;
};

[[noreturn]] void ThrowStatusError(Status status);

/// A T or the Status that explains why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: meant to convert
  Result(Status status) : status_(std::move(status)) {  // NOLINT
    assert(!status_.ok() && "a Result made from a Status needs an error");
    if (status_.ok()) status_ = Status::Internal("Result made from an OK status");
  }

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  const Status& status() const& noexcept { return status_; }
  Status status() && noexcept { return std::move(status_); }

  /// The value; throws StatusError when there is none.
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T value() && { return check(), std::move(*value_); }  // a value, so that `for (x : f().value())` is safe

  /// Unchecked: only after ok().
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T operator*() && { return std::move(*value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

  T value_or(T other) && { return ok() ? std::move(*value_) : std::move(other); }

 private:
  void check() const {
    if (!ok()) ThrowStatusError(status_);
  }
  std::optional<T> value_;
  Status status_;
};

}  // namespace cocozvec::inline v0

#define ZVEC_CONCAT_INNER_(a, b) a##b
#define ZVEC_CONCAT_(a, b) ZVEC_CONCAT_INNER_(a, b)

/// Returns from the enclosing function when `expr` is an error.
#define ZVEC_RETURN_IF_ERROR(expr)                                                         \
  do {                                                                                     \
    if (::cocozvec::Status zvec_status_ = (expr); !zvec_status_.ok()) return zvec_status_; \
  } while (false)

/// `ZVEC_ASSIGN_OR_RETURN(File file, Open(path));`
#define ZVEC_ASSIGN_OR_RETURN(decl, expr) \
  ZVEC_ASSIGN_OR_RETURN_(ZVEC_CONCAT_(zvec_result_, __LINE__), decl, expr)
#define ZVEC_ASSIGN_OR_RETURN_(tmp, decl, expr)  \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  decl = *std::move(tmp)
