// The process that guards a change, by the library.
#include "vxlanctl/runtime/guardian.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

TEST_CASE("guardian: what it has to tell arrives whole, however long it is") {
    const Host host;
    auto there =
        vxlanctl::NetworkNamespace::open(fmt::format("/proc/self/fd/{}", host.space.descriptor()));
    REQUIRE(there);
    const vxlanctl::Kernel kernel(std::move(*there));
    auto directory = vxlanctl::RuntimeDirectory::open(kernel);
    REQUIRE(directory);
    REQUIRE(directory->lock(std::chrono::seconds(60), "test", [](const std::string&) {}));
    std::string left;
    for (int i = 0; i < 100000; ++i)
        left += fmt::format(", remove peer 100.64.{}.{}", i / 256 % 256, i % 256);
    auto guardian = vxlanctl::Guardian::start(*directory, [&]() -> vxlanctl::Result<void> {
        return vxlanctl::error(vxlanctl::Code::rollback_left, "", {{"problem", left}});
    });
    REQUIRE(guardian);
    const auto decision = guardian->wait(std::chrono::seconds(1), [] {});
    CHECK(decision.kind == vxlanctl::Decision::Kind::taken_back);
    REQUIRE(decision.error);
    CHECK(decision.error->kind == vxlanctl::ErrorKind::rollback_incomplete);
    CHECK(decision.error->code == vxlanctl::Code::rollback_left);
    CHECK(decision.error->value("problem") == left);
}
