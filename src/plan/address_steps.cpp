#include "vxlanctl/plan/address_steps.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/lasting_routes.h"

#include <algorithm>
#include <linux/if_addr.h>

namespace vxlanctl {
namespace {

/// Where the link has the address, and it has an end, or shall have one.
std::vector<Difference> change_of_lifetime(const Link& have, const Address& wanted) {
    const auto words = [](const Address& address) {
        return address.valid_seconds != forever       ? "limited"
               : address.preferred_seconds != forever ? "deprecated"
                                                      : "forever";
    };
    for (const auto& present : have.addresses)
        if (same_identity(present, wanted) && differs_in_lifetime(present, wanted))
            return {{"lifetime of " + to_string(wanted.prefix), words(present), words(wanted)}};
    return {};
}

bool is_to_be_checked(const LinkTarget& want, const Address& address) {
    return want.duplicate_check != 0 && is_in(want.to_be_checked, address.prefix.address);
}

} // namespace

bool needs_link_up(const Address& address) {
    return !is_ipv4(address) && address.valid_seconds != forever;
}

bool comes_after_up(const LinkTarget& want, const Address& address) {
    return needs_link_up(address) || is_to_be_checked(want, address);
}

Step address_step(const LinkTarget& want, const Address& address, std::vector<Difference> changes) {
    Add<Address> add{want.name, {address}};
    if (is_to_be_checked(want, address)) add.manner.duplicate_check = want.duplicate_check;
    return {std::move(add), std::move(changes), Disruption::none};
}

Step moved_address_step(const LinkTarget& want, const Address& address) {
    if (!is_among(want.moved, address)) return address_step(want, address);
    Address usable = address;
    usable.flags |= IFA_F_NODAD;
    return address_step(want, usable);
}

void add_detection_steps(std::vector<Step>& steps, const LinkTarget& want) {
    for (const auto& address : want.moved)
        steps.push_back(address_step(
            want, address,
            {{"duplicate detection of " + to_string(address.prefix), "skipped", "on"}}));
}

bool is_replaced_by(const Address& surplus, const Address& wanted) {
    return !is_ipv4(wanted) && surplus.prefix.address == wanted.prefix.address;
}

void add_address_steps(std::vector<Step>& steps, const Link& have, const LinkTarget& want,
                       const std::function<bool(const Address&)>& is_meant) {
    for (const auto& address : want.addresses) {
        if (!is_meant(address)) continue;
        const bool present = is_among(have.addresses, address);
        const auto change = change_of_lifetime(have, address);
        const auto same_subnet = [&](const Address& other) {
            return is_ipv4(address) && is_ipv4(other) &&
                   other.prefix.length == address.prefix.length &&
                   network_of(other.prefix) == network_of(address.prefix);
        };
        const auto earlier = [&](const Step& step) {
            const auto* added = std::get_if<Add<Address>>(&step.operation);
            return added != nullptr && same_subnet(added->object());
        };
        const bool behind = want.ordered && std::any_of(steps.begin(), steps.end(), earlier);
        if (present && !behind && change.empty()) continue;
        if (present && behind) steps.push_back({Remove<Address>{want.name, {address}}, {}, {}});
        // IPv6 knows an address once per link, whatever its prefix length.
        for (const auto& surplus : want.surplus_addresses)
            if (is_replaced_by(surplus, address))
                steps.push_back({Remove<Address>{want.name, {surplus}}, {}, {}});
        steps.push_back(address_step(want, address, behind ? std::vector<Difference>{} : change));
    }
}

void promote_around_removals(std::vector<Step>& steps, const Link& have, const LinkTarget& want) {
    const auto removes_ipv4 = [](const Step& step) {
        const auto* removal = std::get_if<Remove<Address>>(&step.operation);
        return removal != nullptr && is_ipv4(removal->object());
    };
    const auto switch_to = [&](bool on) {
        LinkAttributes changed;
        changed.promote_secondaries = on;
        return Step{ChangeLink{want.name, changed},
                    {{"promote_secondaries", on ? "no" : "yes", on ? "yes" : "no"}},
                    Disruption::none};
    };
    bool promotes = have.attributes.promote_secondaries.value_or(true);
    const bool wanted = want.attributes.promote_secondaries.value_or(
        promotes || (!want.surplus_addresses.empty() && is_behind_foreign(have, want)));
    const auto first = std::find_if(steps.begin(), steps.end(), removes_ipv4);
    const auto others = std::count_if(have.addresses.begin(), have.addresses.end(), is_ipv4) +
                        std::count_if(steps.begin(), first, [](const Step& step) {
                            return std::holds_alternative<Add<Address>>(step.operation);
                        });
    if (first != steps.end() && others > 1 && !promotes) {
        steps.insert(first, switch_to(true));
        promotes = true;
    }
    if (promotes != wanted) steps.push_back(switch_to(wanted));
}

} // namespace vxlanctl
