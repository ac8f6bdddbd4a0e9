// Peers files: any bytes are peers, in their lines, or errors.
#include "property.h"
#include "vxlanctl/files/vxlan.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::size_t peers = 0, errors = 0, last = 0;
    read_peers(
        text, "peers",
        [&](const Peer&, const std::string& name, std::size_t line) {
            require(name.empty() || parse_peer_name(name).has_value());
            require(line > last);
            last = line;
            ++peers;
        },
        [&](const Error& error) {
            require(!to_string(error).empty());
            ++errors;
        });
    const auto list = parse_peers(text, "peers");
    require(list.has_value() == (errors == 0));
    if (list) require(list->entries.size() + list->names.size() == peers);
    return 0;
}
