#include "cocozvec/base/status.h"

namespace cocozvec::inline v0 {

std::string_view StatusCodeName(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kFailedPrecondition:
      return "failed precondition";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kAlreadyExists:
      return "already exists";
    case StatusCode::kBusy:
      return "busy";
    case StatusCode::kIoError:
      return "I/O error";
    case StatusCode::kDataLoss:
      return "data loss";
    case StatusCode::kResourceExhausted:
      return "resource exhausted";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kUnimplemented:
      return "unimplemented";
    case StatusCode::kPermissionDenied:
      return "permission denied";
    case StatusCode::kClosed:
      return "closed";
    case StatusCode::kInternal:
      return "internal error";
  }
  return "unknown code";
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) rep_ = std::make_shared<const Rep>(Rep{code, std::move(message)});
}

std::string Status::ToString() const {
  std::string text(StatusCodeName(code()));
  if (rep_ && !rep_->message.empty()) text.append(": ").append(rep_->message);
  return text;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  std::string text(context);
  text.append(": ").append(rep_->message);
  return {rep_->code, std::move(text)};
}

void ThrowStatusError(Status status) { throw StatusError(std::move(status)); }

}  // namespace cocozvec::inline v0
