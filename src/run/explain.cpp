#include "vxlanctl/run/explain.h"

#include "vxlanctl/plan/describe.h"

#include <cerrno>

namespace vxlanctl {
namespace {

/// Our reason and remedy for what the kernel refuses without a word, or in words of its own world.
void supply_reason(Error& error, const Step& step) {
    const int code = error.errno_code;
    // Ours in place of the kernel's words.
    const auto say = [&](Code reason, Values values = {}) {
        Error said(reason, error.subject, error.values);
        for (auto& value : values)
            said.set(std::move(value));
        error = std::move(said).with(code);
    };
    if (code == EPERM) {
        say(Code::net_admin_missing);
        return;
    }
    const auto* create = std::get_if<CreateLink>(&step.operation);
    if (create != nullptr && code == EEXIST && create->tunnel.vni &&
        error.kernel_text.find("VNI") != std::string::npos) {
        say(Code::vni_in_use_elsewhere,
            {{"vni", *create->tunnel.vni}, {"port", create->tunnel.port.value_or(0)}});
    } else if (create != nullptr && code == EOPNOTSUPP) {
        say(Code::module_missing, {{"module", kind_of(create->tunnel.kind).module_name}});
    } else if (create != nullptr && code == EEXIST && create->tunnel.kind != TunnelKind::vxlan) {
        error.code = Code::tunnel_exists; // the kernel's words remain
    } else if (const auto* route = std::get_if<Add<Route>>(&step.operation);
               route != nullptr && code == EEXIST) {
        say(Code::route_taken);
    } else if (const auto* address = std::get_if<Add<Address>>(&step.operation);
               address != nullptr && code == EACCES &&
               address->object().prefix.address.family == Family::ipv6) {
        say(Code::ipv6_disabled, {{"interface", address->link}});
    } else if (sets_up(step) && code == EADDRINUSE) {
        say(Code::udp_port_in_use);
    } else if (std::holds_alternative<Add<FloodEntry>>(step.operation) && code == ENOSPC) {
        say(Code::fdb_full);
    } else if (std::holds_alternative<Add<FloodEntry>>(step.operation) && code == EAFNOSUPPORT) {
        say(Code::peer_family_refused);
    }
}

} // namespace

Error explain(const std::string& tunnel, const Step& step, std::size_t element,
              const Failure& failure) {
    Error refusal = Error(Code::kernel_refused, tunnel, {{"step", imperative(step, element)}})
                        .with(failure.code, failure.kernel_text);
    supply_reason(refusal, step);
    return refusal;
}

bool is_gone_already(const Step& step, const Failure& failure) {
    const bool removes =
        is_destructive(step) && !std::holds_alternative<ChangeTunnel>(step.operation);
    return removes && (failure.code == ENOENT || failure.code == ESRCH || failure.code == ENODEV ||
                       failure.code == EADDRNOTAVAIL || failure.code == ENXIO);
}

} // namespace vxlanctl
