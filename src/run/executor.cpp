#include "vxlanctl/run/executor.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/run/address_owners.h"
#include "vxlanctl/run/encode.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/new_addresses.h"

#include <algorithm>
#include <cerrno>

namespace vxlanctl {
namespace {

/// The address that the step's route has as its source, if the same steps add it.
const Address* new_source(const Step& step, std::span<const Step> steps) {
    const auto* route = std::get_if<Add<Route>>(&step.operation);
    if (route == nullptr || !route->object().source ||
        route->object().source->family != Family::ipv6)
        return nullptr;
    for (const auto& other : steps)
        if (const auto* add = std::get_if<Add<Address>>(&other.operation);
            add != nullptr && add->object().prefix.address == *route->object().source)
            return &add->object();
    return nullptr;
}

/// How many seconds others are asked for the step's address before it is added; 0: not at all.
std::uint32_t duplicate_check_of(const Step& step) {
    const auto* add = std::get_if<Add<Address>>(&step.operation);
    return add == nullptr ? 0 : add->manner.duplicate_check;
}

} // namespace

Error interrupted() {
    return Error(Code::interrupted, "", {{"signal", caught_signal()}});
}

std::size_t message_count(std::span<const Step> steps) {
    std::size_t count = 0;
    for (const auto& step : steps)
        count += message_count(step);
    return count;
}

Executor::Executor(const Kernel& kernel, Netlink& netlink, const State& state, OnSignal on_signal,
                   Progress progress)
    : kernel_(kernel), netlink_(netlink), on_signal_(on_signal), progress_(std::move(progress)),
      routers_(netlink.descriptor()), writer_(batch_) {
    for (const auto& link : state.links)
        indexes_.emplace(link.name, link.index);
}

Result<void> Executor::run(const std::string& tunnel, std::span<const Step> steps) {
    tunnel_ = tunnel;
    const std::size_t end = done_ + message_count(steps);
    auto done = send(steps);
    drop_batch();
    done_ = end;
    return done;
}

int Executor::index_of(const std::string& name) const {
    const auto found = indexes_.find(name);
    return found == indexes_.end() ? 0 : found->second;
}

void Executor::set_index(const std::string& name, const Link* link) {
    indexes_[name] = link == nullptr ? 0 : link->index;
}

void Executor::note_removed(const std::string& name) {
    indexes_[name] = 0; // the number may be another link's soon
    ++done_;
    if (progress_) progress_(done_);
}

Result<void> Executor::send(std::span<const Step> steps) {
    bool is_probed = false;
    for (const auto& step : steps) {
        if (needs_flush_before(step))
            if (auto done = flush(); !done) return done;
        if (is_to_stop()) return tl::unexpected(interrupted());
        if (is_by_ioctl(step.operation)) {
            if (auto done = flush(); !done) return done;
            if (auto done = call(step); !done) return done;
            continue;
        }
        if (!is_probed && duplicate_check_of(step) != 0) {
            is_probed = true;
            if (auto done = probe(steps); !done) return done;
        }
        if (const Address* source = new_source(step, steps))
            if (auto done = await_source(step, source->prefix); !done) return done;
        if (auto done = encode(step); !done) return done;
        if (needs_flush_after(step))
            if (auto done = flush(); !done) return done;
    }
    return flush();
}

Result<void> Executor::await_source(const Step& step, const Prefix& source) {
    if (auto done = flush(); !done) return done;
    const int index = index_of(std::get<Add<Route>>(step.operation).link);
    auto usable = await_new_address(kernel_, netlink_, index, source);
    if (!usable) usable.error().subject = tunnel_;
    return usable;
}

Result<void> Executor::probe(std::span<const Step> steps) {
    if (auto done = flush(); !done) return done;
    std::vector<IpAddress> addresses;
    std::string link;
    std::chrono::seconds time{};
    for (const auto& step : steps)
        if (const auto seconds = duplicate_check_of(step); seconds != 0) {
            const auto& add = std::get<Add<Address>>(step.operation);
            addresses.push_back(add.object().prefix.address);
            link = add.link;
            time = std::chrono::seconds(seconds);
        }
    const auto socket = ArpSocket::on_link(kernel_, index_of(link));
    if (!socket) {
        unprobed_.emplace_back(Code::address_not_probed, tunnel_,
                               Values{{"addresses", joined(texts_of(addresses), ", ")},
                                      {"reason", socket.error().value("reason")}});
        return {};
    }
    constexpr int probes = 3; // PROBE_NUM of RFC 5227
    const auto owners =
        find_owners(*socket, addresses, {time, std::chrono::milliseconds(time) / probes, true});
    if (is_to_stop()) return tl::unexpected(interrupted());
    if (owners.empty()) return {};
    const auto& [address, mac] = *owners.begin();
    return error(Code::address_answered, tunnel_,
                 {{"address", to_string(address)}, {"mac", to_string(mac)}});
}

bool Executor::needs_flush_after(const Step& step) {
    return std::holds_alternative<CreateLink>(step.operation) ||
           std::holds_alternative<RenameLink>(step.operation) ||
           std::holds_alternative<DeleteLink>(step.operation);
}

Result<void> Executor::call(const Step& step) {
    const auto each = [&](const auto& operation, auto method) -> Result<void> {
        for (std::size_t i = 0; i < operation.objects.size(); ++i) {
            if (is_to_stop()) return tl::unexpected(interrupted());
            // An ioctl goes by the name, which may be that of somebody else's link by now.
            int code = routers_.check(operation.link, index_of(operation.link));
            if (code == 0) code = (routers_.*method)(operation.link, operation.objects[i]);
            const Failure failure{0, code, ""};
            if (failure.code != 0 && !is_gone_already(step, failure))
                return tl::unexpected(explain(tunnel_, step, i, failure));
            ++done_;
            if (progress_) progress_(done_);
        }
        return {};
    };
    if (const auto* add = std::get_if<Add<PrlEntry>>(&step.operation))
        return each(*add, &RouterList::add);
    if (const auto* change = std::get_if<Change<PrlEntry>>(&step.operation))
        return each(*change, &RouterList::change);
    return each(std::get<Remove<PrlEntry>>(step.operation), &RouterList::remove);
}

Result<void> Executor::encode(const Step& step) {
    batch_adds_ = batch_adds_ || !is_destructive(step);
    const int index = index_of(link_of(step.operation));
    if (index == 0 && has_ifindex(step.operation)) {
        const Failure failure{0, ENODEV, ""};
        if (is_gone_already(step, failure)) return {};
        return tl::unexpected(explain(tunnel_, step, 0, failure));
    }
    const std::size_t first = batch_.offsets.size();
    vxlanctl::encode(writer_, step.operation, index, [this](const std::string& name) {
        if (index_of(name) == 0) missing_ = name;
        return index_of(name);
    });
    for (std::size_t i = first; i < batch_.offsets.size(); ++i)
        origins_.push_back({&step, i - first});
    if (!missing_.empty()) // 0 would mean «none» to the kernel
        return error(
            Error(Code::interface_vanished, tunnel_,
                  {{"step", imperative(step, 0)}, {"interface", std::exchange(missing_, "")}})
                .with(ENODEV));
    return {};
}

Result<void> Executor::flush() {
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

void Executor::drop_batch() {
    batch_.bytes.clear();
    batch_.offsets.clear();
    origins_.clear();
    batch_adds_ = false;
}

void Executor::remember_links(const std::vector<Failure>& failures) {
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

bool Executor::is_removed(const OriginOfMessage& origin,
                          const std::vector<Failure>& failures) const {
    return std::none_of(failures.begin(), failures.end(), [&](const Failure& failure) {
        return origins_[failure.message].step == origin.step &&
               !is_gone_already(*origin.step, failure);
    });
}

void note_made(const std::vector<Step>& steps, const Executor& executor,
               std::map<std::string, int>& made) {
    for (const auto& step : steps)
        if (const auto* create = std::get_if<CreateLink>(&step.operation);
            create != nullptr && !executor.refused(create->link) &&
            executor.index_of(create->link) != 0)
            made[create->link] = executor.index_of(create->link);
}

} // namespace vxlanctl
