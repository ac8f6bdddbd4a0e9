// A host's state in a file: any bytes are a snapshot or an error, and one that is read can be
// planned for, and is the same when it is written and read again.
#include "vxlanctl/run/snapshot.h"
#include "files.h"
#include "property.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/plan/snapshot_routes.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto snapshot =
        parse_snapshot(std::string(reinterpret_cast<const char*>(data), size), "fuzz.json");
    if (!snapshot) {
        require(!to_string(snapshot.error()).empty());
        return 0;
    }
    const std::string text = snapshot_text(*snapshot);
    const auto again = parse_snapshot(text, "fuzz.json");
    require(again.has_value() && snapshot_text(*again) == text);
    Config config{Origin::file, {}};
    for (auto& defined : parsed_file("[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                     "peers = [\"100.64.158.4\"]\naddresses = [\"10.0.0.1/9\"]\n",
                                     "", "fuzz.toml")
                             .tunnels)
        config.tunnels.push_back(std::move(defined.tunnel));
    for (const auto& named : snapshot->namespaces) {
        (void)plan(config, named.second.state, {});
        for (const auto* to : {"100.64.158.4", "2001:db8::1"})
            (void)resolve_route(named.second, {*parse_address(to), std::nullopt, 0, 4789, 0});
    }
    return 0;
}
