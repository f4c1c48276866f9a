#include "cocoindex/context.h"

#include <map>
#include <vector>

#include "cocoindex/reflect.h"

namespace cocoindex::inline v0 {

struct ContextProvider::Impl {
  struct Value {
    std::shared_ptr<void> value;
    const std::type_info* type;
    std::optional<Fingerprint> fingerprint;
  };
  std::map<std::string, Value, std::less<>> values;
  std::map<Fingerprint, Fingerprint> detected;  // name -> value
  // What to do at the end, last first; a value that was replaced lives until then too.
  std::vector<std::function<void()>> at_exit;
};

ContextProvider::ContextProvider() : impl_(std::make_unique<Impl>()) {}
ContextProvider::~ContextProvider() { clear(); }

void ContextProvider::clear() {
  impl_->values.clear();
  impl_->detected.clear();
  while (!impl_->at_exit.empty()) {
    auto last = std::move(impl_->at_exit.back());
    impl_->at_exit.pop_back();
    last();
  }
}

bool ContextProvider::has(std::string_view name) const noexcept { return impl_->values.contains(name); }

std::optional<Fingerprint> ContextProvider::fingerprint_of(std::string_view name) const noexcept {
  auto it = impl_->values.find(name);
  return it == impl_->values.end() ? std::nullopt : it->second.fingerprint;
}

bool ContextProvider::holds(const Fingerprint& name_fp, const Fingerprint& value_fp) const noexcept {
  auto it = impl_->detected.find(name_fp);
  return it != impl_->detected.end() && it->second == value_fp;
}

void ContextProvider::on_exit(std::function<void()> f) { impl_->at_exit.push_back(std::move(f)); }

void* ContextProvider::find(std::string_view name, const std::type_info& type) const {
  auto it = impl_->values.find(name);
  if (it == impl_->values.end())
    throw ContextError("context key \"" + std::string(name) + "\" is not provided");
  if (*it->second.type != type) {
    throw ContextError("context key \"" + std::string(name) + "\" is provided as " +
                       reflect::type_name(*it->second.type) + ", asked for as " + reflect::type_name(type));
  }
  return it->second.value.get();
}

void ContextProvider::add(std::string_view name, std::shared_ptr<void> value, const std::type_info& type,
                          std::optional<Fingerprint> fp) {
  if (!value) throw ContextError("context key \"" + std::string(name) + "\": the value is null");
  auto it = impl_->values.find(name);
  if (it != impl_->values.end() && *it->second.type != type) {
    throw ContextError("context key \"" + std::string(name) + "\" is provided as " +
                       reflect::type_name(*it->second.type) + " and as " + reflect::type_name(type));
  }
  impl_->at_exit.push_back([value]() mutable { value.reset(); });
  if (fp) impl_->detected[fingerprint_bytes(name)] = *fp;
  impl_->values.insert_or_assign(std::string(name), Impl::Value{std::move(value), &type, fp});
}

void ContextProvider::throw_not_hashable(std::string_view name, const std::type_info& type) {
  throw ContextError("context key \"" + std::string(name) + "\" detects changes, but a " +
                     reflect::type_name(type) + " cannot be hashed: give it a coco_memo_key");
}

}  // namespace cocoindex::inline v0
