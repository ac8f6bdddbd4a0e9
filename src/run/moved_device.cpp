#include "vxlanctl/run/moved_device.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>
#include <cerrno>

namespace vxlanctl {
namespace {

constexpr int attempts_back = 4;

Result<int> index_of(const Kernel& kernel, const std::string& name, const Error& failed) {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_get_link(writer, name);
    int index = 0;
    auto found = send_batch(kernel, batch, failed, [&](const nlmsghdr* message) {
        if (const auto link = decode_link(message)) index = link->index;
    });
    return found ? Result<int>(index) : tl::unexpected(found.error());
}

Result<void> restore(const Kernel& kernel, const Link& device) {
    const Error failed(Code::cannot_set_up_device, "", {{"interface", device.name}});
    const auto index = index_of(kernel, device.name, failed);
    if (!index) return tl::unexpected(index.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const auto& address : device.addresses)
        if (!needs_link_up(address)) encode_add_address(writer, *index, address);
    LinkAttributes attributes; // those that a device leaves behind as well
    attributes.promote_secondaries = device.attributes.promote_secondaries;
    attributes.rp_filter = device.attributes.rp_filter;
    attributes.forward = device.attributes.forward;
    attributes.up = device.attributes.up;
    encode_change(writer, *index, attributes, [](const std::string&) { return 0; });
    for (const auto& address : device.addresses)
        if (needs_link_up(address)) encode_add_address(writer, *index, address);
    if (device.attributes.up.value_or(false)) {
        auto routes = device.routes.list(); // a gateway may be reachable only by another of these
        std::stable_partition(routes.begin(), routes.end(),
                              [](const Route& route) { return !route.via; });
        for (const auto& route : routes)
            encode_add_route(writer, *index, route);
    }
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    const auto failures = Netlink(*socket).request(batch, [](const nlmsghdr*) {});
    if (!failures) return tl::unexpected(failures.error());
    for (const auto& failure : *failures)
        if (failure.code != EEXIST) // it never left, or this is done once more
            return error(Error(failed).with(failure.code, failure.kernel_text));
    return {};
}

Result<void> move(const Link& device, const Kernel& from, const Kernel& to) {
    const Error failed(Code::cannot_move_device, "", {{"interface", device.name}});
    const auto index = index_of(from, device.name, failed);
    if (!index) return tl::unexpected(index.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_move(writer, *index, to.space().descriptor());
    return send_batch(from, batch, failed);
}

} // namespace

std::vector<std::string> obstacles_to_moving(const Link& device, const std::vector<Link>& links) {
    std::vector<std::string> obstacles;
    const auto is_own = [&](const IpAddress& local) {
        return std::any_of(device.addresses.begin(), device.addresses.end(),
                           [&](const Address& address) { return address.prefix.address == local; });
    };
    for (const auto& link : links) {
        if (link.index == device.index || link.kind == "veth") continue; // whose lower is its peer
        if (link.lower_index == device.index)
            obstacles.push_back(text_of(Code::upper_stands_on_it, {{"interface", link.name}}));
        else if (is_tunnel(link) && link.tunnel.local && is_own(*link.tunnel.local))
            obstacles.push_back(text_of(Code::local_address_is_there, {{"interface", link.name}}));
        else if (link.index == device.master_index)
            obstacles.push_back(text_of(Code::belongs_to_master, {{"interface", link.name}}));
    }
    if (std::any_of(device.routes.begin(), device.routes.end(), [](const Route& route) {
            return !is_automatic(route) && !is_restorable(route);
        }))
        obstacles.push_back(text_of(Code::has_unrestorable_routes));
    return obstacles;
}

Device device_of(Link link, const std::vector<Link>& links) {
    Device device{std::move(link), {}};
    std::erase_if(device.link.addresses,
                  [](const Address& address) { return is_automatic(address); });
    device.obstacles = obstacles_to_moving(device.link, links);
    device.link.routes.erase_if([](const Route& route) { return !is_restorable(route); });
    return device;
}

Result<std::map<std::string, Device>> read_devices(const Kernel& kernel,
                                                   const std::set<std::string>& names) {
    std::map<std::string, Device> devices;
    if (names.empty()) return devices;
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    const auto dump = [&](auto encode, const MessageHandler& handle, auto restart) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode(writer);
        return netlink.dump(batch, handle, restart);
    };
    std::vector<Link> links;
    auto done = dump([](auto& writer) { encode_dump_links(writer, "", false); },
                     [&](const nlmsghdr* message) {
                         if (auto link = decode_link(message)) links.push_back(std::move(*link));
                     },
                     [&] { links.clear(); });
    if (!done) return tl::unexpected(done.error());
    std::vector<AddressMessage> addresses;
    done = dump([](auto& writer) { encode_dump_addresses(writer, 0); },
                [&](const nlmsghdr* message) {
                    if (auto address = decode_address(message))
                        addresses.push_back(std::move(*address));
                },
                [&] { addresses.clear(); });
    if (!done) return tl::unexpected(done.error());
    ReadRequest request;
    request.others = {names.begin(), names.end()};
    request.foreign = false;
    request.needs = [&](const State&) {
        Needs needs;
        needs.links = names;
        return needs;
    };
    const auto state = read_state(netlink, nullptr, request);
    if (!state) return tl::unexpected(state.error());
    for (const auto& name : names) {
        const Link* found = find_link(*state, name);
        if (found == nullptr) continue;
        Link link = *found;
        for (const auto& [index, address] : addresses)
            if (index == link.index) link.addresses.push_back(address);
        devices.emplace(name, device_of(std::move(link), links));
    }
    return devices;
}

Result<std::set<std::string>> links_in(const Kernel& kernel, const std::set<std::string>& names) {
    std::set<std::string> here;
    if (names.empty()) return here;
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const auto& name : names)
        encode_get_link(writer, name);
    const auto take = [&](const nlmsghdr* message) { // the kernel answers to alternative names too
        const auto link = decode_link(message);
        if (link && names.contains(link->name)) here.insert(link->name);
    };
    const auto absent = Netlink(*socket).request(
        batch, take, {}, [](const Failure& failure) { return failure.code != ENODEV; });
    if (!absent) return tl::unexpected(absent.error());
    return here;
}

void expect_device(State& state, const Link& device) {
    for (const auto& address : device.addresses)
        state.host_addresses.push_back(
            {address.prefix, address.broadcast, device.index, device.name});
    for (auto route : device.routes) {
        route.dev = device.name;
        state.routes.push_back(std::move(route));
    }
    state.links.put(device);
}

Result<void> move_device(const Link& device, const Kernel& from, const Kernel& to) {
    auto moved = move(device, from, to);
    if (moved) moved = restore(to, device);
    if (!moved && !bring_back(device, from, to))
        moved.error().kind = ErrorKind::rollback_incomplete;
    return moved;
}

Result<void> bring_back(const Link& device, const Kernel& from, const Kernel& to) {
    std::vector<std::string> left{formatted("move '{}' back", device.name)};
    if (device.attributes.up.value_or(false)) left.push_back(formatted("set '{}' up", device.name));
    for (const auto& address : device.addresses)
        left.push_back("add address " + to_string(address.prefix));
    for (const auto& route : device.routes)
        left.push_back("add route " + to_string(route));
    std::optional<Error> last;
    bool is_there = false; // known to be, and not touched since
    for (int attempt = 0; attempt < attempts_back; ++attempt) {
        is_there = false;
        // An error may be that of an answer that was lost: it is looked where the device is.
        const auto there = links_in(to, {device.name});
        auto done = there ? Result<void>() : tl::unexpected(there.error());
        is_there = there && there->contains(device.name);
        if (done && is_there) done = move(device, to, from);
        if (done) is_there = false;
        if (done) done = restore(from, device);
        if (done) return {};
        last = done.error();
    }
    last->kind = ErrorKind::rollback_incomplete;
    last->subject = device.name;
    last->more.emplace_back(is_there ? Code::rollback_failed : Code::rollback_unknown, "",
                            Values{{"steps", joined(left, ", ")}});
    return error(std::move(*last));
}

} // namespace vxlanctl
