#include "vxlanctl/run/namespace_run.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/run/snapshot.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// Which tunnels could not do without the device.
bool needs(const TunnelPlan& tunnel, const Link& device) {
    return tunnel.wish != nullptr && tunnel.wish->tunnel.dev == device.name;
}

} // namespace

/// The lower devices that are still where the call was made.
Result<void> NamespaceRun::find_devices() {
    std::set<std::string> wanted;
    for (const auto& tunnel : config_.tunnels)
        if (tunnel.placement.move_dev && !is_home()) wanted.insert(*tunnel.tunnel.dev);
    if (wanted.empty()) return {};
    if (call_.snapshot != nullptr) {
        if (recorded_ != nullptr)
            std::erase_if(wanted, [&](const std::string& name) {
                return find_link(recorded_->state, name) != nullptr;
            });
        devices_ = devices_in(call_.snapshot->namespaces.at(""), wanted);
        return {};
    }
    if (is_there()) {
        const auto here = links_in(kernel(), wanted);
        if (!here) return tl::unexpected(here.error());
        for (const auto& name : *here)
            wanted.erase(name);
        if (wanted.empty()) return {};
    }
    auto there = read_devices(call_.home, wanted);
    if (!there) return tl::unexpected(there.error());
    devices_ = std::move(*there);
    return {};
}

/// Why the tunnel must not bring the device; none where nothing speaks against it.
std::optional<Error> NamespaceRun::objection(const TunnelPlan& tunnel, const Device& device) const {
    const Link& link = device.link;
    const auto has = [&](const IpAddress& wanted) {
        return std::any_of(
            link.addresses.begin(), link.addresses.end(),
            [&](const Address& address) { return address.prefix.address == wanted; });
    };
    const Values place{{"interface", link.name}, {"netns", name()}};
    const auto told = [&](Code code, Value value) {
        Error problem(code, tunnel.name, place);
        problem.set(std::move(value));
        return problem;
    };
    for (const auto& other : call_.config.tunnels) {
        if (other.placement.netns == tunnel.wish->placement.netns) continue;
        const bool is_there = other.placement.netns.empty();
        const bool stands_on_it =
            (is_there || other.placement.move_dev) && other.tunnel.dev == link.name;
        const bool needs_address = is_there && other.tunnel.local && has(*other.tunnel.local);
        const bool forwards =
            is_there && other.forward_from && is_in(*other.forward_from, link.name);
        if (stands_on_it || needs_address || forwards)
            return told(Code::device_needed_elsewhere, {"other", other.name});
    }
    const auto server = ssh_address(SshEnd::server);
    std::vector<std::string> obstacles = device.obstacles;
    if (server && has(*server)) obstacles.push_back(text_of(Code::ssh_comes_in_there));
    if (obstacles.empty()) return std::nullopt;
    return told(Code::device_in_use, {"obstacles", joined(obstacles, ", ")});
}

/// Each device and the namespace are brought by the first tunnel that needs them.
void NamespaceRun::note_preparations() {
    bool is_there_by_then = is_there();
    std::set<std::string> brought;
    for (auto& tunnel : plan_.tunnels) {
        if (!tunnel.errors.empty()) continue;
        for (const auto& [name, device] : devices_) {
            if (!needs(tunnel, device.link) || brought.contains(name)) continue;
            if (auto error = objection(tunnel, device)) {
                tunnel.errors.push_back(std::move(*error));
                continue;
            }
            brought.insert(name);
            tunnel.preparations.moved = device.link;
        }
        if (tunnel.errors.empty() && !is_there_by_then && !tunnel.steps.empty()) {
            tunnel.preparations.creates_namespace = true;
            is_there_by_then = true;
        }
    }
}

/// Afterwards everything is there that the plans have counted on.
Result<void> NamespaceRun::prepare() {
    if (!is_there()) {
        auto made = NetworkNamespace::create(name());
        if (!made) return tl::unexpected(made.error());
        elsewhere_->kernel.emplace(std::move(*made));
        made_namespace_ = true;
        call_.wrote = true;
        if (auto opened = open(lock_timeout_); !opened) return opened;
    }
    Result<void> moved;
    for (const auto& named : devices_) {
        const Link& device = named.second.link; // clang 14 captures no structured binding
        const bool wanted =
            std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [&](const TunnelPlan& tunnel) {
                return tunnel.errors.empty() && needs(tunnel, device);
            });
        if (!wanted || !moved) continue;
        moved = move_device(device, call_.home, kernel());
        if (moved || moved.error().kind == ErrorKind::rollback_incomplete) moved_.push_back(device);
    }
    devices_.clear();
    return moved;
}

/// Nothing can be made without what was to be prepared.
void NamespaceRun::fail_unprepared(const Error& why) {
    std::vector<TunnelPlan*> failed;
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (!tunnel.errors.empty()) continue;
        tunnel.errors.push_back(why);
        tunnel.errors.back().subject = tunnel.name;
        if (why.kind == ErrorKind::rollback_incomplete)
            tunnel.errors.back().kind = ErrorKind::kernel;
        outcomes_[i] = Outcome::failed;
        failed.push_back(&tunnel);
    }
    const bool is_back = put_back_unused();
    for (auto* tunnel : failed) {
        if (is_back) tunnel->errors.back().more.emplace_back(Code::restored);
        call_.report(tunnel->errors.back());
    }
}

/// The namespace that holds a device which did not come back is left, too.
Error NamespaceRun::with_namespace(Error error) const {
    for (auto& next : error.more)
        if (const auto steps = next.value("steps"); made_namespace_ && !steps.empty())
            next.set({"steps", formatted("{}, remove network namespace '{}'", steps, name())});
    return error;
}

/// A failure leaves no namespace behind that was made for nothing, and no device in it. Returns
/// whether all devices are back.
bool NamespaceRun::put_back_unused() {
    if (is_home() || !is_there()) return true;
    bool is_back = true;
    const auto is_used = [&](auto uses) {
        return std::any_of(
            plan_.tunnels.begin(), plan_.tunnels.end(),
            [&](const TunnelPlan& tunnel) { return tunnel.errors.empty() && uses(tunnel); });
    };
    std::erase_if(moved_, [&](const Link& device) {
        if (is_used([&](const TunnelPlan& tunnel) { return needs(tunnel, device); })) return false;
        auto back = bring_back(device, call_.home, kernel());
        if (!back) call_.report(with_namespace(back.error()));
        is_back = is_back && back;
        return back.has_value(); // else it would go with the namespace
    });
    if (made_namespace_ && moved_.empty() && !is_used([](const TunnelPlan&) { return true; })) {
        NetworkNamespace::remove(name());
        made_namespace_ = false;
    }
    return is_back;
}

/// What has been prepared, as far as it is there: that was perhaps done by another process.
Result<void> NamespaceRun::find_prepared() {
    bool creates = false;
    std::map<std::string, Link> brought;
    for (const auto& tunnel : plan_.tunnels) {
        creates = creates || tunnel.preparations.creates_namespace;
        if (tunnel.preparations.moved)
            brought.emplace(tunnel.preparations.moved->name, *tunnel.preparations.moved);
    }
    if (!is_there() && creates) {
        auto space = NetworkNamespace::find(name());
        if (!space) return tl::unexpected(space.error());
        if (!*space) return {}; // it was never made
        elsewhere_->kernel.emplace(std::move(**space));
        made_namespace_ = true;
        auto records = RuntimeDirectory::open(kernel());
        if (!records) return tl::unexpected(records.error());
        records_ = std::move(*records);
        if (auto shared = records_->share_lock(); !shared) return shared;
        if (auto opened = open_socket(); !opened) return opened;
    }
    if (brought.empty()) return {};
    std::set<std::string> names;
    for (const auto& [name, device] : brought)
        names.insert(name);
    const auto here = links_in(kernel(), names);
    if (!here) return tl::unexpected(here.error());
    moved_.clear();
    for (const auto& name : *here)
        moved_.push_back(brought.at(name));
    return {};
}

/// Whether every device is again where it was before.
Result<void> NamespaceRun::find_lost() const {
    std::set<std::string> names;
    for (const auto& tunnel : plan_.tunnels)
        if (tunnel.preparations.moved) names.insert(tunnel.preparations.moved->name);
    if (names.empty()) return {};
    const auto there = links_in(call_.home, names);
    if (!there) return tl::unexpected(there.error());
    for (const auto& name : *there)
        names.erase(name);
    if (names.empty()) return {};
    return error(Code::device_did_not_come_back, name(), {{"interfaces", joined(names, "', '")}});
}

} // namespace vxlanctl
