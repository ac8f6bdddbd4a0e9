#pragma once

#include "vxlanctl/model/model.h"

#include <map>
#include <set>

/// Peers by name: which names a config needs to know, and what their addresses make of it. Looking
/// them up is resolve.h's.
namespace vxlanctl {

/// A name and the family that its addresses are to be of.
struct NameQuery {
    std::string name;
    Family family = Family::ipv4;
    auto operator<=>(const NameQuery&) const = default;
};

/// What came of one: addresses, or the reason why there are none.
struct NameAnswer {
    std::vector<IpAddress> addresses;
    std::string why;
};
using NameAnswers = std::map<NameQuery, NameAnswer>;

/// Each name of the config once for each family.
std::set<NameQuery> host_names_in(const Config& config);

/// Makes every address of the tunnel's names a peer of its own, beside those that are stated as
/// addresses. A name that has none, or one that no peer can have, becomes an unresolved one.
void put_addresses(Tunnel& tunnel, const NameAnswers& answers);

/// Whether the link has a peer that can be kept: a flood entry or default remote of that family.
bool has_peers(const Link& link, Family family);

/// That the peers which the tunnel has are kept because of the name.
Message warning_of(const UnresolvedName& name, const std::string& tunnel);

} // namespace vxlanctl
