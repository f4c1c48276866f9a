// cocoindex/cocoindex.h: the whole engine.
#pragma once

#include "cocoindex/app.h"
#include "cocoindex/component.h"
#include "cocoindex/context.h"
#include "cocoindex/errors.h"
#include "cocoindex/fingerprint.h"
#include "cocoindex/function.h"
#include "cocoindex/key.h"
#include "cocoindex/target_state.h"

namespace coco = cocoindex;  // NOLINT: the name that users write
