// cocoindex/connectors/zvec.h: keeps zvec collections in step with what a program declares.
//
//   namespace zc = cocoindex::connectors::zvec;
//
// Write path only: searching is done on the database handle, for example
// ctx.use(ZVEC_DB).open_existing("docs"). docs/connectors/zvec.md is the guide. (`using namespace
// cocoindex::connectors;` would make the plain name `zvec` ambiguous.)
#pragma once

#include "cocoindex/connectors/zvec/annotations.h"
#include "cocoindex/connectors/zvec/column.h"
#include "cocoindex/connectors/zvec/connection.h"
#include "cocoindex/connectors/zvec/schema.h"
#include "cocoindex/connectors/zvec/target.h"
