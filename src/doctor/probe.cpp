#include "vxlanctl/doctor/probe.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/echo.h"
#include "vxlanctl/doctor/inside.h"
#include "vxlanctl/doctor/listening.h"
#include "vxlanctl/doctor/neighbour_question.h"
#include "vxlanctl/doctor/next_hops.h"
#include "vxlanctl/doctor/path_question.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/fdb_codec.h"

#include <algorithm>
#include <list>
#include <set>

namespace vxlanctl {
namespace {

constexpr std::size_t most_sockets = 512; // of tunnels that are asked at the same time
constexpr std::size_t most_asked = 32;    // addresses inside a VXLAN
constexpr std::size_t most_sizes = 8;     // remote ends behind which sizes are looked for
constexpr std::chrono::seconds most_time{6}, most_time_in_all{30};
constexpr int first_rounds = 2, most_rounds = 12;

bool is_up(const Link& link) {
    return link.attributes.up.value_or(false);
}

/// The IPv4 neighbours and gateways inside, as far as they are known.
std::set<IpAddress> known_inside(const Link& link, const TunnelFacts& facts) {
    std::set<IpAddress> known;
    const auto add = [&](const IpAddress& address) {
        if (address.family == Family::ipv4 && !is_multicast(address) &&
            !is_limited_broadcast(address) && known.size() < most_asked)
            known.insert(address);
    };
    for (const auto& neighbour : facts.neighbours)
        add(neighbour.address);
    for (const auto& route : link.routes)
        if (route.via) add(*route.via);
    return known;
}

/// This host's address on the tunnel for a question about another one.
IpAddress sender_towards(const Link& link, const IpAddress& target) {
    IpAddress sender;
    for (const auto& address : link.addresses)
        if (address.prefix.address.family == target.family &&
            (is_unspecified(sender) || contains(address.prefix, target)))
            sender = address.prefix.address;
    return sender;
}

/// One tunnel.
class TunnelProbe {
public:
    TunnelProbe(const Kernel& kernel, const Link& link, const TunnelFacts& facts)
        : kernel_(kernel), link_(link), facts_(facts) {}
    TunnelProbe(const TunnelProbe&) = delete;
    TunnelProbe& operator=(const TunnelProbe&) = delete;
    ~TunnelProbe() = default;

    const TunnelFacts& facts() const { return facts_; }
    const Link& link() const { return link_; }

    void prepare() {
        for (const auto& way : facts_.out)
            if (way.code == 0) paths_.emplace_back(kernel_, link_, way.to);
        if (!is_up(link_)) return;
        if (auto listening = Listening::open(kernel_, link_.index))
            listening_.emplace(std::move(*listening));
        if (link_.tunnel.kind == TunnelKind::vxlan)
            prepare_arp();
        else
            prepare_echoes();
    }

    std::vector<Question> questions() {
        std::vector<Question> all;
        for (auto& path : paths_)
            all.push_back(path.question());
        for (auto* echo : {&outside_, &inside_})
            if (*echo) all.push_back((*echo)->question());
        if (arp_) all.push_back(arp_->question());
        if (listening_) all.push_back(listening_->question());
        return all;
    }

    /// After the first rounds: sizes are looked for where ARP was answered.
    void go_on(Netlink& netlink, const NextHops& hops) {
        for (const auto& way : facts_.out)
            if (const NextHop* hop = hops.find(way))
                if (!is_in(probe_.next_hops, *hop)) probe_.next_hops.push_back(*hop);
        take_arp_answers();
        if (!probe_.answers.empty() || !probe_.own.empty()) find_peers(netlink);
        const bool answered =
            std::any_of(probe_.answers.begin(), probe_.answers.end(),
                        [](const ArpAnswer& answer) { return answer.mac.has_value(); });
        if (answered) prepare_sizes();
    }

    Probe take() {
        for (const auto& path : paths_)
            probe_.paths.push_back(path.path());
        if (outside_ && link_.tunnel.kind != TunnelKind::vxlan) take_ends();
        if (inside_) take_sizes();
        if (listening_) probe_.heard = listening_->heard();
        return std::move(probe_);
    }

private:
    void prepare_arp() {
        auto opened = ArpQuestion::open(kernel_, link_.index);
        if (!opened) {
            probe_.arp_obstacle = opened.error();
            return;
        }
        arp_.emplace(std::move(*opened));
        for (const auto& address : link_.addresses)
            if (address.prefix.address.family == Family::ipv4) {
                arp_->add_own(address.prefix.address);
                probe_.own.push_back({address.prefix.address, {}, {}});
            }
        for (const auto& target : known_inside(link_, facts_)) {
            arp_->add(target, sender_towards(link_, target));
            probe_.answers.push_back({target, {}, {}});
        }
        if (probe_.answers.empty()) probe_.arp_obstacle = Error(Code::no_inner_address_known);
    }

    void take_arp_answers() {
        if (!arp_) return;
        for (auto* list : {&probe_.answers, &probe_.own})
            for (auto& answer : *list)
                if (const auto found = arp_->answers().find(answer.address);
                    found != arp_->answers().end())
                    answer.mac = mac_of_entry(answer.address, found->second);
    }

    /// Of several who answer the one that the kernel sends to, if it is one of them.
    MacAddress mac_of_entry(const IpAddress& address, const std::vector<MacAddress>& macs) const {
        for (const auto& neighbour : facts_.neighbours)
            if (neighbour.address == address && neighbour.mac && is_in(macs, *neighbour.mac))
                return *neighbour.mac;
        return macs.front();
    }

    /// Where the kernel has learned the MAC addresses of those who answered.
    void find_peers(Netlink& netlink) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_fdb(writer, link_.index);
        const auto done = netlink.dump(
            batch,
            [&](const nlmsghdr* message) {
                const auto entry = decode_fdb(message);
                if (!entry || entry->link_index != link_.index) return;
                for (auto* answers : {&probe_.answers, &probe_.own})
                    for (auto& answer : *answers)
                        if (answer.mac == entry->mac) answer.behind = entry->dst;
            },
            [] {});
        if (!done) probe_.arp_obstacle = done.error();
    }

    void prepare_sizes() {
        std::map<std::optional<IpAddress>, int> groups; // by the peer
        auto opened = EchoQuestion::open(kernel_, {Family::ipv4, link_.name, link_.index, {}});
        if (!opened) return; // ARP tells of the obstacle
        inside_.emplace(std::move(*opened));
        for (const auto& answer : probe_.answers) {
            if (!answer.mac || (groups.size() >= most_sizes && !groups.contains(answer.behind)))
                continue;
            const int group =
                groups.try_emplace(answer.behind, static_cast<int>(groups.size())).first->second;
            inside_->add(answer.address, link_.attributes.mtu.value_or(0), group);
            behind_.push_back(answer.behind);
        }
    }

    void prepare_echoes() {
        const bool is_ipv6_inside = link_.tunnel.kind == TunnelKind::sit;
        const auto ends = other_ends(link_);
        if (ends.empty()) return;
        const bool has_local =
            link_.tunnel.local && link_.tunnel.local->family == ends.front().family;
        auto outside =
            EchoQuestion::open(kernel_, {ends.front().family, link_.tunnel.dev.value_or(""), 0,
                                         has_local ? local_of(link_) : std::nullopt});
        auto inside = EchoQuestion::open(kernel_, {is_ipv6_inside ? Family::ipv6 : Family::ipv4,
                                                   link_.name, link_.index, std::nullopt});
        for (const auto* opened : {&outside, &inside})
            if (!*opened) probe_.echo_obstacle = opened->error();
        if (probe_.echo_obstacle) return;
        outside_.emplace(std::move(*outside));
        inside_.emplace(std::move(*inside));
        for (const auto& way : facts_.out) {
            if (way.code != 0) continue;
            outside_->add(way.to);
            for (const auto& address : inside_addresses(link_, way.to)) {
                inside_->add(address, link_.attributes.mtu.value_or(0),
                             static_cast<int>(probe_.ends.size()));
                behind_.push_back(way.to);
            }
            probe_.ends.push_back({{way.to, 0, 0, 0}, {}});
        }
    }

    void take_ends() {
        const auto outside = outside_->answers();
        for (std::size_t i = 0; i < probe_.ends.size(); ++i)
            probe_.ends[i].outside = outside[i];
        const auto inside = inside_->answers();
        for (std::size_t i = 0; i < inside.size(); ++i)
            for (auto& end : probe_.ends)
                if (end.outside.to == behind_[i]) end.inside.push_back(inside[i]);
    }

    /// Of each group the one who answered first, of whom the others know no more.
    void take_sizes() {
        const auto answers = inside_->answers();
        for (std::size_t i = 0; i < answers.size(); ++i) {
            const auto& [to, passes, wanted, code] = answers[i];
            const auto same =
                std::find_if(probe_.sizes.begin(), probe_.sizes.end(),
                             [&](const InnerSize& known) { return known.behind == behind_[i]; });
            if (passes == 0) continue;
            if (same == probe_.sizes.end())
                probe_.sizes.push_back({to, behind_[i], passes, wanted});
            else if (passes > same->passes)
                *same = {to, behind_[i], passes, wanted};
        }
    }

    const Kernel& kernel_;
    const Link& link_;
    const TunnelFacts& facts_;
    Probe probe_;
    std::list<PathQuestion> paths_;
    std::optional<ArpQuestion> arp_;
    std::optional<EchoQuestion> outside_, inside_;
    std::vector<std::optional<IpAddress>> behind_; ///< of each address that inside_ asks
    std::optional<Listening> listening_;
};

/// The sockets that a tunnel is asked for with.
std::size_t sockets_of(const TunnelFacts& facts) {
    return facts.out.size() + 4;
}

/// Asks for all of these at the same time.
void ask(const Kernel& kernel, Netlink& netlink, const State& state,
         std::list<TunnelProbe>& group) {
    const auto end = ProbeClock::now() + most_time;
    NextHops hops(kernel, netlink, state);
    std::vector<Question> questions;
    for (auto& probe : group) {
        probe.prepare();
        append(questions, probe.questions());
        for (const auto& way : probe.facts().out)
            hops.add(way, local_of(probe.link()));
    }
    append(questions, hops.questions());
    ask_in_rounds(questions, first_rounds, end);
    hops.take_answers();
    questions.clear();
    for (auto& probe : group) {
        probe.go_on(netlink, hops);
        append(questions, probe.questions());
    }
    ask_in_rounds(questions, most_rounds - first_rounds, end);
}

const Link* tunnel_of(const State& state, const TunnelFacts& facts) {
    const Link* link = find_link(state, facts.name);
    return link != nullptr && is_tunnel(*link) ? link : nullptr;
}

} // namespace

std::vector<std::optional<Probe>> probe_tunnels(const Kernel& kernel, Netlink& netlink,
                                                const State& state,
                                                std::span<const TunnelFacts> tunnels) {
    std::vector<std::optional<Probe>> probes(tunnels.size());
    const auto end = ProbeClock::now() + most_time_in_all - most_time;
    allow_descriptors(most_sockets + 64);
    for (std::size_t next = 0; next < tunnels.size();) {
        std::list<TunnelProbe> group;
        std::vector<std::size_t> positions;
        std::size_t sockets = 0;
        const bool is_late = ProbeClock::now() > end;
        for (; next < tunnels.size(); ++next) {
            const Link* link = tunnel_of(state, tunnels[next]);
            if (link == nullptr) continue;
            if (is_late) {
                Probe& late = probes[next].emplace();
                late.arp_obstacle = late.echo_obstacle = Error(Code::probe_out_of_time);
                continue;
            }
            sockets += sockets_of(tunnels[next]);
            if (!group.empty() && sockets > most_sockets) break;
            group.emplace_back(kernel, *link, tunnels[next]);
            positions.push_back(next);
        }
        ask(kernel, netlink, state, group);
        auto position = positions.begin();
        for (auto& probe : group)
            probes[*position++] = probe.take();
    }
    return probes;
}

} // namespace vxlanctl
