// cocoindex/memo.h: how values become memo keys, stored results and memo states. What a type of your own can
// add, each a function beside the type, found by argument-dependent lookup:
//   coco_memo_key(x)                          what stands for x in a key            (memo/hash.h)
//   coco_encode(x), coco_decode(type, bytes)  x as bytes and back                   (memo/codec.h)
//   coco_memo_state(x, previous)              is what was remembered still true?    (memo/state.h)
// Plain aggregates of known types need none of them; COCO_DESCRIBE (reflect.h) helps where reflection cannot
// see. Threads: all functions may be called from any thread.
#pragma once

#include "cocoindex/memo/codec.h"  // IWYU pragma: export
#include "cocoindex/memo/hash.h"   // IWYU pragma: export
#include "cocoindex/memo/state.h"  // IWYU pragma: export
