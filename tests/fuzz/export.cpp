// Whatever the kernel says is there, `export` prints a file that is read without an error, and that
// comes out the same when it is written again.
#include "files.h"
#include "messages.h"
#include "property.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"

#include <map>

using namespace vxlanctl;

namespace {

/// As the reader does it, without the names behind indices.
State state_of(const std::uint8_t* data, std::size_t size) {
    State state;
    std::map<int, Link> links;
    for_each_message(data, size, [&](const nlmsghdr* message) {
        if (auto link = decode_link(message)) links.insert_or_assign(link->index, std::move(*link));
        if (const auto entry = decode_fdb(message); entry && links.contains(entry->link_index)) {
            Link& link = links.at(entry->link_index);
            const FloodEntry remote{entry->dst, entry->port, entry->vni, {}};
            if (entry->mac == MacAddress{}) link.flood_list.push_back(remote);
        }
        if (const auto address = decode_address(message);
            address && links.contains(address->link_index))
            links.at(address->link_index).addresses.push_back(address->address);
        for (const auto& route : decode_route(message))
            if (links.contains(route.link_index))
                links.at(route.link_index).routes.push_back(route.route);
        if (const auto rule = decode_rule(message)) state.rules.push_back(*rule);
    });
    for (auto& [index, link] : links) {
        std::sort(link.flood_list.begin(), link.flood_list.end());
        if (!link.name.empty()) state.links.put(link);
    }
    return state;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed = parsed_file(running_text(state_of(data, size), {}));
    require(parsed.errors.empty());
    const std::string text = rewritten(parsed);
    const auto again = parsed_file(text);
    require(again.errors.empty());
    require(rewritten(again) == text);
    return 0;
}
