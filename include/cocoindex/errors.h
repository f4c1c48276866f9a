// cocoindex/errors.h: the exceptions of the engine and its connectors.
#pragma once

#include <stdexcept>
#include <string>

namespace cocoindex::inline v0 {

/// A request that cannot be right: a path mounted twice, a target state declared twice, a bad setting.
class InvalidRequest : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};
/// A context key that is not provided, or provided with another type.
class ContextError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// A schema that cannot be made; names the column and the collection.
class SchemaError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};
/// A row that cannot be stored; names the column, the collection and the document id.
class RowError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};
/// A value that has no text form or cannot be read back from one: year 10000, text that is no UTF-8.
class ValueError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};
/// The engine's own store: not ours, a newer format, damaged, full.
class StateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// Another process has the store open; the message says who and since when.
class StateBusyError : public StateError {
 public:
  using StateError::StateError;
};
/// The update was cancelled.
class CancelledError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace cocoindex::inline v0
