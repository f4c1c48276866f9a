// base/give_way.h: threads whose work nobody waits for leave the cores to the others.
#pragma once

namespace cocozvec::inline v0 {

/// The calling thread, and those that it starts from now on, get a smaller share of a busy core: its nice
/// value rises by `by` (up to 19). It gets all of a core that nobody else wants. Linux only; elsewhere, and
/// for `by` <= 0, nothing happens.
void GiveWay(int by) noexcept;

}  // namespace cocozvec::inline v0
