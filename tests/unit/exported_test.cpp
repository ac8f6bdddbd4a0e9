// What runs, exported, and read again as a file: over many random links, which others have changed.
#include "random.h"
#include "simulator.h"
#include "vxlanctl/exported.h"
#include "vxlanctl/file_text.h"
#include "vxlanctl/tunnel_file.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

ParsedFiles parsed(const std::string& text) {
    const SourceText source{"standard input", text};
    return parse_files({&source, 1}, [](std::size_t, const std::string&) -> Result<std::string> {
        throw std::logic_error("nothing names a peers file");
    });
}

void carry_out(const TunnelPlan& plan, State& state) {
    for (const auto& step : plan.steps)
        REQUIRE(simulate(state, step) == "");
    state.records[plan.mark->id] = plan.record;
}

} // namespace

TEST_CASE("exported: what runs is a file that changes nothing but the mark") {
    long exports = 0;
    for (unsigned seed = 0; seed < 4000; ++seed) {
        INFO("seed " << seed);
        Chance chance(seed);
        State state = host_state();
        const PlanOptions options = random_options(chance);
        const Config made{Origin::cli, {random_tunnel(chance, seed)}, {}};
        const TunnelPlan plan_of_made = plan(made, state, options).tunnels.at(0);
        if (!plan_of_made.errors.empty()) continue;
        carry_out(plan_of_made, state);
        disturb(chance, state);
        if (chance.one_in(2)) state.links.find("vxlan0")->attributes.alias = ""; // by a script

        const Exported wish = exported(*find_link(std::as_const(state), "vxlan0"), state);
        const std::string text = file_text(wish.tunnel, wish.comments);
        INFO(text);
        if (!wish.obstacle.empty()) continue;
        const ParsedFiles files = parsed(text);
        REQUIRE(files.errors.empty());
        const Config config{Origin::file, {files.tunnels.at(0).tunnel}, {}};
        PlanOptions cautious;
        cautious.allow_overlap = true; // it is there already
        const TunnelPlan again = plan(config, state, cautious).tunnels.at(0);
        for (const auto& line : rendered(again.steps))
            UNSCOPED_INFO(line);
        for (const auto& error : again.errors)
            UNSCOPED_INFO(to_string(error));
        REQUIRE(again.errors.empty());
        REQUIRE(again.steps.size() <= 1);
        REQUIRE((again.steps.empty() || again.adopted));

        carry_out(again, state);
        const Exported twice = exported(*find_link(std::as_const(state), "vxlan0"), state);
        REQUIRE(parsed(file_text(twice.tunnel, twice.comments)).tunnels.at(0).tunnel ==
                files.tunnels.at(0).tunnel);
        ++exports;
    }
    CHECK(exports > 1000);
}
