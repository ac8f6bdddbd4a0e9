#include "vxlanctl/explain.h"

#include "vxlanctl/overloaded.h"

#include <cerrno>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace vxlanctl {
namespace {

std::string joined(const std::vector<Change>& changes) {
    std::vector<std::string> texts;
    for (const auto& change : changes)
        texts.push_back(to_string(change));
    return fmt::format("{}", fmt::join(texts, ", "));
}

template<class List> const auto& element_of(const List& list, std::size_t element) {
    return list.entries[std::min(element, list.entries.size() - 1)];
}

bool sets_up(const Step& step) {
    const auto* change = std::get_if<ChangeLink>(&step.operation);
    return change != nullptr && change->changed.up.value_or(false);
}

/// Our reason and remedy for what the kernel refuses without a word, or in words of its own world.
void supply_reason(Error& error, const Step& step) {
    if (error.code == EPERM) {
        error.why = "CAP_NET_ADMIN is missing in this network namespace";
        error.remedy = "Run it as root, or with sudo.";
        return;
    }
    const auto* create = std::get_if<CreateLink>(&step.operation);
    if (create != nullptr && error.code == EEXIST && create->tunnel.vni &&
        error.why.find("VNI") != std::string::npos) {
        error.kind = ErrorKind::usage;
        error.why = fmt::format(
            "VNI {} on port {} is already used by a link that is not visible in this network "
            "namespace",
            *create->tunnel.vni, create->tunnel.port.value_or(0));
        error.remedy = "Give the tunnels different --vni or --port, or put this one into "
                       "another network namespace, with a lower device of its own (netns).";
    } else if (create != nullptr && error.code == EOPNOTSUPP) {
        const auto module = traits_of(create->tunnel.kind).name;
        error.why = fmt::format("this kernel has no module '{}'",
                                module == "ip6tnl" ? "ip6_tunnel" : module);
        error.remedy = "It is in the package linux-image-amd64 of Debian (not in "
                       "linux-image-cloud-amd64), linux-modules-extra of Ubuntu, "
                       "kernel-modules-extra of Fedora and RHEL.";
    } else if (create != nullptr && error.code == EEXIST &&
               create->tunnel.kind != TunnelKind::vxlan) {
        error.remedy = "There may be a tunnel with the same ends: 'ip -d link' lists all.";
    } else if (const auto* route = std::get_if<AddRoute>(&step.operation);
               route != nullptr && error.code == EEXIST) {
        error.why = "there is another one of the same destination, table and metric, which "
                    "another program or another tunnel may need";
        error.remedy = "Remove it, or use another metric.";
    } else if (const auto* address = std::get_if<AddAddress>(&step.operation);
               address != nullptr && error.code == EACCES &&
               address->address.prefix.address.family == Family::ipv6) {
        error.why = fmt::format("IPv6 is disabled there: net.ipv6.conf.{}.disable_ipv6 is 1, which "
                                "a new link has from net.ipv6.conf.default",
                                address->link);
        error.remedy = "'sysctl -w net.ipv6.conf.all.disable_ipv6=0' enables it for all links, "
                       "also for new ones.";
    } else if (sets_up(step) && error.code == EADDRINUSE) {
        error.why = "the UDP port is in use by another program, or by a VXLAN with other flags";
        error.remedy = "'ss -ulnp' lists who uses it.";
    } else if (std::holds_alternative<AddFlood>(step.operation) && error.code == ENOSPC) {
        error.why = "the forwarding database is full";
        error.remedy = "Raise --limit.";
    } else if (std::holds_alternative<AddFlood>(step.operation) && error.code == EAFNOSUPPORT) {
        error.why = "the peer is of another address family than the tunnel";
    }
}

} // namespace

std::string imperative(const Step& step, std::size_t element) {
    return std::visit(
        Overloaded{
            [&](const CreateLink& op) {
                return element == 0 ? fmt::format("create '{}'", op.link)
                                    : fmt::format("mark '{}'", op.link);
            },
            [&](const ChangeLink& op) {
                if (sets_up(step)) return fmt::format("set '{}' up", op.link);
                return step.changes.empty() ? fmt::format("change '{}'", op.link)
                                            : "set " + joined(step.changes);
            },
            [&](const ChangeTunnel&) { return "set " + joined(step.changes); },
            [&](const RenameLink& op) {
                return fmt::format("rename '{}' to '{}'", op.link, op.to);
            },
            [&](const DeleteLink& op) { return fmt::format("remove '{}'", op.link); },
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
            [&](const SetForwarding&) { return "set " + joined(step.changes); },
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
    Error error{ErrorKind::kernel,   tunnel,       "cannot " + imperative(step, element),
                failure.kernel_text, failure.code, ""};
    supply_reason(error, step);
    return error;
}

bool is_gone_already(const Step& step, const Failure& failure) {
    const bool removes =
        is_destructive(step) && !std::holds_alternative<ChangeTunnel>(step.operation);
    return removes && (failure.code == ENOENT || failure.code == ESRCH || failure.code == ENODEV ||
                       failure.code == EADDRNOTAVAIL || failure.code == ENXIO);
}

} // namespace vxlanctl
