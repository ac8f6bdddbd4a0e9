#include "vxlanctl/run/explain.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"

#include <cerrno>

namespace vxlanctl {
namespace {

template<class List> const auto& element_of(const List& list, std::size_t element) {
    return list.entries[std::min(element, list.entries.size() - 1)];
}

bool sets_up(const Step& step) {
    const auto* change = std::get_if<ChangeLink>(&step.operation);
    return change != nullptr && change->changed.up.value_or(false);
}

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
        const auto module = traits_of(create->tunnel.kind).name;
        say(Code::module_missing, {{"module", module == "ip6tnl" ? "ip6_tunnel" : module}});
    } else if (create != nullptr && code == EEXIST && create->tunnel.kind != TunnelKind::vxlan) {
        error.code = Code::tunnel_exists; // the kernel's words remain
    } else if (const auto* route = std::get_if<AddRoute>(&step.operation);
               route != nullptr && code == EEXIST) {
        say(Code::route_taken);
    } else if (const auto* address = std::get_if<AddAddress>(&step.operation);
               address != nullptr && code == EACCES &&
               address->address.prefix.address.family == Family::ipv6) {
        say(Code::ipv6_disabled, {{"interface", address->link}});
    } else if (sets_up(step) && code == EADDRINUSE) {
        say(Code::udp_port_in_use);
    } else if (std::holds_alternative<AddFlood>(step.operation) && code == ENOSPC) {
        say(Code::fdb_full);
    } else if (std::holds_alternative<AddFlood>(step.operation) && code == EAFNOSUPPORT) {
        say(Code::peer_family_refused);
    }
}

} // namespace

std::string imperative(const Step& step, std::size_t element) {
    return std::visit(
        Overloaded{
            [&](const CreateLink& op) {
                return element == 0 ? formatted("create '{}'", op.link)
                                    : formatted("mark '{}'", op.link);
            },
            [&](const ChangeLink& op) {
                if (sets_up(step)) return formatted("set '{}' up", op.link);
                return step.changes.empty() ? formatted("change '{}'", op.link)
                                            : "set " + to_string(step.changes);
            },
            [&](const ChangeTunnel&) { return "set " + to_string(step.changes); },
            [&](const RenameLink& op) { return formatted("rename '{}' to '{}'", op.link, op.to); },
            [&](const DeleteLink& op) { return formatted("remove '{}'", op.link); },
            [&](const AddFlood& op) {
                return "add peer " + to_string(element_of(op, element).dst);
            },
            [&](const RemoveFlood& op) {
                return "remove peer " + to_string(element_of(op, element).dst);
            },
            [&](const AddMacs& op) {
                return "add FDB entry " + to_string(element_of(op, element).mac);
            },
            [&](const RemoveMacs& op) {
                return "remove FDB entry " + to_string(element_of(op, element).mac);
            },
            [&](const AddRouters& op) {
                return "add router " + to_string(element_of(op, element).router);
            },
            [&](const ChangeRouters& op) {
                return "change router " + to_string(element_of(op, element).router);
            },
            [&](const RemoveRouters& op) {
                return "remove router " + to_string(element_of(op, element).router);
            },
            [&](const AddAddress& op) { return "add address " + to_string(op.address.prefix); },
            [&](const RemoveAddress& op) {
                return "remove address " + to_string(op.address.prefix);
            },
            [&](const AddRoute& op) { return "add route " + to_string(op.route); },
            [&](const RemoveRoute& op) { return "remove route " + to_string(op.route); },
            [&](const AddRule& op) { return "add rule " + to_string(op.rule); },
            [&](const RemoveRule& op) { return "remove rule " + to_string(op.rule); },
            [&](const SetForwarding&) { return "set " + to_string(step.changes); },
            [&](const AddNeighbour& op) {
                return "add neighbour " + to_string(op.neighbour.address);
            },
            [&](const RemoveNeighbour& op) {
                return "remove neighbour " + to_string(op.neighbour.address);
            },
        },
        step.operation);
}

std::vector<std::string> imperatives(const std::vector<Step>& steps) {
    std::vector<std::string> texts;
    for (const auto& step : steps) {
        // What else goes with a creation belongs to it.
        const bool creates = std::holds_alternative<CreateLink>(step.operation);
        const std::size_t count = creates ? 1 : message_count(step);
        for (std::size_t i = 0; i < count; ++i)
            texts.push_back(imperative(step, i));
    }
    return texts;
}

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
