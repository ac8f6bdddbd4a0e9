// Files of /etc/vxlanctl: any bytes are tunnels or errors, and a tunnel is the same as text again.
// Behind a zero byte comes the peers file that they may name.
#include "files.h"
#include "property.h"
#include "vxlanctl/plan/plan.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(input.find('\0'), input.size());
    const std::string peers = end < input.size() ? input.substr(end + 1) : "";
    const auto parsed = parsed_file(input.substr(0, end), peers);
    for (const auto& error : parsed.errors)
        require(!to_string(error).empty());

    const std::string text = rewritten(parsed);
    const auto again = parsed_file(text);
    require(again.errors.empty());
    require(rewritten(again) == text);

    Config config{Origin::file, {}};
    for (const auto& defined : parsed.tunnels)
        config.tunnels.push_back(defined.tunnel);
    (void)plan(config, {}, {});
    return 0;
}
