#include "zvec/collection/write_call.h"

#include "zvec/schema/text.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/log.h"

namespace zvec::inline v0 {

Result<Resolver::Known*> Resolver::Learn(std::string_view id) {
  const auto [it, fresh] = known_.try_emplace(id);
  Known& known = it->second;
  if (!fresh) return &known;
  auto stored = version_.Locate(id, HashId(id));
  if (!stored.ok()) {
    known_.erase(it);
    return stored.status();
  }
  known.stored = *stored;
  known.live = known.stored.has_value();
  return &known;
}

void Resolver::Touch(std::string_view id, Known& known) {
  if (known.call == call_) return;
  known.call = call_;
  known.live_before = known.live;
  known.put = SIZE_MAX;
  touched_.emplace_back(id, &known);
}

void Resolver::Store(std::string_view id, Known& known, const std::string* row) {
  Touch(id, known);
  if (known.put != SIZE_MAX) puts_[known.put].row = nullptr;
  known.put = puts_.size();
  puts_.push_back({row});
  known.row = row;
  known.live = true;
}

bool Resolver::Remove(std::string_view id, Known& known) {
  if (!known.live) return false;
  Touch(id, known);
  if (known.put != SIZE_MAX) puts_[known.put].row = nullptr;
  known.put = SIZE_MAX;
  known.row = nullptr;
  known.live = false;
  return true;
}

Status Resolver::NotThere(std::string_view id) const {
  return Status::NotFound("collection " + Quoted(schema_.name) + ": document " + Quoted(id) +
                          " is not there");
}

Status Resolver::Change(WriteCall& call, std::size_t i, Known& known) {
  const std::string_view id = call.ids[i];
  switch (call.kind) {
    case WriteKind::kInsert:
      if (known.live)
        return Status::AlreadyExists("collection " + Quoted(schema_.name) + ": document " + Quoted(id) +
                                     " is there already");
      [[fallthrough]];
    case WriteKind::kUpsert:
      Store(id, known, &call.rows[i]);
      return {};
    case WriteKind::kUpdate:
      if (!known.live) return NotThere(id);
      if (!call.patches[i].gives_something()) return {};
      rows_.push_back(ApplyPatch(layout_, *known.row, call.patches[i]));
      Store(id, known, &rows_.back());
      return {};
  }
  return Status::Internal("a write of no kind");
}

Result<std::optional<std::string>> Resolver::Resolve(WriteCall& call) {
  ++call_;
  puts_.clear();
  touched_.clear();
  // Everything that can fail comes first, so that a call that fails has changed nothing.
  std::vector<Known*> targets;
  targets.reserve(call.ids.size() + call.deletes.size());
  for (const std::string_view id : call.ids) {
    ZVEC_ASSIGN_OR_RETURN(Known * known, Learn(id));
    if (call.kind == WriteKind::kUpdate && known->live && known->row == nullptr) {
      ZVEC_ASSIGN_OR_RETURN(std::string row, DocReader::ReadRow(version_, layout_, *known->stored));
      rows_.push_back(std::move(row));
      known->row = &rows_.back();
    }
    targets.push_back(known);
  }
  for (const std::string& id : call.deletes) {
    ZVEC_ASSIGN_OR_RETURN(Known * known, Learn(id));
    targets.push_back(known);
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Status status;
    if (i < call.ids.size()) {
      status = Change(call, i, *targets[i]);
    } else if (const std::string& id = call.deletes[i - call.ids.size()]; !Remove(id, *targets[i])) {
      status = NotThere(id);
    }
    call.result.applied += status.ok();
    call.result.statuses.push_back(std::move(status));
  }
  return Record();
}

std::optional<std::string> Resolver::Record() const {
  BatchBuilder batch(kRecordHeaderBytes);
  std::size_t bytes = 0;
  for (const Put& put : puts_) bytes += put.row ? put.row->size() : 0;
  batch.Reserve(bytes);
  for (const Put& put : puts_)
    if (put.row != nullptr) batch.Put(*put.row);
  for (const auto& [id, known] : touched_)
    if (known->live_before && !known->live) batch.Delete(id);
  if (batch.empty()) return std::nullopt;
  return std::move(batch).Finish();
}

}  // namespace zvec::inline v0
