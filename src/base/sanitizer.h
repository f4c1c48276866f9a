// Whether this build is instrumented, so that a test can take fewer cases where each costs ten times as much.
#pragma once

namespace cocozvec::inline v0 {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)  // g++
inline constexpr bool kSanitized = true;
#elif !defined(__has_feature)
inline constexpr bool kSanitized = false;
#elif __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)  // clang
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace cocozvec::inline v0
