// Linked into the tests of the tsan preset. libstdc++ counts the references of an exception_ptr with atomics
// that it was built with and ThreadSanitizer cannot see, so an exception that is read in one thread and
// dropped last in another looks like a race. Nothing else is suppressed.
extern "C" __attribute__((visibility("default"))) const char*
__tsan_default_suppressions();  // called by the runtime
extern "C" const char* __tsan_default_suppressions() {
  return "race:std::__exception_ptr::exception_ptr::_M_release\n"
         "race:std::runtime_error::~runtime_error\n"
         "race:std::logic_error::~logic_error\n";
}
