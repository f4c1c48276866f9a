// cocoindex/function.h: how a function becomes something the engine can name, mount, call and remember.
//
//   ctx.mount("a", coco::fn<&process>(), file);                                 named by its qualified name
//   ctx.mount("a", coco::fn<&process>({.memo = true, .version = 1}), file);     skipped while nothing changed
//
// A memoised function is skipped when name, version, arguments, the detected context values it read, the
// target containers it wrote to and the functions it called are what they were. C++ hashes no code: when the
// behaviour changes, raise `version`. A function is known to the engine from its first use in the process;
// one that is only reached through other memoised functions should be known from the start, so that its new
// version voids their memos too:
//   const coco::registered_fn process_registered{coco::fn<&process>({.memo = true, .version = 2})};
// Threads: constants.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "cocoindex/errors.h"
#include "cocoindex/fingerprint.h"
#include "cocoindex/internal/memo_bridge.h"

namespace cocoindex::inline v0 {

class Ctx;

inline constexpr std::int64_t kNoVersion = std::numeric_limits<std::int64_t>::min();

struct FnOptions {
  bool memo = false;  ///< remember results; needs `version`
  std::int64_t version =
      kNoVersion;  ///< of the behaviour: raise it when the same arguments should give something else
  const char* name =
      nullptr;             ///< persistent name instead of the qualified one; templates and lambdas need it
  std::uint64_t deps = 0;  ///< coco::deps(...) of other functions or constants the behaviour rests on
};

/// What the engine knows of a function.
struct FnInfo {
  std::string_view name = {};        ///< normalised: g++ and clang agree
  std::string_view short_name = {};  ///< the last part: the default path of a mount
  std::int64_t version = kNoVersion;
  std::uint64_t deps = 0;
  bool memo = false;
  const void* identity = nullptr;  ///< tells two functions of one name apart
};

namespace internal {

// Not constexpr on purpose: reaching one of these in a constant expression is the compile error that the user
// reads.
void memoised_function_needs_a_version();
void function_template_or_lambda_needs_a_name();

template <class T>
void argument_of_memoised_function_needs_coco_memo_key();
template <class R>
void result_of_memoised_function_needs_coco_encode_and_coco_decode();

template <auto F>
constexpr std::string_view raw_name() {
  return __PRETTY_FUNCTION__;
}

struct NameBuffer {
  char text[512] = {};
  std::size_t size = 0;
  bool needs_name = false;
};

/// "… [with auto F = a::{anonymous}::f; …]" and "… [F = &a::(anonymous namespace)::f]" ->
/// "a::(anonymous)::f".
constexpr NameBuffer normalise_name(std::string_view raw) {
  NameBuffer out;
  std::size_t begin = raw.find("F = ");
  raw.remove_prefix(begin + 4);
  if (const auto semicolon = raw.find("; std::"); semicolon != raw.npos) raw = raw.substr(0, semicolon);
  if (raw.ends_with(']')) raw.remove_suffix(1);
  if (raw.starts_with('&')) raw.remove_prefix(1);
  constexpr std::string_view kAnonymous[] = {"{anonymous}", "(anonymous namespace)"};
  constexpr std::string_view kOurs = "(anonymous)";
  out.needs_name = raw.find('<') != raw.npos || raw.find("lambda") != raw.npos;
  for (std::size_t i = 0; i < raw.size() && out.size < 500;) {
    bool replaced = false;
    for (std::string_view a : kAnonymous) {
      if (!raw.substr(i).starts_with(a)) continue;
      for (char c : kOurs) out.text[out.size++] = c;
      i += a.size();
      replaced = true;
      break;
    }
    if (!replaced) out.text[out.size++] = raw[i++];
  }
  return out;
}

template <auto F>
inline constexpr NameBuffer kFnName = normalise_name(raw_name<F>());

constexpr std::string_view last_part(std::string_view name) {
  const auto colon = name.rfind("::");
  return colon == name.npos ? name : name.substr(colon + 2);
}

template <auto F>
inline constexpr char kIdentity = 0;

constexpr std::uint64_t mix(std::uint64_t h, std::string_view bytes) {
  for (char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}
constexpr std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  for (int i = 0; i < 8; ++i, v >>= 8) h = (h ^ (v & 0xff)) * 0x100000001b3ull;
  return h;
}

/// Reached for memoised functions only.
template <class R, class... A>
constexpr void check_memoisable(R (*)(A...)) {
  auto argument = []<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, Ctx> && !kMemoHashable<T>)
      argument_of_memoised_function_needs_coco_memo_key<T>();
  };
  (argument(std::type_identity<std::remove_cvref_t<A>>{}), ...);
  if constexpr (!std::is_void_v<R> && !kMemoEncodable<std::remove_cvref_t<R>>)
    result_of_memoised_function_needs_coco_encode_and_coco_decode<R>();
}

/// Makes the function known; throws InvalidRequest when another one has its name and either is memoised.
void know_function(const FnInfo& info);

}  // namespace internal

/// A function with a name and options; made by fn().
template <auto F>
struct Fn {
  FnInfo info;
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const
    requires std::invocable<decltype(F), Args...>
  {
    return F(std::forward<Args>(args)...);
  }
};

template <auto F>
consteval Fn<F> fn(FnOptions options = {}) {
  if (options.memo && options.version == kNoVersion) internal::memoised_function_needs_a_version();
  if (options.memo) {
    if constexpr (std::is_pointer_v<decltype(F)>) {
      internal::check_memoisable(F);
    } else {
      internal::check_memoisable(+F);
    }
  }
  if (internal::kFnName<F>.needs_name && options.name == nullptr)
    internal::function_template_or_lambda_needs_a_name();
  const std::string_view name = options.name
                                    ? std::string_view(options.name)
                                    : std::string_view(internal::kFnName<F>.text, internal::kFnName<F>.size);
  return Fn<F>{{.name = name,
                .short_name = internal::last_part(name),
                .version = options.version,
                .deps = options.deps,
                .memo = options.memo,
                .identity = &internal::kIdentity<F>}};
}

/// For FnOptions::deps: functions (name, version and their deps), integers, texts.
template <class... T>
consteval std::uint64_t deps(const T&... values) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  auto add = [&h](const auto& v) {
    if constexpr (requires { v.info; }) {
      h = internal::mix(
          internal::mix(internal::mix(h, v.info.name), static_cast<std::uint64_t>(v.info.version)),
          v.info.deps);
    } else if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(v)>>) {
      h = internal::mix(h, static_cast<std::uint64_t>(v));
    } else {
      h = internal::mix(h, std::string_view(v));
    }
  };
  (add(values), ...);
  return h;
}

/// At namespace scope: the function and its version are known before anything runs.
struct registered_fn {
  template <auto F>
  explicit registered_fn(const Fn<F>& f) {
    internal::know_function(f.info);
  }
};

namespace internal {

template <class F>
inline constexpr bool kIsFn = false;
template <auto F>
inline constexpr bool kIsFn<Fn<F>> = true;

template <class F>
FnInfo info_of(const F& f) {
  if constexpr (kIsFn<F>) {
    return f.info;
  } else {
    return FnInfo{.name = "<unnamed>"};
  }
}

std::string type_name(const std::type_info& type);

/// What a component or a memoised call runs: function, arguments, result; seen by the engine without their
/// types.
class Processor {
 public:
  explicit Processor(const FnInfo& fn_info) : info(fn_info) {}
  virtual ~Processor() = default;
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  virtual void run(Ctx& ctx) = 0;  ///< once
  /// Memoised functions only: adds the arguments to the key.
  virtual void hash_arguments(Hasher& h) const = 0;
  /// Memo states of the arguments (memo.h): how many, and what they are now.
  virtual std::size_t state_count() const = 0;
  virtual MemoStates collect_states(const std::vector<std::string>* previous) const = 0;
  virtual bool result_storable() const noexcept = 0;
  virtual std::string encode_result() const = 0;
  virtual void decode_result(std::string_view bytes) = 0;
  /// Lets go of the arguments, which may be large; the result stays.
  virtual void release_arguments() noexcept = 0;

  const FnInfo info;
};

struct Nothing {};
template <class R>
using StoredResult = std::conditional_t<std::is_void_v<R>, Nothing, std::remove_cvref_t<R>>;

template <class F, class... Args>
struct CallTraits {
  static constexpr bool kMoved = std::is_invocable_v<const F&, Ctx&, Args&&...>;
  static constexpr bool kKept = std::is_invocable_v<const F&, Ctx&, Args&...>;
  static_assert(kMoved || kKept, "the function cannot be called with (coco::Ctx&, arguments...)");
};

template <class F, class... Args>
auto invoke_with(const F& f, Ctx& ctx, std::tuple<Args...>& args) {
  return std::apply(
      [&](Args&... a) -> decltype(auto) {
        if constexpr (CallTraits<F, Args...>::kMoved) {
          return f(ctx, std::move(a)...);
        } else {
          return f(ctx, a...);
        }
      },
      args);
}

template <class F, class... Args>
class ProcessorImpl final : public Processor {
 public:
  using Result = decltype(invoke_with(std::declval<const F&>(), std::declval<Ctx&>(),
                                      std::declval<std::tuple<Args...>&>()));
  using Stored = StoredResult<Result>;

  ProcessorImpl(F f, std::tuple<Args...> args)
      : Processor(info_of(f)), f_(std::move(f)), args_(std::move(args)) {}

  void run(Ctx& ctx) override {
    if constexpr (std::is_void_v<Result>) {
      invoke_with(f_, ctx, *args_);
      result_.emplace();
    } else {
      result_.emplace(invoke_with(f_, ctx, *args_));
    }
  }
  void hash_arguments(Hasher& h) const override {
    [[maybe_unused]] auto add = [&h]<class T>(const T& a) {
      if constexpr (kMemoHashable<T>) {
        hash_arg(h, a);
      } else {
        throw InvalidRequest("an argument of a memoised function has no coco_memo_key: " +
                             type_name(typeid(T)));
      }
    };
    std::apply([&](const Args&... a) { (add(a), ...); }, *args_);
  }
  std::size_t state_count() const override {
    return std::apply([](const Args&... a) { return count_memo_states(a...); }, *args_);
  }
  MemoStates collect_states(const std::vector<std::string>* previous) const override {
    return std::apply([previous](const Args&... a) { return collect_memo_states(previous, a...); }, *args_);
  }
  bool result_storable() const noexcept override { return std::is_void_v<Result> || kMemoEncodable<Stored>; }
  std::string encode_result() const override {
    if constexpr (!std::is_void_v<Result> && kMemoEncodable<Stored>) return internal::encode_result(*result_);
    return {};
  }
  void decode_result(std::string_view bytes) override {
    if constexpr (std::is_void_v<Result>) {
      result_.emplace();
    } else if constexpr (kMemoEncodable<Stored>) {
      result_.emplace(internal::decode_result<Stored>(bytes));
    }
  }
  void release_arguments() noexcept override { args_.reset(); }

  Result take_result() {
    if constexpr (!std::is_void_v<Result>) return std::move(*result_);
  }
  Stored& result() { return *result_; }

 private:
  F f_;
  std::optional<std::tuple<Args...>> args_;
  std::optional<Stored> result_;
};

template <class F, class... Args>
auto make_processor(F f, Args&&... args) {
  return std::make_shared<ProcessorImpl<std::decay_t<F>, std::decay_t<Args>...>>(
      std::move(f), std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...));
}

}  // namespace internal
}  // namespace cocoindex::inline v0
