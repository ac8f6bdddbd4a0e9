#include "vxlanctl/transaction.h"

#include "vxlanctl/address_codec.h"
#include "vxlanctl/explain.h"
#include "vxlanctl/fdb_codec.h"
#include "vxlanctl/link_codec.h"
#include "vxlanctl/prl.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/route_codec.h"
#include "vxlanctl/undo.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <unordered_map>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
// Duplicate address detection takes one to two seconds with the kernel's defaults.
constexpr std::chrono::seconds dad_deadline{10};

volatile std::sig_atomic_t signal_number = 0;

/// Sends steps. Knows the ifindex of every link, also of those it makes.
class Executor {
public:
    Executor(Netlink& netlink, const State& state, std::string tunnel)
        : netlink_(netlink), tunnel_(std::move(tunnel)), writer_(batch_) {
        for (const auto& link : state.links)
            indexes_.emplace(link.name, link.index);
    }

    using Progress = std::function<void(std::size_t done, std::size_t total)>;

    Result<void> run(const std::vector<Step>& steps, const Progress& progress, bool interruptible) {
        progress_ = progress;
        for (const auto& step : steps)
            total_ += message_count(step);
        for (const auto& step : steps) {
            if (needs_flush_before(step))
                if (auto done = flush(); !done) return done;
            if (interruptible && caught_signal() != 0)
                return tl::unexpected(
                    Error{ErrorKind::kernel, tunnel_,
                          fmt::format("interrupted by signal {}", caught_signal()), "", 0, ""});
            if (is_ioctl(step)) {
                if (auto done = flush(); !done) return done;
                if (auto done = call(step); !done) return done;
                continue;
            }
            if (auto done = encode(step); !done) return done;
            if (needs_flush_after(step))
                if (auto done = flush(); !done) return done;
        }
        return flush();
    }

    /// The ifindex of a link, also of one made here; 0 when there is none.
    int index_of(const std::string& name) const {
        const auto found = indexes_.find(name);
        return found == indexes_.end() ? 0 : found->second;
    }

    /// Whether the kernel refused to make a link of that name.
    bool refused(const std::string& name) const { return refused_.contains(name); }

private:
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
                const Failure failure{0, (routers_.*method)(operation.link, operation.entries[i]),
                                      ""};
                if (failure.code != 0 && !is_gone_already(step, failure))
                    return tl::unexpected(explain(tunnel_, step, i, failure));
                if (progress_) progress_(++done_, total_);
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
                if (index == 0 && has_link)
                    return tl::unexpected(explain(tunnel_, step, 0, {0, ENODEV, ""}));
                encode_operation(operation, index);
                return {};
            },
            step.operation);
        for (std::size_t i = first; i < batch_.offsets.size(); ++i)
            origins_.push_back({&step, i - first});
        if (!missing_.empty()) // 0 would mean «none» to the kernel
            return tl::unexpected(Error{ErrorKind::kernel, tunnel_, "cannot " + imperative(step, 0),
                                        fmt::format("'{}' has gone", missing_), ENODEV, ""});
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
        const auto report = [&](std::size_t done) {
            if (progress_) progress_(done_ + done, total_);
        };
        const auto is_fatal = [&](const Failure& failure) {
            return !is_gone_already(*origins_[failure.message].step, failure);
        };
        const auto failures = netlink_.request(batch_, learn_index, report, is_fatal);
        if (!failures) {
            Error error = failures.error();
            error.subject = tunnel_;
            return tl::unexpected(std::move(error));
        }
        done_ += batch_.offsets.size();
        const auto real = std::find_if(failures->begin(), failures->end(), is_fatal);
        remember_links(*failures);
        const auto error = real == failures->end()
                               ? std::optional<Error>()
                               : explain(tunnel_, *origins_[real->message].step,
                                         origins_[real->message].element, *real);
        batch_.bytes.clear();
        batch_.offsets.clear();
        origins_.clear();
        batch_adds_ = false;
        return error ? Result<void>(tl::unexpected(*error)) : Result<void>();
    }

    void remember_links(const std::vector<Failure>& failures) {
        for (const auto& failure : failures)
            if (const auto* create =
                    std::get_if<CreateLink>(&origins_[failure.message].step->operation);
                create != nullptr && origins_[failure.message].element == 0)
                refused_.insert(create->link);
        for (const auto& origin : origins_)
            if (const auto* rename = std::get_if<RenameLink>(&origin.step->operation))
                indexes_[rename->to] = index_of(rename->link);
    }

    struct OriginOfMessage {
        const Step* step;
        std::size_t element;
    };
    Netlink& netlink_;
    std::string tunnel_;
    std::unordered_map<std::string, int> indexes_;
    std::set<std::string> refused_;
    std::string missing_; ///< a link that a message refers to and that is not there
    RouterList routers_;
    MessageBatch batch_;
    MessageWriter writer_;
    std::vector<OriginOfMessage> origins_;
    bool batch_adds_ = false;
    Progress progress_;
    std::size_t done_ = 0, total_ = 0;
};

/// One tunnel's way from plan to verified state.
class Transaction {
public:
    Transaction(TransactionContext& context, const Config& config, const TunnelPlan& plan,
                const State& before, const PlanOptions& options)
        : context_(context), config_(config), plan_(plan), before_(before), options_(options),
          executor_(context.netlink, before, plan.name) {}

    Result<void> run() {
        if (plan_.steps.empty()) {
            written_ = plan_.mark ? recorded(plan_.mark->id) : std::nullopt;
            remember_after();
            return {};
        }
        if (auto done = remember_before(); !done) return done;
        auto done = act();
        if (!done) return undo(done.error());
        remember_after();
        return {};
    }

private:
    Result<void> act() {
        // Events are joined before the address is there, so that none is missed.
        const auto new_ones = new_ipv6_addresses(plan_.steps);
        auto events = listen_for(new_ones);
        if (!events) return tl::unexpected(events.error());
        if (auto done = executor_.run(plan_.steps, context_.progress, true); !done) return done;
        if (*events)
            if (auto done = await_addresses(**events, new_ones); !done) return done;
        return verify();
    }

    static std::vector<Prefix> new_ipv6_addresses(const std::vector<Step>& steps) {
        std::vector<Prefix> prefixes;
        for (const auto& step : steps)
            if (const auto* add = std::get_if<AddAddress>(&step.operation);
                add != nullptr && add->address.prefix.address.family == Family::ipv6)
                prefixes.push_back(add->address.prefix);
        return prefixes;
    }

    /// A socket with the events of IPv6 addresses; none where there is no address to wait for.
    static Result<std::optional<NetlinkSocket>> listen_for(const std::vector<Prefix>& addresses) {
        if (addresses.empty()) return std::nullopt;
        auto socket = NetlinkSocket::open();
        if (!socket) return tl::unexpected(socket.error());
        if (auto joined = socket->join(RTNLGRP_IPV6_IFADDR); !joined)
            return tl::unexpected(joined.error());
        return std::optional(std::move(*socket));
    }

    Error error(std::string doing, std::string why, std::string remedy = {}) const {
        return {ErrorKind::kernel, plan_.name, std::move(doing),
                std::move(why),    0,          std::move(remedy)};
    }

    /// A new IPv6 address is of no use, and its routes are not preferred, before the kernel knows
    /// that nobody else has it.
    Result<void> await_addresses(const NetlinkSocket& events, const std::vector<Prefix>& awaited) {
        const auto deadline = steady_clock::now() + dad_deadline;
        ReadRequest request;
        request.tunnels = {plan_.name};
        request.foreign = false;
        while (true) {
            const auto state = read_state(context_.netlink, nullptr, request);
            if (!state) return tl::unexpected(state.error());
            const Link* link = find_link(*state, plan_.name);
            bool waiting = false;
            for (const auto& address : link != nullptr ? link->addresses : std::vector<Address>{}) {
                if (std::find(awaited.begin(), awaited.end(), address.prefix) == awaited.end())
                    continue;
                if ((address.flags & IFA_F_DADFAILED) != 0)
                    return tl::unexpected(
                        error(fmt::format("cannot use {}", to_string(address.prefix)),
                              "another host on the tunnel has that address (DAD failed)"));
                waiting = waiting || (address.flags & IFA_F_TENTATIVE) != 0;
            }
            if (!waiting) return {};
            if (caught_signal() != 0)
                return tl::unexpected(
                    error(fmt::format("interrupted by signal {}", caught_signal()), ""));
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - steady_clock::now());
            pollfd descriptor{events.descriptor(), POLLIN, 0};
            if (left.count() <= 0 || poll(&descriptor, 1, static_cast<int>(left.count())) == 0)
                return tl::unexpected(error("duplicate address detection does not end",
                                            fmt::format("waited {} s", dad_deadline.count())));
            std::array<std::byte, 8192> ignored;
            while (recv(events.descriptor(), ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) {
            }
        }
    }

    /// The kernel accepts more than it does, so only a second plan without steps is a proof.
    Result<void> verify() {
        ReadRequest request = request_for(config_);
        request.foreign = false;
        auto state = read_state(context_.netlink, nullptr, request);
        if (!state) return tl::unexpected(state.error());
        if (plan_.mark) state->records[plan_.mark->id] = plan_.record;
        const Plan again = vxlanctl::plan(config_, *state, options_);
        std::vector<std::string> left;
        for (const auto& tunnel : again.tunnels) {
            if (tunnel.name != plan_.name) continue;
            for (const auto& step : tunnel.steps)
                left.push_back(imperative(step, 0));
            for (const auto& problem : tunnel.errors)
                left.push_back(problem.doing);
        }
        if (left.empty()) return {};
        return tl::unexpected(error("the kernel accepted everything, yet it is not in effect",
                                    fmt::format("still to do: {}", fmt::join(left, ", ")),
                                    "Another program may be changing the same link."));
    }

    /// Returns to the state that was read before, and reports `cause`.
    Result<void> undo(Error cause) {
        cause.subject = plan_.name;
        ReadRequest mine;
        mine.tunnels = {plan_.name};
        if (!plan_.temporary.empty()) mine.tunnels.push_back(plan_.temporary);
        for (const auto& link : before_.links) // what the old link refers to is among them
            if (!is_tunnel(link)) mine.others.push_back(link.name);
        mine.foreign = concerns_foreign(plan_);
        mine.needs = [this](const State&) { return needs_of_undo(); };
        for (int attempt = 0;; ++attempt) {
            // The old socket may still hold half an answer.
            auto socket = NetlinkSocket::open();
            if (!socket) return incomplete(std::move(cause), to_string(socket.error()));
            Netlink netlink(*socket);
            const auto now = read_state(netlink, nullptr, mine);
            if (!now && attempt == undo_attempts)
                return incomplete(std::move(cause), to_string(now.error()));
            if (!now) continue;
            const auto steps = steps_back(*now);
            if (steps.empty()) {
                restore_records();
                return failed(std::move(cause));
            }
            if (attempt == undo_attempts) {
                std::vector<std::string> left;
                for (const auto& step : steps)
                    left.push_back(imperative(step, 0));
                return incomplete(std::move(cause), fmt::format("{}", fmt::join(left, ", ")));
            }
            Executor executor(netlink, *now, plan_.name);
            const auto put_back = new_ipv6_addresses(steps);
            const auto events = listen_for(put_back);
            (void)executor.run(steps, {}, false); // the next reading tells what came of it
            if (events && *events) (void)await_addresses(**events, put_back); // usable, as before
            for (const auto& step : steps)
                remade_ = remade_ || std::holds_alternative<CreateLink>(step.operation);
            ours_.insert(executor.index_of(plan_.name));
        }
    }

    Result<void> incomplete(Error cause, const std::string& left) const {
        cause.kind = ErrorKind::undo_incomplete;
        cause.remedy = fmt::format("The undo failed as well. Left to do by hand: {}", left);
        return tl::unexpected(std::move(cause));
    }

    Result<void> failed(Error cause) const {
        const char* const space = cause.remedy.empty() ? "" : " ";
        if (!taken_.empty()) {
            cause.kind = ErrorKind::undo_incomplete;
            cause.remedy += fmt::format(
                "{}'{}' has been replaced by another program meanwhile, and is left alone.", space,
                taken_);
        } else if (remade_) {
            cause.remedy += fmt::format("{}The previous state is restored on a new link, without "
                                        "what cannot be put back: alternative names, multipath "
                                        "routes, traffic control.",
                                        space);
        } else if (cause.kind != ErrorKind::usage) {
            cause.remedy += fmt::format("{}The previous state is restored.", space);
        }
        return tl::unexpected(std::move(cause));
    }

    /// What the steps concern beyond the link itself.
    Needs needs_of_undo() const {
        Needs needs;
        for (const auto& step : plan_.steps) {
            if (std::holds_alternative<AddRule>(step.operation) ||
                std::holds_alternative<RemoveRule>(step.operation))
                needs.rules = true;
            if (const auto* add = std::get_if<AddRoute>(&step.operation))
                needs.links.insert(add->link);
            if (const auto* remove = std::get_if<RemoveRoute>(&step.operation))
                needs.links.insert(remove->link);
        }
        return needs;
    }

    /// A link that somebody else made under our name is not ours to change or remove; it only loses
    /// the mark that was sent behind a refused create.
    std::vector<Step> steps_back(const State& now) {
        std::vector<Step> steps = plan_back_elsewhere(plan_.name, before_, now, plan_.steps);
        for (const auto& name : {plan_.name, plan_.temporary}) {
            if (name.empty()) continue;
            const Link* was = find_link(before_, name);
            const Link* is = find_link(now, name);
            if (is != nullptr && !is_ours(*is, was)) {
                if (executor_.refused(name) && mark_of(*is->attributes.alias) == plan_.mark) {
                    LinkAttributes without_mark;
                    without_mark.alias = "";
                    steps.push_back({ChangeLink{name, without_mark}, {}, Disruption::none});
                } else if (was != nullptr) {
                    taken_ = name;
                }
                continue;
            }
            for (auto& step : plan_back(name, before_, now, plan_.steps))
                steps.push_back(std::move(step));
        }
        return steps;
    }

    bool is_ours(const Link& is, const Link* was) const {
        if (!is_tunnel(is)) return false;
        if ((was != nullptr && is.index == was->index) || ours_.contains(is.index)) return true;
        if (executor_.refused(is.name)) return false;
        return is.index == executor_.index_of(is.name) ||
               (plan_.mark && mark_of(*is.attributes.alias) == plan_.mark);
    }

    // The record goes to disk before anything goes to the kernel. It then claims what is old and
    // what is new: should we be killed in between, a later run may reset too much of ours, never
    // too little, and nothing of anybody else's.

    Result<void> remember_before() {
        if (!plan_.mark) return {};
        Record both = plan_.record;
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
            }
        written_ = both;
        if (both == recorded(plan_.mark->id)) return {};
        return context_.records.write_record(plan_.mark->id, both, context_.space);
    }

    bool same_id() const { return plan_.old_mark && plan_.old_mark->id == plan_.mark->id; }

    std::optional<Record> recorded(const std::string& id) const {
        const auto found = before_.records.find(id);
        return found == before_.records.end() ? std::nullopt : std::optional(found->second);
    }

    void remember_after() {
        if (plan_.mark && written_ != plan_.record)
            (void)context_.records.write_record(plan_.mark->id, plan_.record, context_.space);
        if (plan_.old_mark && (!plan_.mark || !same_id()))
            context_.records.remove_record(plan_.old_mark->id);
    }

    void restore_records() {
        if (!plan_.mark) return;
        if (const auto old = recorded(plan_.mark->id))
            (void)context_.records.write_record(plan_.mark->id, *old, context_.space);
        else
            context_.records.remove_record(plan_.mark->id);
    }

    static constexpr int undo_attempts = 3;
    TransactionContext& context_;
    const Config& config_;
    const TunnelPlan& plan_;
    const State& before_;
    const PlanOptions& options_;
    Executor executor_;
    std::optional<Record> written_; ///< what the record says now
    std::set<int> ours_;            ///< links that the undo made
    bool remade_ = false;           ///< the undo made a new link
    std::string taken_;             ///< a link that somebody else replaced
};

} // namespace

Result<void> carry_out(TransactionContext& context, const Config& config, const TunnelPlan& plan,
                       const State& before, const PlanOptions& options) {
    return Transaction(context, config, plan, before, options).run();
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = [](int number) { signal_number = number; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction old {};
        sigaction(number, nullptr, &old);
        if (old.sa_handler != SIG_IGN) sigaction(number, &action, nullptr); // nohup stays nohup
    }
}

int caught_signal() {
    return signal_number;
}

} // namespace vxlanctl
