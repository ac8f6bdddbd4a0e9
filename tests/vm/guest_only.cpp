// These tests say what the guest's kernel does, and change its modules: not for the host.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

struct GuestOnly : Catch::TestEventListenerBase {
    using Catch::TestEventListenerBase::TestEventListenerBase;

    void testRunStarting(const Catch::TestRunInfo&) override {
        if (std::getenv("VM_GUEST") != nullptr) return; // set by guest-init
        std::fputs("SKIPPED: these tests run in a guest only: tests/vm/uml PROGRAM\n", stderr);
        std::_Exit(77);
    }
};

CATCH_REGISTER_LISTENER(GuestOnly)

} // namespace
