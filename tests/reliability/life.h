// tests/reliability/life.h: lives of a collection made of twelve kinds of operations, chosen by a number.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/collection/testing/workload.h"

namespace reliability {

using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using zvec::Collection;
using zvec::Doc;
using zvec::Status;
using zvec::StatusCode;
using zvec::testing_docs::Describe;
using zvec::testing_docs::LookAt;
using zvec::testing_docs::Note;
using zvec::testing_docs::NoteSchema;
using zvec::testing_docs::Seen;
using zvec::testing_docs::State;
using zvec::testing_docs::Step;
using zvec::testing_docs::World;

enum class Kind {
  kInsert,
  kUpsert,
  kUpdate,
  kDelete,
  kDeleteByFilter,
  kApply,
  kMark,
  kFlush,
  kSeal,  ///< an upsert that is large enough
  kOptimize,
  kReopen,
  kRecreate,
};
inline constexpr std::uint64_t kKinds = 12;

const char* NameOf(Kind kind);
/// True when what was written before is durable afterwards, whatever the options say. (A relaxed Create makes
/// nothing durable, itself not either.)
bool MakesDurable(Kind kind);

using Random = std::mt19937_64;

Step CreateStep();
Step MakeStep(Kind kind, Random& random);

/// Sets up options with which kSeal seals.
World SmallWorld(cocozvec::FileSystem& disk, zvec::Durability durability);

}  // namespace reliability
