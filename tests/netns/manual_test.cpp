// The examples of the manual pages do what is said of them. Those with sit and ip6tnl run in
// tests/vm/isatap_test.cpp.
#include "manual.h"

#include <catch2/catch.hpp>

using namespace world;

TEST_CASE("manual: every example is run by a test") {
    for (const std::string page : {"vxlanctl.8", "vxlanctl.toml.5"}) {
        const auto examples = manual_examples(page);
        const auto& settings = example_settings(page);
        REQUIRE(examples.size() == settings.size());
        for (std::size_t i = 0; i < examples.size(); ++i) {
            INFO(examples[i]);
            CHECK(examples[i].find(settings[i].about) != std::string::npos);
        }
    }
}

TEST_CASE("manual: an example does what is said of it") {
    CHECK(run_manual_examples(Needs::nothing) > 0);
}

TEST_CASE("manual: the example for nft is loaded", "[nft]") {
    CHECK(run_manual_examples(Needs::nft) > 0);
}
