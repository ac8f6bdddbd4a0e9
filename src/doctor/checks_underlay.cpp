#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <linux/rtnetlink.h>

/// What the tunnel's own packets need: the underlay interface, the local address, and routes.
namespace vxlanctl {
namespace {

/// That the local address, which was set for another tunnel, is gone from there.
const Loss* lost_local(const Examined& it) {
    if (it.local && find_host_address(it.state, *it.local, "") != nullptr) return nullptr;
    const auto found = std::find_if(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel != it.link.name && loss.address && loss.address == it.local;
    });
    return found == it.losses.end() ? nullptr : &*found;
}

/// Whether an IPv6 address was asked for inside.
bool wants_ipv6(const Examined& it) {
    const auto has_ipv6 = [](const std::vector<Prefix>& prefixes) {
        return std::any_of(prefixes.begin(), prefixes.end(), [](const Prefix& prefix) {
            return prefix.address.family == Family::ipv6;
        });
    };
    return (it.wish != nullptr && it.wish->addresses && has_ipv6(*it.wish->addresses)) ||
           (it.record != nullptr && has_ipv6(it.record->addresses));
}

/// The address that the underlay interface has instead of the local one, or null.
const HostAddress* address_in_place(const Examined& it) {
    for (const auto& host : it.state.host_addresses)
        if (!it.dev.empty() && host.link == it.dev && it.local &&
            host.prefix.address.family == it.local->family && !is_link_local(host.prefix.address))
            return &host;
    return nullptr;
}

} // namespace

void check_lower_device(Check& check, const Examined& it) {
    const Values dev{{"dev", it.dev}};
    if (it.link.underlay_elsewhere) return check.warn(Code::lower_elsewhere);
    if (it.dev.empty()) return check.pass(Code::lower_none);
    switch (condition_of(find_link(it.state, it.dev))) {
    case LinkCondition::missing: return check.fail(Code::lower_gone, {});
    case LinkCondition::down: return check.fail(Code::lower_down, dev, up_command(it.dev));
    case LinkCondition::no_carrier: return check.fail(Code::lower_no_carrier, dev);
    case LinkCondition::up: return check.pass(Code::lower_up, dev);
    }
}

void check_local_address(Check& check, const Examined& it) {
    if (it.link.underlay_elsewhere) return;
    if (const Loss* below = lost_local(it)) {
        if (!is_examined(it.facts, below->tunnel)) // else that one's check says so
            check.fail(Code::local_gone_from_tunnel,
                       {{"local", to_string(*below->address)}, {"interface", below->tunnel}},
                       below->remedy);
        return;
    }
    if (!it.local) return check.pass(Code::local_none);
    const std::string local = to_string(*it.local);
    const HostAddress* host = find_host_address(it.state, *it.local, it.dev);
    if (host == nullptr) {
        if (const HostAddress* other = address_in_place(it))
            check.fail(
                Code::local_changed,
                {{"local", local}, {"dev", it.dev}, {"address", to_string(other->prefix.address)}},
                with_caution(set_remedy(it, "local",
                                        formatted("\"{}\"", to_string(other->prefix.address)),
                                        to_string(other->prefix.address)),
                             Code::peers_need_new_local));
        else
            check.fail(Code::local_missing, {{"local", local}});
    } else if (!it.dev.empty() && host->link != it.dev)
        check.warn(Code::local_on_another,
                   {{"local", local}, {"interface", host->link}, {"dev", it.dev}});
    else
        check.pass(Code::local_here, {{"local", local}, {"interface", host->link}});
}

/// What of a record is gone, where nobody has compared the tunnel with what was asked for.
void judge_record(Check& check, const Examined& it) {
    if (it.record == nullptr) return check.pass(Code::nothing_recorded);
    // With the underlay interface or the local address go routes that were set out of the device.
    const LinkCondition below = condition_of(find_link(it.state, it.dev));
    const bool inside_alone = (!it.dev.empty() && below != LinkCondition::up) ||
                              (it.local && find_host_address(it.state, *it.local, "") == nullptr);
    if (it.link.attributes.up.value_or(false))
        for (const auto& loss : it.losses)
            if (loss.tunnel == it.link.name && (loss.inside || !inside_alone))
                check.add(Verdict::fail, loss.message, loss.remedy);
    check.pass(inside_alone ? Code::all_inside_there : Code::all_set_there,
               {{"addresses", it.record->addresses.size()},
                {"routes", it.record->routes.size()},
                {"rules", it.record->rules.size()}});
}

void check_settings(Check& check, const Examined& it) {
    if (it.facts.held.contains(it.link.name))
        check.fail(Code::settings_on_hold, {{"file", file_of(it.facts, it.link.name)}},
                   "vxlanctl apply");
    if (it.tunnel.port_is_taken) return; // why it is down, and stays so
    const auto found = it.facts.differences.find(it.link.name);
    if (found == it.facts.differences.end()) return judge_record(check, it);
    const Drift& drift = found->second;
    if (!drift.remedy.empty() && wants_ipv6(it) && policy_of(it.facts, it.link.name).ipv6_disabled)
        check.fail(Code::ipv6_disabled_inside, {{"interface", it.link.name}},
                   "sysctl -w " +
                       shell_quoted(formatted("net/ipv6/conf/{}/disable_ipv6=0", it.link.name)));
    if (!drift.what.empty()) {
        const std::string file = file_of(it.facts, it.link.name);
        check.fail(file.empty() ? Code::settings_differ : Code::settings_differ_from_file,
                   {{"file", file}, {"changes", first_of(drift.what)}}, drift.remedy);
    }
    for (const auto& reason : drift.reasons) // what other checks find, they say in their own words
        check.add(reason.kind == ErrorKind::refused ? Verdict::fail : Verdict::warn, reason,
                  drift.remedy);
    check.pass(Code::settings_as_asked);
}

} // namespace vxlanctl
