#pragma once

#include "vxlanctl/kinds/kinds.h"

#include <array>
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

/// What has to be read again to know which objects of a kind are there.
enum class Reading : std::uint8_t {
    with_link, ///< they are read with each link
    routes,    ///< with the link, and the routes of the interface that the operation names
    rules,     ///< all rules of the host
};

/// What a tunnel can have several of: what it is called, where a link keeps it, how many an
/// operation can have, and what a rollback has to read to see it. A new kind of object is a row
/// here and a description in describe.cpp.
template<class Object> struct ObjectTraits;
template<> struct ObjectTraits<FloodEntry> {
    static constexpr std::string_view noun = "peer", key = "peers";
    static constexpr bool has_many = true;
    static constexpr auto of_link = &Link::flood_list;
    static constexpr Reading reading = Reading::with_link;
};
template<> struct ObjectTraits<MacEntry> {
    static constexpr std::string_view noun = "FDB entry", key = "macs";
    static constexpr bool has_many = true;
    static constexpr auto of_link = &Link::macs;
    static constexpr Reading reading = Reading::with_link;
};
/// The PRL is not reached by netlink but by an ioctl an entry.
template<> struct ObjectTraits<PrlEntry> {
    static constexpr std::string_view noun = "router", key = "routers";
    static constexpr bool has_many = true;
    static constexpr auto of_link = &Link::routers;
    static constexpr Reading reading = Reading::with_link;
};
template<> struct ObjectTraits<Address> {
    static constexpr std::string_view noun = "address", key = noun;
    static constexpr bool has_many = false;
    static constexpr auto of_link = &Link::addresses;
    static constexpr Reading reading = Reading::with_link;
};
template<> struct ObjectTraits<Route> {
    static constexpr std::string_view noun = "route", key = noun;
    static constexpr bool has_many = false;
    static constexpr auto of_link = &Link::routes;
    static constexpr Reading reading = Reading::routes;
};
template<> struct ObjectTraits<Rule> {
    static constexpr std::string_view noun = "rule", key = noun;
    static constexpr bool has_many = false;
    static constexpr Reading reading = Reading::rules;
};
template<> struct ObjectTraits<Neighbour> {
    static constexpr std::string_view noun = "neighbour", key = noun;
    static constexpr bool has_many = false;
    static constexpr auto of_link = &Link::neighbours;
    static constexpr Reading reading = Reading::with_link;
};

/// How objects are added, beyond what they are.
template<class Object> struct Manner {};
/// Appends entries under the all-zero MAC. State and flags are kept per MAC, not per entry: an
/// append sets those of the whole list.
template<> struct Manner<FloodEntry> {
    std::uint16_t state = permanent_flood_state; ///< NUD_*
    std::uint8_t flags = own_flood_flags;        ///< NTF_*
};
template<> struct Manner<Address> {
    /// How long to ask by ARP whether another host has the IPv4 address, before it is added; 0: not
    /// at all.
    std::uint32_t duplicate_check = 0;
};
template<> struct Manner<Route> {
    /// Whether one of the same destination, table and metric may be there: it goes later on.
    bool beside = false;
};

/// One or several objects; of what an operation has one of alone, one in place, without a list.
template<class Object>
using Objects =
    std::conditional_t<ObjectTraits<Object>::has_many, std::vector<Object>, std::array<Object, 1>>;

/// `link` is the one that has the object, that a route leads out of, or the tunnel that has the
/// rule: the kernel's rules have no link.
template<class Object> struct Add {
    std::string link;
    Objects<Object> objects;
    Manner<Object> manner = {};
    const Object& object() const { return objects.front(); }
};
template<class Object> struct Remove {
    std::string link;
    Objects<Object> objects;
    const Object& object() const { return objects.front(); }
};
/// Changes what does not identify the objects, in place: of a router, the default flag.
template<class Object> struct Change {
    std::string link;
    Objects<Object> objects;
};
/// Whether a device forwards IPv4 packets that come in by it. `link` is that device.
struct SetForwarding {
    std::string link;
    bool on = true;
};

using AnyOperation =
    std::variant<CreateLink, ChangeLink, ChangeTunnel, RenameLink, DeleteLink, Add<FloodEntry>,
                 Remove<FloodEntry>, Add<MacEntry>, Remove<MacEntry>, Add<PrlEntry>,
                 Change<PrlEntry>, Remove<PrlEntry>, Add<Address>, Remove<Address>, Add<Route>,
                 Remove<Route>, Add<Rule>, Remove<Rule>, SetForwarding, Add<Neighbour>,
                 Remove<Neighbour>>;

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
    std::vector<Difference> changes;
    Disruption disruption = Disruption::none;
};

/// The link that the operation names.
const std::string& link_of(const Operation& operation);
/// What has to be read to see whether the operation was carried out; empty for the link itself and
/// its attributes, which are read in any case.
std::optional<Reading> reading_of(const Operation& operation);
/// Whether the kernel is told the ifindex of that link: a new one has none yet, and a rule has no
/// link.
bool has_ifindex(const Operation& operation);

/// How many messages the step sends to the kernel.
std::size_t message_count(const Step& step);
/// Whether the step takes something away. Such a step is not sent before all earlier ones are known
/// to have succeeded: the kernel goes on behind a failed message of the same send.
bool is_destructive(const Step& step);
/// Whether the step takes a link up.
bool sets_up(const Step& step);

/// That of a device, with the difference that it makes.
Step forwarding_step(const std::string& device, bool on);

/// `from 172.21.1.100/32 table 101`.
std::string to_string(const Rule& rule);

/// `10.200.0.0/16 via 10.192.158.4 table 101`; without what is not remarkable.
std::string to_string(const Route& route);

/// The text of one difference: `mtu: 1450 -> 1400`.
std::string to_string(const Difference& change);
/// The same of several, with commas between them.
std::string to_string(const std::vector<Difference>& changes);

} // namespace vxlanctl
