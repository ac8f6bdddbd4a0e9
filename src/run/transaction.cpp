#include "vxlanctl/run/transaction.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/kernel/prl.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/plan/undo.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <map>
#include <poll.h>
#include <unordered_map>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
// Duplicate address detection takes one to two seconds with the kernel's defaults.
constexpr std::chrono::seconds dad_deadline{10};

Error interrupted() {
    return Error(Code::interrupted, "", {{"signal", caught_signal()}});
}

std::size_t message_count(const std::vector<Step>& steps) {
    std::size_t count = 0;
    for (const auto& step : steps)
        count += vxlanctl::message_count(step);
    return count;
}

/// Waits until the address has passed duplicate address detection.
Result<void> await_new_address(const Kernel& kernel, Netlink& netlink, int link_index,
                               const Prefix& prefix);

/// The address that the step's route has as its source, if the same steps add it.
const Address* new_source(const Step& step, const std::vector<Step>& steps) {
    const auto* route = std::get_if<AddRoute>(&step.operation);
    if (route == nullptr || !route->route.source || route->route.source->family != Family::ipv6)
        return nullptr;
    for (const auto& other : steps)
        if (const auto* add = std::get_if<AddAddress>(&other.operation);
            add != nullptr && add->address.prefix.address == *route->route.source)
            return &add->address;
    return nullptr;
}

/// Sends steps, of one tunnel after the other. Knows the ifindex of every link, also of those it
/// makes.
class Executor {
public:
    enum class OnSignal { stop, go_on };
    /// Told how many messages are done.
    using Progress = std::function<void(std::size_t done)>;

    Executor(const Kernel& kernel, Netlink& netlink, const State& state, OnSignal on_signal,
             Progress progress = {})
        : kernel_(kernel), netlink_(netlink), on_signal_(on_signal), progress_(std::move(progress)),
          routers_(netlink.descriptor()), writer_(batch_) {
        for (const auto& link : state.links)
            indexes_.emplace(link.name, link.index);
    }

    /// Stops at the first failure. What was encoded and not sent by then is dropped.
    Result<void> run(const std::string& tunnel, const std::vector<Step>& steps) {
        tunnel_ = tunnel;
        const std::size_t end = done_ + message_count(steps);
        auto done = send(steps);
        drop_batch();
        done_ = end;
        return done;
    }

    /// The ifindex of a link, also of one made here; 0 when there is none.
    int index_of(const std::string& name) const {
        const auto found = indexes_.find(name);
        return found == indexes_.end() ? 0 : found->second;
    }

    /// What others did with the link is known now.
    void set_index(const std::string& name, const Link* link) {
        indexes_[name] = link == nullptr ? 0 : link->index;
    }

    /// Whether the kernel refused to make a link of that name.
    bool refused(const std::string& name) const { return refused_.contains(name); }

private:
    Result<void> send(const std::vector<Step>& steps) {
        for (const auto& step : steps) {
            if (needs_flush_before(step))
                if (auto done = flush(); !done) return done;
            if (is_to_stop()) return tl::unexpected(interrupted());
            if (is_ioctl(step)) {
                if (auto done = flush(); !done) return done;
                if (auto done = call(step); !done) return done;
                continue;
            }
            if (const Address* source = new_source(step, steps))
                if (auto done = await_source(step, source->prefix); !done) return done;
            if (auto done = encode(step); !done) return done;
            if (needs_flush_after(step))
                if (auto done = flush(); !done) return done;
        }
        return flush();
    }

    bool is_to_stop() const { return on_signal_ == OnSignal::stop && caught_signal() != 0; }

    /// A tentative address of IPv6 is no source address to the kernel yet (ip6_route_info_create()
    /// in net/ipv6/route.c).
    Result<void> await_source(const Step& step, const Prefix& source) {
        if (auto done = flush(); !done) return done;
        const int index = index_of(std::get<AddRoute>(step.operation).link);
        auto usable = await_new_address(kernel_, netlink_, index, source);
        if (!usable) usable.error().subject = tunnel_;
        return usable;
    }

    /// Nothing is taken away before all that comes earlier is known to be there.
    bool needs_flush_before(const Step& step) const { return is_destructive(step) && batch_adds_; }

    /// Later messages need the new link's ifindex, or its new name.
    static bool needs_flush_after(const Step& step) {
        return std::holds_alternative<CreateLink>(step.operation) ||
               std::holds_alternative<RenameLink>(step.operation) ||
               std::holds_alternative<DeleteLink>(step.operation);
    }

    static bool is_ioctl(const Step& step) {
        return std::holds_alternative<AddRouters>(step.operation) ||
               std::holds_alternative<ChangeRouters>(step.operation) ||
               std::holds_alternative<RemoveRouters>(step.operation);
    }

    /// Carries out a step that netlink does not know.
    Result<void> call(const Step& step) {
        const auto each = [&](const auto& operation, auto method) -> Result<void> {
            for (std::size_t i = 0; i < operation.entries.size(); ++i) {
                if (is_to_stop()) return tl::unexpected(interrupted());
                // An ioctl goes by the name, which may be that of somebody else's link by now.
                int code = routers_.check(operation.link, index_of(operation.link));
                if (code == 0) code = (routers_.*method)(operation.link, operation.entries[i]);
                const Failure failure{0, code, ""};
                if (failure.code != 0 && !is_gone_already(step, failure))
                    return tl::unexpected(explain(tunnel_, step, i, failure));
                ++done_;
                if (progress_) progress_(done_);
            }
            return {};
        };
        if (const auto* add = std::get_if<AddRouters>(&step.operation))
            return each(*add, &RouterList::add);
        if (const auto* change = std::get_if<ChangeRouters>(&step.operation))
            return each(*change, &RouterList::change);
        return each(std::get<RemoveRouters>(step.operation), &RouterList::remove);
    }

    Result<void> encode(const Step& step) {
        batch_adds_ = batch_adds_ || !is_destructive(step);
        const std::size_t first = batch_.offsets.size();
        auto result = std::visit(
            [&](const auto& operation) -> Result<void> {
                using Operation = std::decay_t<decltype(operation)>;
                const int index = index_of(operation.link);
                constexpr bool has_link = !std::is_same_v<Operation, CreateLink> &&
                                          !std::is_same_v<Operation, AddRule> &&
                                          !std::is_same_v<Operation, RemoveRule>;
                if (index == 0 && has_link && is_gone_already(step, {0, ENODEV, ""})) return {};
                if (index == 0 && has_link)
                    return tl::unexpected(explain(tunnel_, step, 0, {0, ENODEV, ""}));
                encode_operation(operation, index);
                return {};
            },
            step.operation);
        for (std::size_t i = first; i < batch_.offsets.size(); ++i)
            origins_.push_back({&step, i - first});
        if (!missing_.empty()) // 0 would mean «none» to the kernel
            return error(
                Error(Code::interface_vanished, tunnel_,
                      {{"step", imperative(step, 0)}, {"interface", std::exchange(missing_, "")}})
                    .with(ENODEV));
        return result;
    }

    IndexOf resolver() {
        return [this](const std::string& name) {
            if (index_of(name) == 0) missing_ = name;
            return index_of(name);
        };
    }

    void encode_operation(const CreateLink& create, int) {
        encode_create(writer_, create.link, create.attributes, create.tunnel, resolver());
        encode_alias(writer_, create.link, create.attributes.alias.value_or(""));
        encode_get_link(writer_, create.link); // the answer tells the ifindex
    }
    void encode_operation(const ChangeLink& change, int index) {
        encode_change(writer_, index, change.changed, resolver());
    }
    void encode_operation(const ChangeTunnel& change, int index) {
        encode_change(writer_, index, change.changed, resolver());
    }
    void encode_operation(const RenameLink& rename, int index) {
        encode_rename(writer_, index, rename.to);
    }
    void encode_operation(const DeleteLink&, int index) { encode_delete(writer_, index); }
    void encode_operation(const AddFlood& add, int index) {
        encode_add_flood(writer_, index, add.entries, add.state, add.flags, resolver());
    }
    void encode_operation(const RemoveFlood& remove, int index) {
        encode_remove_fdb(writer_, index, MacAddress{}, remove.entries, resolver());
    }
    void encode_operation(const AddMacs& add, int index) {
        for (const auto& entry : add.entries)
            encode_add_mac(writer_, index, entry, resolver());
    }
    void encode_operation(const RemoveMacs& remove, int index) {
        for (const auto& entry : remove.entries)
            encode_remove_fdb(writer_, index, entry.mac, {&entry.remote, 1}, resolver());
    }
    void encode_operation(const AddRouters&, int) {} // see call()
    void encode_operation(const ChangeRouters&, int) {}
    void encode_operation(const RemoveRouters&, int) {}
    void encode_operation(const AddRule& add, int) { encode_add_rule(writer_, add.rule); }
    void encode_operation(const RemoveRule& remove, int) {
        encode_remove_rule(writer_, remove.rule);
    }
    void encode_operation(const SetForwarding& forwarding, int index) {
        LinkAttributes changed;
        changed.forward = forwarding.on;
        encode_change(writer_, index, changed, resolver());
    }
    void encode_operation(const AddAddress& add, int index) {
        encode_add_address(writer_, index, add.address);
    }
    void encode_operation(const RemoveAddress& remove, int index) {
        encode_remove_address(writer_, index, remove.address);
    }
    void encode_operation(const AddRoute& add, int index) {
        if (add.beside)
            encode_append_route(writer_, index, add.route);
        else
            encode_add_route(writer_, index, add.route);
    }
    void encode_operation(const RemoveRoute& remove, int index) {
        encode_remove_route(writer_, index, remove.route);
    }
    void encode_operation(const AddNeighbour& add, int index) {
        encode_add_neighbour(writer_, index, add.neighbour);
    }
    void encode_operation(const RemoveNeighbour& remove, int index) {
        encode_remove_neighbour(writer_, index, remove.neighbour);
    }

    Result<void> flush() {
        if (batch_.offsets.empty()) return {};
        const auto learn_index = [&](const nlmsghdr* message) {
            if (const auto link = decode_link(message)) indexes_[link->name] = link->index;
        };
        bool is_stopped = false;
        const auto goes_on = [&](std::size_t done) {
            if (progress_) progress_(done_ + done);
            is_stopped = done < batch_.offsets.size() && is_to_stop();
            return !is_stopped;
        };
        const auto is_fatal = [&](const Failure& failure) {
            return !is_gone_already(*origins_[failure.message].step, failure);
        };
        const auto failures = netlink_.request(batch_, learn_index, goes_on, is_fatal);
        if (!failures) {
            Error error = failures.error();
            error.subject = tunnel_;
            return tl::unexpected(std::move(error));
        }
        done_ += batch_.offsets.size();
        const auto real = std::find_if(failures->begin(), failures->end(), is_fatal);
        remember_links(*failures);
        auto done = is_stopped ? tl::unexpected(interrupted()) : Result<void>();
        if (real != failures->end())
            done = tl::unexpected(explain(tunnel_, *origins_[real->message].step,
                                          origins_[real->message].element, *real));
        drop_batch();
        return done;
    }

    void drop_batch() {
        batch_.bytes.clear();
        batch_.offsets.clear();
        origins_.clear();
        batch_adds_ = false;
    }

    void remember_links(const std::vector<Failure>& failures) {
        for (const auto& failure : failures)
            if (const auto* create =
                    std::get_if<CreateLink>(&origins_[failure.message].step->operation);
                create != nullptr && origins_[failure.message].element == 0)
                refused_.insert(create->link);
        // The number may be another link's soon.
        for (const auto& origin : origins_)
            if (const auto* removal = std::get_if<DeleteLink>(&origin.step->operation);
                removal != nullptr && is_removed(origin, failures))
                indexes_[removal->link] = 0;
        for (const auto& origin : origins_)
            if (const auto* rename = std::get_if<RenameLink>(&origin.step->operation))
                indexes_[rename->to] = index_of(rename->link);
    }

    struct OriginOfMessage {
        const Step* step;
        std::size_t element;
    };

    bool is_removed(const OriginOfMessage& origin, const std::vector<Failure>& failures) const {
        return std::none_of(failures.begin(), failures.end(), [&](const Failure& failure) {
            return origins_[failure.message].step == origin.step &&
                   !is_gone_already(*origin.step, failure);
        });
    }

    const Kernel& kernel_;
    Netlink& netlink_;
    OnSignal on_signal_;
    Progress progress_;
    std::string tunnel_; ///< the one at work
    std::unordered_map<std::string, int> indexes_;
    std::set<std::string> refused_;
    std::string missing_; ///< a link that a message refers to and that is not there
    RouterList routers_;
    MessageBatch batch_;
    MessageWriter writer_;
    std::vector<OriginOfMessage> origins_;
    bool batch_adds_ = false;
    std::size_t done_ = 0;
};

/// New IPv6 addresses on their way through duplicate address detection. Before its end the kernel
/// does not know that nobody else has the address: it is of no use, and its routes are not
/// preferred.
class NewAddresses {
public:
    /// Joins the events. That comes before the addresses, so that none is missed.
    Result<void> listen(const Kernel& kernel) {
        if (events_) return {};
        auto socket = kernel.netlink();
        if (!socket) return tl::unexpected(socket.error());
        if (auto joined = socket->join(RTNLGRP_IPV6_IFADDR); !joined) return joined;
        events_ = std::move(*socket);
        return {};
    }

    void expect(int link_index, const Prefix& prefix) {
        states_.emplace(Key(link_index, prefix), AddressState::tentative);
    }

    /// Waits until none of them is tentative any more, or until a signal other than the one that
    /// has ended the run before.
    void await(Netlink& netlink, int heeded_signal) {
        if (!states_.empty()) awaited_ = follow(netlink, heeded_signal);
    }

    /// Whether the address came through; an error says why not.
    Result<void> check(int link_index, const Prefix& prefix) const {
        const auto state = states_.at(Key(link_index, prefix));
        if (state == AddressState::duplicate)
            return error(Code::address_is_taken, "", {{"address", to_string(prefix)}});
        return state == AddressState::usable ? Result<void>() : awaited_;
    }

private:
    enum class AddressState { gone, tentative, duplicate, usable };
    using Key = std::pair<int, Prefix>;

    Result<void> follow(Netlink& netlink, int heeded_signal) {
        const auto deadline = steady_clock::now() + dad_deadline;
        while (true) {
            if (lost_track_)
                if (auto done = look(netlink); !done) return done;
            if (std::none_of(states_.begin(), states_.end(), [](const auto& address) {
                    return address.second == AddressState::tentative;
                }))
                return {};
            if (caught_signal() != heeded_signal) return tl::unexpected(interrupted());
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - steady_clock::now());
            pollfd descriptor{events_->descriptor(), POLLIN, 0};
            if (left.count() <= 0 || poll(&descriptor, 1, static_cast<int>(left.count())) == 0)
                return error(Code::detection_does_not_end, "", {{"seconds", dad_deadline.count()}});
            take_events();
        }
    }

    /// Reads all addresses; from there on the events tell what changes.
    Result<void> look(Netlink& netlink) {
        take_events(); // those so far are in what is read now
        lost_track_ = false;
        const auto forget = [&] {
            for (auto& address : states_)
                address.second = AddressState::gone;
        };
        forget();
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_addresses(writer, 0);
        return netlink.dump(
            batch, [&](const nlmsghdr* message) { note(message); }, forget);
    }

    void take_events() {
        alignas(nlmsghdr) std::array<std::byte, 8192> buffer;
        while (true) {
            const auto size =
                recv(events_->descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size < 0 && errno != ENOBUFS) return;
            if (size < 0) lost_track_ = true; // more events than the socket could hold
            auto remaining = static_cast<int>(size);
            auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
            for (; nlmsg_ok(message, remaining); message = nlmsg_next(message, &remaining)) {
                lost_track_ = lost_track_ || message->nlmsg_type == RTM_DELADDR;
                note(message);
            }
        }
    }

    void note(const nlmsghdr* message) {
        const auto decoded = decode_address(message);
        if (!decoded) return;
        const auto known = states_.find(Key(decoded->link_index, decoded->address.prefix));
        if (known == states_.end()) return;
        const auto flags = decoded->address.flags;
        known->second = (flags & IFA_F_DADFAILED) != 0   ? AddressState::duplicate
                        : (flags & IFA_F_TENTATIVE) != 0 ? AddressState::tentative
                                                         : AddressState::usable;
    }

    std::optional<NetlinkSocket> events_;
    std::map<Key, AddressState> states_;
    bool lost_track_ = true;
    Result<void> awaited_;
};

Result<void> await_new_address(const Kernel& kernel, Netlink& netlink, int link_index,
                               const Prefix& prefix) {
    NewAddresses addresses;
    if (auto joined = addresses.listen(kernel); !joined) return joined;
    addresses.expect(link_index, prefix);
    addresses.await(netlink, caught_signal());
    return addresses.check(link_index, prefix);
}

std::vector<Prefix> new_ipv6_addresses(const std::vector<Step>& steps) {
    std::vector<Prefix> prefixes;
    for (const auto& step : steps)
        if (const auto* add = std::get_if<AddAddress>(&step.operation);
            add != nullptr && add->address.prefix.address.family == Family::ipv6)
            prefixes.push_back(add->address.prefix);
    return prefixes;
}

/// The names that a link refers to.
std::vector<std::string> links_behind(const Link& link) {
    std::set<std::string> names{link.tunnel.dev.value_or(""), link.attributes.master.value_or(""),
                                link.attributes.vrf.value_or("")};
    for (const auto& entry : link.flood_list)
        names.insert(entry.via.str());
    for (const auto& entry : link.macs)
        names.insert(entry.remote.via.str());
    names.erase("");
    return {names.begin(), names.end()};
}

/// Notes the links that the steps have made, with their ifindex.
void note_made(const std::vector<Step>& steps, const Executor& executor,
               std::map<std::string, int>& made) {
    for (const auto& step : steps)
        if (const auto* create = std::get_if<CreateLink>(&step.operation);
            create != nullptr && !executor.refused(create->link) &&
            executor.index_of(create->link) != 0)
            made[create->link] = executor.index_of(create->link);
}

/// Those of the tunnels that were made again have other numbers now than their records say.
Result<void> record_new_indexes(RuntimeDirectory& records, const std::vector<std::string>& tunnels,
                                const State& before, const State& now) {
    for (const auto& name : tunnels) {
        const Link* was = find_link(before, name);
        if (was == nullptr) was = before.vanished.find(name);
        const Link* is = find_link(now, name);
        if (was == nullptr || is == nullptr || is->index == was->index) continue;
        const auto mark = mark_of(is->attributes.alias.value_or(""));
        if (!mark || mark != mark_of(was->attributes.alias.value_or(""))) continue;
        auto record = records.read_record(mark->id);
        if (!record) return tl::unexpected(record.error());
        if (!*record || (**record).interface.index == 0) continue;
        (**record).interface.index = is->index;
        if (auto written = records.write_record(mark->id, **record); !written) return written;
    }
    return {};
}

/// Whether addresses of the plan are on another program's link, which got the ifindex of a link
/// that went in between; takes them from there.
bool remove_misplaced(const Kernel& kernel, Netlink& netlink, const State& now,
                      const TunnelPlan& plan, const std::set<int>& indexes) {
    bool any = false;
    for (const int index : indexes) {
        const auto is_it = [&](const std::string& name) {
            const Link* link = name.empty() ? nullptr : find_link(now, name);
            return link != nullptr && link->index == index;
        };
        if (index == 0 || is_it(plan.name) || is_it(plan.temporary)) continue;
        std::vector<Step> removals;
        for (const auto& step : plan.steps) {
            const auto* add = std::get_if<AddAddress>(&step.operation);
            if (add != nullptr && std::any_of(now.host_addresses.begin(), now.host_addresses.end(),
                                              [&](const HostAddress& host) {
                                                  return host.link_index == index &&
                                                         host.prefix == add->address.prefix;
                                              }))
                removals.push_back({RemoveAddress{add->link, add->address}, {}, {}});
        }
        if (removals.empty()) continue;
        any = true;
        Executor executor(kernel, netlink, now, Executor::OnSignal::go_on);
        Link stranger;
        stranger.index = index;
        executor.set_index(plan.name, &stranger);
        (void)executor.run(plan.name, removals);
    }
    return any;
}

/// One tunnel's part of a run.
class Transaction {
public:
    Transaction(TransactionContext& context, Executor& executor, NewAddresses& addresses,
                const TunnelPlan& plan, const State& before)
        : context_(context), executor_(executor), addresses_(addresses), plan_(plan),
          before_(before) {}

    /// Links that other plans of the run have removed: they do not come back with this one.
    void leave_removed(const std::set<std::string>& removed) { removed_ = &removed; }

    /// Of a plan without steps.
    void remember_unchanged() {
        written_ = plan_.mark ? recorded(plan_.mark->id) : std::nullopt;
        remember_after();
    }

    /// Takes the steps; undoes them where one fails.
    Result<void> execute() {
        if (auto done = remember_before(); !done) return done;
        if (auto done = act(); !done) return undo(done.error());
        return {};
    }

    /// Takes steps that have become necessary by the failure of another tunnel. They are undone
    /// with the plan's.
    Result<void> complete(Executor& executor, std::vector<Step> steps) {
        completion_ = std::move(steps);
        return executor.run(plan_.name, completion_);
    }

    /// Whether the new IPv6 addresses came through.
    Result<void> check_addresses() const {
        for (const auto& prefix : new_ipv6_addresses(plan_.steps))
            if (auto good = addresses_.check(executor_.index_of(plan_.name), prefix); !good)
                return good;
        return {};
    }

    /// Returns to the state that was read before, and reports `cause`.
    Result<void> undo(Error cause) {
        cause.subject = plan_.name;
        const ReadRequest mine = request_for_undo();
        for (int attempt = 0;; ++attempt) {
            // The old socket may still hold half an answer.
            auto socket = context_.kernel.netlink();
            if (!socket) return unknown(std::move(cause), socket.error());
            Netlink netlink(*socket);
            const auto now = read_state(netlink, nullptr, mine);
            if (!now && attempt == undo_attempts) return unknown(std::move(cause), now.error());
            if (!now) continue;
            if (attempt < undo_attempts &&
                remove_misplaced(context_.kernel, netlink, *now, plan_, own_indexes()))
                continue;
            const auto steps = steps_back(*now);
            if (steps.empty()) {
                note_put_back(*now);
                note_lost_routes(*now);
                executor_.set_index(plan_.name, find_link(*now, plan_.name));
                restore_records(*now);
                return failed(std::move(cause));
            }
            if (attempt == undo_attempts)
                return incomplete(std::move(cause), Code::rollback_failed, steps);
            Executor executor(context_.kernel, netlink, *now, Executor::OnSignal::go_on);
            NewAddresses addresses;
            const auto put_back = new_ipv6_addresses(steps);
            const bool listens = !put_back.empty() && addresses.listen(context_.kernel).has_value();
            (void)executor.run(plan_.name, steps); // the next reading tells what came of it
            for (const auto& prefix : put_back)
                addresses.expect(executor.index_of(plan_.name), prefix);
            if (listens) addresses.await(netlink, 0); // usable, as before
            note_made(steps, executor, made_);
            remade_ = remade_ || !made_.empty();
            steps_taken_back_.insert(steps_taken_back_.end(), steps.begin(), steps.end());
        }
    }

    /// What has to be read for the way back.
    ReadRequest request_for_undo() const {
        ReadRequest mine;
        mine.tunnels = fallen_with(before_, {&plan_, 1});
        mine.tunnels.push_back(plan_.name);
        if (!plan_.temporary.empty()) mine.tunnels.push_back(plan_.temporary);
        for (const auto& name : mine.tunnels) {
            const Link* was = find_link(before_, name);
            if (was == nullptr) was = before_.vanished.find(name);
            if (was != nullptr) append(mine.others, links_behind(*was));
        }
        mine.foreign = concerns_foreign(plan_);
        mine.uppers = false;
        mine.needs = [needs = needs_of_undo(taken())](const State&) { return needs; };
        return mine;
    }

    /// What the steps concern beyond the link itself.
    static Needs needs_of_undo(const std::vector<Step>& steps) {
        Needs needs;
        for (const auto& step : steps) {
            if (std::holds_alternative<AddRule>(step.operation) ||
                std::holds_alternative<RemoveRule>(step.operation))
                needs.rules = true;
            if (const auto* forwarding = std::get_if<SetForwarding>(&step.operation))
                needs.devices.insert(forwarding->link);
            if (const auto* add = std::get_if<AddRoute>(&step.operation))
                needs.links.insert(add->link);
            if (const auto* remove = std::get_if<RemoveRoute>(&step.operation))
                needs.links.insert(remove->link);
        }
        return needs;
    }

    /// The numbers that the link has had.
    std::set<int> own_indexes() const {
        std::set<int> indexes{executor_.index_of(plan_.name)};
        if (!plan_.temporary.empty()) indexes.insert(executor_.index_of(plan_.temporary));
        if (const Link* was = find_link(before_, plan_.name)) indexes.insert(was->index);
        return indexes;
    }

    /// The kernel does not tell what is there.
    Result<void> unknown(Error cause, const Error& why) const {
        cause.subject = plan_.name;
        auto result = incomplete(std::move(cause), Code::rollback_unknown, taken());
        result.error().more.emplace_back(Code::why_it_is_unknown, "",
                                         Values{{"why", text_of(why)}});
        return result;
    }

    /// All is as it was before, after these steps. Returns what is worth announcing.
    std::vector<Announcement> conclude(const State& now, std::vector<Step> steps_back) {
        steps_taken_back_ = std::move(steps_back);
        note_put_back(now);
        restore_records(now);
        return put_back_;
    }

    /// The ifindexes of the links that the steps made, or the undo, by name.
    std::map<std::string, int> links_made() const {
        std::map<std::string, int> made = made_;
        for (const auto& name : {plan_.name, plan_.temporary}) {
            const int index = executor_.index_of(name);
            const Link* was = find_link(before_, name);
            const bool is_new = was == nullptr || was->index != index;
            if (!name.empty() && index != 0 && is_new && !executor_.refused(name))
                made.try_emplace(name, index);
        }
        return made;
    }

    /// What is worth announcing of what the steps made, or the undo put back.
    std::vector<Announcement> made(const State& now) const {
        return announcements(plan_.name, plan_.steps, plan_.record.addresses, now);
    }

    void remember_after() {
        Record record = whole_record();
        record.interface.index = executor_.index_of(plan_.name);
        if (plan_.mark && written_ != record)
            note(context_.records.write_record(plan_.mark->id, record));
        if (plan_.old_mark && (!plan_.mark || !same_id()))
            note(context_.records.remove_record(plan_.old_mark->id));
    }

private:
    Result<void> act() {
        const auto new_addresses = new_ipv6_addresses(plan_.steps);
        if (!new_addresses.empty())
            if (auto joined = addresses_.listen(context_.kernel); !joined) return joined;
        if (auto done = executor_.run(plan_.name, plan_.steps); !done) return done;
        for (const auto& prefix : new_addresses)
            addresses_.expect(executor_.index_of(plan_.name), prefix);
        return {};
    }

    void note_put_back(const State& now) {
        if (!plan_.old_mark) return;
        if (const auto record = recorded(plan_.old_mark->id))
            put_back_ = announcements(plan_.name, steps_taken_back_, record->addresses, now);
    }

    /// Of a link that went down for a moment.
    void note_lost_routes(const State& now) {
        const Link* was = find_link(before_, plan_.name);
        const Link* is = find_link(now, plan_.name);
        loses_routes_ = was != nullptr && is != nullptr && concerns_foreign(plan_) &&
                        !minus(unrestorable_routes(*was), unrestorable_routes(*is)).empty();
    }

    static Result<void> incomplete(Error cause, Code code, const std::vector<Step>& left) {
        cause.kind = ErrorKind::undo_incomplete;
        cause.more.emplace_back(code, "", Values{{"steps", joined(imperatives(left), ", ")}});
        return error(std::move(cause));
    }

    Result<void> failed(Error cause) const {
        for (const auto& name : taken_)
            cause.more.emplace_back(Code::replaced_meanwhile, "", Values{{"interface", name}});
        for (const auto& name : gone_)
            cause.more.emplace_back(Code::removed_meanwhile, "", Values{{"interface", name}});
        if (!taken_.empty() || !gone_.empty()) {
            cause.kind = ErrorKind::undo_incomplete;
        } else if (remade_) {
            cause.more.emplace_back(Code::restored_on_new_interface);
            note_losses(cause);
            if (const Link* was = link_before(); was != nullptr)
                if (!settings_lost_in_words(*was).empty()) cause.kind = ErrorKind::undo_incomplete;
        } else if (cause.kind != ErrorKind::usage) {
            cause.more.emplace_back(loses_routes_ ? Code::restored_without_routes : Code::restored);
        }
        return tl::unexpected(std::move(cause));
    }

    /// What the link that was there before had, and no new one has.
    void note_losses(Error& cause) const {
        const Link* was = link_before();
        const std::string losses = was == nullptr ? "" : losses_in_words(*was);
        if (!losses.empty())
            cause.more.emplace_back(Code::lost_in_rollback, "", Values{{"what", losses}});
    }

    const Link* link_before() const {
        const Link* was = find_link(before_, plan_.name);
        return was != nullptr ? was : before_.vanished.find(plan_.name);
    }

    /// All steps.
    std::vector<Step> taken() const {
        std::vector<Step> steps = plan_.steps;
        append(steps, completion_);
        return steps;
    }

    /// A link that somebody else made under our name is not ours to change or remove; it only loses
    /// the mark that was sent behind a refused create.
    std::vector<Step> steps_back(const State& now) {
        std::vector<Step> steps;
        TunnelPlan plan = plan_;
        plan.steps = taken();
        for (const auto& name : {plan_.name, plan_.temporary}) {
            const Link* is = name.empty() ? nullptr : find_link(now, name);
            if (is == nullptr || !executor_.refused(name)) continue;
            plan.mark.reset(); // says nothing of it
            if (!made_.contains(name) && plan_.mark &&
                mark_of(is->attributes.alias.value_or("")) == plan_.mark &&
                (plan_.old_mark != plan_.mark || find_link(before_, name) == nullptr)) {
                LinkAttributes without_mark;
                without_mark.alias = "";
                steps.push_back({ChangeLink{name, without_mark}, {}, Disruption::none});
            }
        }
        WaysBack back = removed_ == nullptr || removed_->empty()
                            ? ways_back(before_, now, {&plan, 1}, links_made())
                            : ways_back(before_less_removed(), now, {&plan, 1}, links_made());
        for (auto& way : back.ways)
            append(steps, std::move(way.steps));
        taken_ = back.taken;
        gone_ = back.gone;
        return steps;
    }

    /// The state to go back to.
    State before_less_removed() const {
        State state = before_;
        for (const auto& name : *removed_)
            if (name != plan_.name) state.links.erase(name);
        return state;
    }

    // The record goes to disk before anything goes to the kernel. It then claims what is old and
    // what is new: should we be killed in between, a later run may reset too much of ours, never
    // too little, and nothing of anybody else's.

    Result<void> remember_before() {
        if (!plan_.mark) return {};
        Record both = whole_record();
        if (same_id())
            if (const auto old = before_.records.find(plan_.mark->id);
                old != before_.records.end()) {
                both.keys.insert(old->second.keys.begin(), old->second.keys.end());
                const auto unite = [](auto& list, const auto& more) {
                    for (const auto& element : more)
                        if (std::find(list.begin(), list.end(), element) == list.end())
                            list.push_back(element);
                };
                unite(both.addresses, old->second.addresses);
                unite(both.routes, old->second.routes);
                unite(both.rules, old->second.rules);
                unite(both.forward_from, old->second.forward_from);
                if (both.peers != old->second.peers) both.peers += ' ' + old->second.peers;
            }
        if (may_promote()) both.keys.insert(promotion_key);
        written_ = both;
        if (both == recorded(plan_.mark->id)) return {};
        return context_.records.write_record(plan_.mark->id, both);
    }

    /// Whether this run may switch on promote_secondaries, if only for a while.
    bool may_promote() const {
        const Link* was = find_link(before_, plan_.name);
        return was != nullptr && was->attributes.promote_secondaries == false &&
               std::any_of(plan_.steps.begin(), plan_.steps.end(), [](const Step& step) {
                   return std::holds_alternative<AddAddress>(step.operation) ||
                          std::holds_alternative<RemoveAddress>(step.operation);
               });
    }

    /// The plan's, with its peers.
    Record whole_record() {
        if (plan_.wish == nullptr) return plan_.record;
        if (!peers_) peers_ = with_peers({}, *plan_.wish, before_).peers;
        Record record = plan_.record;
        record.peers = *peers_;
        return record;
    }

    bool same_id() const { return plan_.old_mark && plan_.old_mark->id == plan_.mark->id; }

    std::optional<Record> recorded(const std::string& id) const {
        const auto found = before_.records.find(id);
        return found == before_.records.end() ? std::nullopt : std::optional(found->second);
    }

    void restore_records(const State& now) {
        note(record_new_indexes(context_.records, fallen_with(before_, {&plan_, 1}), before_, now));
        for (const auto& mark : {plan_.mark, plan_.old_mark}) {
            if (!mark) continue;
            auto old = recorded(mark->id);
            if (!old) {
                note(context_.records.remove_record(mark->id));
                continue;
            }
            const Link* is = find_link(now, plan_.name); // perhaps made anew
            if (is != nullptr && old->interface.index != 0) old->interface.index = is->index;
            note(context_.records.write_record(mark->id, *old));
        }
    }

    /// The kernel is right, yet a later run would reset too much, or too little.
    void note(const Result<void>& written) {
        if (written) return;
        const Error& why = written.error();
        context_.unrecorded.push_back(
            Error(Code::record_out_of_date, plan_.name,
                  {{"record", why.subject}, {"reason", text_of(why.code, why.values)}})
                .with(why.errno_code, why.kernel_text));
    }

    static constexpr int undo_attempts = 3;
    TransactionContext& context_;
    Executor& executor_;
    NewAddresses& addresses_;
    const TunnelPlan& plan_;
    const State& before_;
    const std::set<std::string>* removed_ = nullptr; ///< see leave_removed()
    std::vector<Step> completion_;                   ///< see complete()
    std::optional<std::string> peers_;               ///< of the record
    std::optional<Record> written_;                  ///< what the record says now
    std::map<std::string, int> made_;                ///< links that the undo made
    bool remade_ = false;                            ///< the undo made a new link
    bool loses_routes_ = false;                      ///< the undo could not put all of them back
    std::vector<std::string> taken_;                 ///< links that somebody else replaced
    std::vector<std::string> gone_;                  ///< links that somebody else removed
    std::vector<Step> steps_taken_back_;
    std::vector<Announcement> put_back_;
};

/// The way back of all tunnels of a run at once: they may stand on one another.
class Return {
public:
    Return(TransactionContext& context, std::span<const TunnelPlan> plans, const State& before)
        : context_(context), before_(before),
          executor_(context.kernel, context.netlink, before, Executor::OnSignal::go_on),
          made_(context.made) {
        for (const auto& plan : plans)
            if (plan.errors.empty() && !plan.steps.empty()) plans_.push_back(plan);
        for (const auto& plan : plans_)
            transactions_.emplace_back(context, executor_, addresses_, plan, before);
    }

    /// What is left is read, not assumed.
    std::vector<Error> run() {
        if (plans_.empty()) return {};
        const ReadRequest mine = request();
        for (int attempt = 0;; ++attempt) {
            auto socket = context_.kernel.netlink();
            if (!socket) return unknown(socket.error());
            Netlink netlink(*socket);
            const auto now = read_state(netlink, nullptr, mine);
            if (!now && attempt == most_attempts) return unknown(now.error());
            if (!now) continue;
            bool any_misplaced = false;
            for (std::size_t i = 0; i < plans_.size() && attempt < most_attempts; ++i)
                any_misplaced = remove_misplaced(context_.kernel, netlink, *now, plans_[i],
                                                 transactions_[i].own_indexes()) ||
                                any_misplaced;
            if (any_misplaced) continue;
            const WaysBack back = ways_back(before_, *now, plans_, made_);
            if (back.ways.empty() || attempt == most_attempts) return conclude(back, *now);
            take(back.ways, *now, netlink);
        }
    }

private:
    ReadRequest request() const {
        ReadRequest all;
        all.foreign = false;
        all.uppers = false;
        std::vector<Step> steps;
        std::set<std::string> tunnels, others;
        for (const auto& transaction : transactions_) {
            const ReadRequest mine = transaction.request_for_undo();
            tunnels.insert(mine.tunnels.begin(), mine.tunnels.end());
            others.insert(mine.others.begin(), mine.others.end());
            all.foreign = all.foreign || mine.foreign;
        }
        for (const auto& plan : plans_)
            append(steps, plan.steps);
        all.tunnels.assign(tunnels.begin(), tunnels.end());
        all.others.assign(others.begin(), others.end());
        all.needs = [needs = Transaction::needs_of_undo(steps)](const State&) { return needs; };
        return all;
    }

    void take(const std::vector<WayBack>& ways, const State& now, Netlink& netlink) {
        Executor executor(context_.kernel, netlink, now, Executor::OnSignal::go_on);
        NewAddresses addresses;
        const bool any = std::any_of(ways.begin(), ways.end(), [](const WayBack& way) {
            return !new_ipv6_addresses(way.steps).empty();
        });
        const bool listens = any && addresses.listen(context_.kernel).has_value();
        for (const auto& way : ways) {
            (void)executor.run(way.tunnel, way.steps); // the next reading tells what came of it
            note_made(way.steps, executor, made_);
            append(taken_[way.tunnel], way.steps);
            for (const auto& step : way.steps)
                if (const auto* add = std::get_if<AddAddress>(&step.operation);
                    add != nullptr && add->address.prefix.address.family == Family::ipv6)
                    if (const int index = executor.index_of(add->link); index != 0)
                        addresses.expect(index, add->address.prefix);
        }
        if (listens) addresses.await(netlink, 0); // usable, as before
    }

    std::vector<Error> conclude(const WaysBack& back, const State& now) {
        std::map<std::string, std::vector<Step>> steps;
        for (const auto& way : back.ways)
            append(steps[way.tunnel], way.steps);
        std::map<std::string, Error> left;
        const auto problem = [&](const std::string& name) -> Error& {
            auto& error = left.try_emplace(name, Error(Code::cannot_return)).first->second;
            error.kind = ErrorKind::undo_incomplete;
            error.subject = name;
            return error;
        };
        for (const auto& [name, rest] : steps)
            problem(name).more.emplace_back(Code::rollback_failed, "",
                                            Values{{"steps", joined(imperatives(rest), ", ")}});
        for (const auto& name : back.taken)
            problem(name).more.emplace_back(Code::replaced_meanwhile, "",
                                            Values{{"interface", name}});
        for (const auto& name : back.gone)
            problem(name).more.emplace_back(Code::removed_meanwhile, "",
                                            Values{{"interface", name}});
        for (std::size_t i = 0; i < plans_.size(); ++i)
            if (!left.contains(plans_[i].name))
                append(context_.announcements,
                       transactions_[i].conclude(now, std::move(taken_[plans_[i].name])));
        for (const auto& [name, losses] : settings_lost(now))
            problem(name).more.emplace_back(Code::lost_in_rollback, "", Values{{"what", losses}});
        std::vector<Error> errors;
        for (auto& named : left)
            errors.push_back(std::move(named.second));
        return errors;
    }

    /// What links had that were made again, and no new one has, by name.
    std::map<std::string, std::string> settings_lost(const State& now) const {
        std::map<std::string, std::string> lost;
        std::vector<std::string> names = fallen_with(before_, plans_);
        for (const auto& plan : plans_)
            names.push_back(plan.name);
        for (const auto& name : names) {
            const Link *was = find_link(before_, name), *is = find_link(now, name);
            if (was == nullptr || is == nullptr || is->index == was->index) continue;
            const std::string losses = settings_lost_in_words(*was);
            if (losses != settings_lost_in_words(*is)) lost.emplace(name, losses);
        }
        return lost;
    }

    std::vector<Error> unknown(const Error& why) const {
        std::vector<Error> errors;
        for (const auto& transaction : transactions_)
            errors.push_back(transaction.unknown(Error(Code::cannot_return), why).error());
        return errors;
    }

    static constexpr int most_attempts = 4;
    TransactionContext& context_;
    const State& before_;
    std::vector<TunnelPlan> plans_; ///< those that were carried out
    Executor executor_;             ///< of the run that is taken back: it knows of no new link
    NewAddresses addresses_;
    std::vector<Transaction> transactions_;
    std::map<std::string, int> made_;                ///< links, by name
    std::map<std::string, std::vector<Step>> taken_; ///< steps back, by the tunnel
};

/// All tunnels' way from plans to verified state.
class Run {
public:
    Run(TransactionContext& context, const Config& config, std::span<const TunnelPlan> plans,
        const State& before, const PlanOptions& options)
        : context_(context), config_(config), plans_(plans), before_(before), options_(options),
          executor_(context.kernel, context.netlink, before, Executor::OnSignal::stop, progress()),
          results_(plans.size()) {}

    std::vector<Result<void>> carry_out() {
        for (std::size_t i = 0; i < plans_.size(); ++i)
            execute(i);
        addresses_.await(context_.netlink, heeded_signal_);
        if (undo(failures_of_addresses())) heeded_signal_ = caught_signal();
        // An undo may take something from those that stand.
        while (!executed_.empty())
            if (!undo(what_is_not_in_effect()) && !complete_shared() &&
                !undo(what_is_interrupted()))
                break;
        for (auto& [i, transaction] : executed_) {
            transaction.remember_after();
            for (auto& made : transaction.made(read_back_))
                context_.announcements.push_back(std::move(made));
            note_links_of(transaction);
        }
        return std::move(results_);
    }

private:
    using Failures = std::map<std::size_t, Error>; ///< by the plan's index

    Executor::Progress progress() {
        for (const auto& plan : plans_)
            if (plan.errors.empty()) total_ += message_count(plan.steps);
        return [this](std::size_t done) {
            if (context_.progress) context_.progress(done, total_);
        };
    }

    void execute(std::size_t i) {
        const TunnelPlan& plan = plans_[i];
        if (!plan.errors.empty()) {
            results_[i] = tl::unexpected(plan.errors.front());
            return;
        }
        Transaction transaction(context_, executor_, addresses_, plan, before_);
        if (plan.steps.empty()) {
            transaction.remember_unchanged();
        } else if (caught_signal() != 0) {
            Error error = interrupted();
            error.subject = plan.name;
            error.more.emplace_back(Code::not_begun);
            results_[i] = tl::unexpected(std::move(error));
            heeded_signal_ = caught_signal();
        } else if (const std::string upper = failed_upper(plan); !upper.empty()) {
            results_[i] = error(Code::cannot_go_without, plan.name, Values{{"other", upper}});
        } else {
            transaction.leave_removed(removed_);
            results_[i] = transaction.execute();
            if (results_[i] && plan.absent) removed_.insert(plan.name);
            if (results_[i]) {
                executed_.emplace(i, std::move(transaction));
            } else {
                note_links_of(transaction);
                heeded_signal_ = caught_signal();
            }
        }
    }

    void note_links_of(const Transaction& transaction) {
        for (const auto& [name, index] : transaction.links_made())
            context_.made[name] = index;
    }

    /// A tunnel that failed in this run and would go with the one that the plan removes.
    std::string failed_upper(const TunnelPlan& plan) const {
        const bool goes = removes(plan, plan.name);
        for (std::size_t i = 0; goes && i < plans_.size(); ++i) {
            const Link* link = results_[i] ? nullptr : find_link(before_, plans_[i].name);
            while (link != nullptr && goes_with_lower(link->kind)) {
                const std::string lower = link->tunnel.dev.value_or("");
                if (lower == plan.name) return plans_[i].name;
                link = lower.empty() ? nullptr : find_link(before_, lower);
            }
        }
        return "";
    }

    Failures failures_of_addresses() const {
        Failures failures;
        for (const auto& [i, transaction] : executed_)
            if (auto good = transaction.check_addresses(); !good)
                failures.emplace(i, std::move(good.error()));
        return failures;
    }

    /// The last one first, since it may stand on an earlier one. Returns whether there was any.
    bool undo(const Failures& failures) {
        for (auto failure = failures.rbegin(); failure != failures.rend(); ++failure) {
            const auto executed = executed_.find(failure->first);
            results_[failure->first] = executed->second.undo(failure->second);
            note_links_of(executed->second);
            executed_.erase(executed);
        }
        return !failures.empty();
    }

    /// Whether all that is left to do is what another tunnel had done for both, before it failed.
    static bool is_shared(const TunnelPlan& left) {
        return left.errors.empty() &&
               std::all_of(left.steps.begin(), left.steps.end(), [&](const Step& step) {
                   const auto* route = std::get_if<AddRoute>(&step.operation);
                   return std::holds_alternative<AddRule>(step.operation) ||
                          (std::holds_alternative<SetForwarding>(step.operation) &&
                           !is_destructive(step)) ||
                          (route != nullptr && route->link != left.name);
               });
    }

    /// Returns whether there was anything.
    bool complete_shared() {
        // A signal has ended the work of others, perhaps: this is to be completed.
        Executor executor(context_.kernel, context_.netlink, read_back_, Executor::OnSignal::go_on);
        Failures failures;
        for (auto& [i, steps] : shared_) {
            completed_.insert(i);
            if (auto done = executed_.at(i).complete(executor, std::move(steps)); !done)
                failures.emplace(i, std::move(done.error()));
        }
        undo(failures);
        return !shared_.empty();
    }

    /// The last tunnel is at work until everything is known to be in effect: a signal is not too
    /// late before. Only a removal is not undone for it, since the link could not come back as it
    /// was.
    Failures what_is_interrupted() {
        const int signal = caught_signal();
        if (std::exchange(heeded_signal_, signal) == signal) return {};
        const std::size_t last = executed_.rbegin()->first;
        return plans_[last].absent ? Failures{} : Failures{{last, interrupted()}};
    }

    /// The kernel accepts more than it does, so only a second plan without steps is a proof.
    Failures what_is_not_in_effect() {
        const Config config = executed_config();
        ReadRequest request = request_for(config);
        request.foreign = false;
        auto state = read_state(context_.netlink, nullptr, request);
        Failures failures;
        shared_.clear();
        std::unordered_map<std::string, std::size_t> by_name;
        for (const auto& [i, transaction] : executed_) {
            const TunnelPlan& done = plans_[i];
            by_name.emplace(done.name, i);
            if (!state)
                failures.emplace(i, state.error());
            else if (done.mark)
                state->records[done.mark->id] = done.record;
        }
        if (!state) return failures;
        const Plan again = vxlanctl::plan(config, *state, options_);
        const bool any_failed = std::any_of(results_.begin(), results_.end(),
                                            [](const auto& result) { return !result; });
        for (const auto& tunnel : again.tunnels) {
            const auto executed = by_name.find(tunnel.name);
            if (executed == by_name.end()) continue;
            if (any_failed && !tunnel.steps.empty() && is_shared(tunnel) &&
                !completed_.contains(executed->second)) {
                shared_.emplace(executed->second, tunnel.steps);
                continue;
            }
            std::vector<std::string> left = imperatives(tunnel.steps);
            for (const auto& problem : tunnel.errors)
                left.push_back(text_of(problem));
            if (!left.empty())
                failures.emplace(executed->second,
                                 Error(Code::not_in_effect, "", {{"steps", joined(left, ", ")}}));
        }
        read_back_ = std::move(*state);
        return failures;
    }

    /// What is wanted of those that were carried out.
    Config executed_config() const {
        Config config{config_.origin, {}, {}};
        std::set<std::string_view> present;
        for (const auto& [i, transaction] : executed_)
            if (plans_[i].absent)
                config.absent.push_back(plans_[i].name);
            else
                present.insert(plans_[i].name);
        for (const auto& tunnel : config_.tunnels)
            if (present.contains(tunnel.name)) config.tunnels.push_back(tunnel);
        return config;
    }

    TransactionContext& context_;
    const Config& config_;
    std::span<const TunnelPlan> plans_;
    const State& before_;
    const PlanOptions& options_;
    std::size_t total_ = 0; ///< messages of all
    int heeded_signal_ = 0; ///< what kept a tunnel from being begun or completed; 0 is none
    Executor executor_;
    NewAddresses addresses_;
    std::map<std::size_t, Transaction> executed_; ///< and not undone; by the plan's index
    State read_back_;                             ///< in which they are in effect
    /// Steps that have become necessary by the failure of another tunnel; by the plan's index.
    std::map<std::size_t, std::vector<Step>> shared_;
    std::set<std::size_t> completed_; ///< whose such steps were sent
    std::set<std::string> removed_;   ///< by the absences that were carried out
    std::vector<Result<void>> results_;
};

} // namespace

std::vector<Result<void>> carry_out(TransactionContext& context, const Config& config,
                                    std::span<const TunnelPlan> plans, const State& before,
                                    const PlanOptions& options) {
    return Run(context, config, plans, before, options).carry_out();
}

std::vector<Error> take_back(TransactionContext& context, std::span<const TunnelPlan> plans,
                             const State& before) {
    return Return(context, plans, before).run();
}

} // namespace vxlanctl
