#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>

/// Whether the tunnel's packets fit.
namespace vxlanctl {

void check_lower_mtu(Check& check, const Examined& it) {
    const Link* lower = it.link.underlay_elsewhere ? nullptr : find_link(it.state, it.dev);
    const auto mtu = it.link.attributes.mtu;
    const auto limit = mtu_limit(it.link.tunnel, it.state);
    if (lower != nullptr && mtu && limit && *mtu > *limit)
        check.fail(Code::mtu_too_large_for_lower,
                   {{"mtu", *mtu}, {"lower", *lower->attributes.mtu}, {"dev", lower->name}},
                   mtu_remedy(it, *limit));
}

void check_mtu(Check& check, const Examined& it) {
    if (it.link.underlay_elsewhere || !it.signs.empty() || has_failed(it, check_settings)) return;
    check_lower_mtu(check, it);
    const auto own = it.link.attributes.mtu.value_or(0);
    const auto taken = overhead(it.link.tunnel);
    for (const auto& way : it.tunnel.out) {
        const Link* out = it.dev.empty() ? find_link(it.state, way.dev) : nullptr;
        const std::uint32_t room = way.mtu != 0 ? way.mtu
                                   : out != nullptr && out->name != it.link.name
                                       ? out->attributes.mtu.value_or(0)
                                       : 0;
        if (way.code == 0 && room > taken && own + taken > room && outer_losses(it, way.to).empty())
            check.fail(Code::mtu_too_large_for_route,
                       {{"mtu", own}, {"route", room}, {"peer", to_string(way.to)}},
                       mtu_remedy(it, room - taken));
    }
    check.pass(Code::mtu_fits, {{"mtu", own}, {"outer", own + taken}});
}

} // namespace vxlanctl
