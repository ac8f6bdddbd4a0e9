#pragma once

#include "vxlanctl/model/attributes.h"

#include <string>
#include <variant>
#include <vector>

namespace vxlanctl {

/// What a step costs the traffic of the link.
enum class Disruption : std::uint8_t { none, flap, recreate };

// The operations. Each one is a message to the kernel, or one per element of its list.

/// Makes the link and marks it, in one send. The link is down.
struct CreateLink {
    std::string link;
    LinkAttributes attributes;
    TunnelAttributes tunnel;
};
struct ChangeLink {
    std::string link;
    LinkAttributes changed;
};
/// What changes; of a kind whose changes_whole is set, every attribute.
struct ChangeTunnel {
    std::string link;
    TunnelAttributes changed;
};
struct RenameLink {
    std::string link;
    std::string to;
};
struct DeleteLink {
    std::string link;
};
/// Appends entries under the all-zero MAC. State and flags are kept per MAC, not per entry: an
/// append sets those of the whole list.
struct AddFlood {
    std::string link;
    std::vector<FloodEntry> entries;
    std::uint16_t state = permanent_flood_state;
    std::uint8_t flags = own_flood_flags;
};
struct RemoveFlood {
    std::string link;
    std::vector<FloodEntry> entries;
};
struct AddMacs {
    std::string link;
    std::vector<MacEntry> entries;
};
struct RemoveMacs {
    std::string link;
    std::vector<MacEntry> entries;
};
/// The PRL is not reached by netlink but by an ioctl an entry.
struct AddRouters {
    std::string link;
    std::vector<PrlEntry> entries;
};
/// Changes the default flag of entries that are there.
struct ChangeRouters {
    std::string link;
    std::vector<PrlEntry> entries;
};
struct RemoveRouters {
    std::string link;
    std::vector<PrlEntry> entries;
};
struct AddAddress {
    std::string link;
    Address address;
};
struct RemoveAddress {
    std::string link;
    Address address;
};
/// `link` is the one that the route leads out of.
struct AddRoute {
    std::string link;
    Route route;
    /// Whether one of the same destination, table and metric may be there: it goes later on.
    bool beside = false;
};
struct RemoveRoute {
    std::string link;
    Route route;
};
/// `link` is the tunnel that has the rule; the kernel's rules have no link.
struct AddRule {
    std::string link;
    Rule rule;
};
struct RemoveRule {
    std::string link;
    Rule rule;
};
/// Whether a device forwards IPv4 packets that come in by it. `link` is that device.
struct SetForwarding {
    std::string link;
    bool on = true;
};
struct AddNeighbour {
    std::string link;
    Neighbour neighbour;
};
struct RemoveNeighbour {
    std::string link;
    Neighbour neighbour;
};

using AnyOperation =
    std::variant<CreateLink, ChangeLink, ChangeTunnel, RenameLink, DeleteLink, AddFlood,
                 RemoveFlood, AddMacs, RemoveMacs, AddRouters, ChangeRouters, RemoveRouters,
                 AddAddress, RemoveAddress, AddRoute, RemoveRoute, AddRule, RemoveRule,
                 SetForwarding, AddNeighbour, RemoveNeighbour>;

/// One of them. Copies, moves and destructors of a variant of 21 types are a second of compiling
/// in each source that needs them: they are made once, in operation.cpp.
struct Operation : AnyOperation {
    using AnyOperation::AnyOperation;
    Operation();
    Operation(const Operation& other);
    Operation(Operation&& other) noexcept;
    Operation& operator=(const Operation& other);
    Operation& operator=(Operation&& other) noexcept;
    ~Operation();
};

/// One operation, with the differences that made it necessary where the operation itself does not
/// show them.
struct Step {
    Operation operation;
    std::vector<Change> changes;
    Disruption disruption = Disruption::none;
};

/// How many messages the step sends to the kernel.
std::size_t message_count(const Step& step);
/// Whether the step takes something away. Such a step is not sent before all earlier ones are known
/// to have succeeded: the kernel goes on behind a failed message of the same send.
bool is_destructive(const Step& step);

/// That of a device, with the difference that it makes.
Step forwarding_step(const std::string& device, bool on);

/// `from 172.21.1.100/32 table 101`.
std::string to_string(const Rule& rule);

/// `10.200.0.0/16 via 10.192.158.4 table 101`; without what is not remarkable.
std::string to_string(const Route& route);

/// The text of one difference: `mtu: 1450 -> 1400`.
std::string to_string(const Change& change);
/// The same of several, with commas between them.
std::string to_string(const std::vector<Change>& changes);

} // namespace vxlanctl
