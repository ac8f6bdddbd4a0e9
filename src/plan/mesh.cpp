#include "vxlanctl/plan/mesh.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/plan/mesh_networks.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

namespace vxlanctl {
namespace {

using Index = std::uint32_t; ///< of an end among all

/// A tunnel of a host, with what is compared often.
struct End {
    MeshEnd at;
    const Tunnel* tunnel = nullptr;
    std::uint32_t vni = 0;
    std::uint16_t port = 0;
    bool is_vxlan = false;
    bool has_local = false; ///< one that is known
    std::size_t networks = 0;

    const IpAddress& local() const { return *tunnel->tunnel.local; }
};

std::string_view family_word(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

/// One comparison.
class Comparison {
public:
    Comparison(std::span<const MeshHost> hosts, bool closed) : hosts_(hosts), closed_(closed) {
        for (std::size_t i = 0; i < hosts.size(); ++i)
            for (std::size_t j = 0; j < hosts[i].tunnels.size(); ++j)
                add({i, j}, *hosts[i].tunnels[j]);
        std::sort(by_local_.begin(), by_local_.end());
        lists_.resize(ends_.size());
        listed_by_.resize(ends_.size());
        unknown_.resize(ends_.size());
    }

    MeshFindings run() {
        for (Index one = 0; one < ends_.size(); ++one)
            if (ends_[one].is_vxlan) follow_peers(one);
        compare_lists();
        compare_remotes();
        compare_families();
        compare_locals();
        compare_inner_addresses();
        judge_unknown();
        tell_what_was_not_compared();
        return take();
    }

private:
    void add(MeshEnd at, const Tunnel& tunnel) {
        const auto& outer = tunnel.tunnel;
        End end{at,
                &tunnel,
                outer.vni.value_or(0),
                outer.port.value_or(0),
                outer.kind == TunnelKind::vxlan,
                outer.local && !tunnel.automatic.local,
                networks_.add(tunnel)};
        if (end.has_local) by_local_.emplace_back(*outer.local, static_cast<Index>(ends_.size()));
        ends_.push_back(end);
    }

    const std::string& name_of(Index index) const { return hosts_[ends_[index].at.host].name; }
    bool is_same_host(Index one, Index other) const {
        return ends_[one].at.host == ends_[other].at.host;
    }

    /// Adds what is wrong between two ends, `where` one of them, once of each kind.
    void find(Index one, Index other, Message message, Index where,
              std::vector<std::string> all = {}) {
        auto& clauses = found_[std::minmax(one, other)];
        if (std::any_of(clauses.begin(), clauses.end(), [&](const MeshClause& clause) {
                return clause.message.code == message.code;
            }))
            return;
        clauses.push_back({std::move(message), ends_[where].at, std::move(all)});
    }

    /// Whether the peers of a VXLAN are its file's: else somebody else makes the list.
    static bool has_list(const End& end) { return end.tunnel->peers.has_value(); }

    /// Those with that local address, from `first` on in the order of addresses.
    std::span<const std::pair<IpAddress, Index>> with_local(const IpAddress& local,
                                                            std::size_t& first) const {
        while (first < by_local_.size() && by_local_[first].first < local)
            ++first;
        std::size_t last = first;
        while (last < by_local_.size() && by_local_[last].first == local)
            ++last;
        return std::span(by_local_).subspan(first, last - first);
    }

    /// How well the end is what a peer of `one` can mean.
    int likeness(Index one, std::uint32_t vni, std::uint16_t port, Index other) const {
        const End& end = ends_[other];
        if (end.vni == vni) return end.port == port ? 3 : 2;
        return end.tunnel->name == ends_[one].tunnel->name ? 1 : 0;
    }

    void follow_peers(Index one) {
        const End& end = ends_[one];
        if (!has_list(end)) return;
        bool any_other = !end.tunnel->named_peers.empty();
        std::size_t first = 0; // peers are sorted as local addresses are
        for (const auto& peer : *end.tunnel->peers) {
            const auto candidates = with_local(peer.dst, first);
            const std::uint32_t vni = peer.vni.value_or(end.vni);
            const std::uint16_t port = peer.port.value_or(end.port);
            const auto like = [&](Index other) { return likeness(one, vni, port, other); };
            std::optional<Index> best;
            bool is_own = false;
            for (const auto& [local, other] : candidates) {
                is_own = is_own || is_same_host(one, other);
                if (!is_same_host(one, other) && ends_[other].is_vxlan &&
                    (!best || like(other) > like(*best)))
                    best = other;
            }
            if (is_own) continue;
            any_other = true;
            if (!best) {
                unknown_[one].push_back(peer.dst);
                continue;
            }
            for (const auto& [local, other] : candidates) // more than one have one address
                if (other == *best || (ends_[other].is_vxlan && like(other) == like(*best)))
                    lists_[one].push_back(other);
            compare_sent(one, vni, port, *best);
            compare_pair(one, *best);
        }
        if (!any_other) find(one, one, Message(Code::mesh_no_peer), one);
    }

    /// What `one` sends and `other` takes.
    void compare_sent(Index one, std::uint32_t vni, std::uint16_t port, Index other) {
        const End& to = ends_[other];
        if (vni != to.vni)
            find(one, other,
                 Message(Code::mesh_vni_differs, "",
                         {{"host", name_of(one)},
                          {"vni", vni},
                          {"other", name_of(other)},
                          {"other_vni", to.vni}}),
                 one);
        if (port != to.port)
            find(one, other,
                 Message(Code::mesh_port_differs, "",
                         {{"host", name_of(one)},
                          {"port", port},
                          {"other", name_of(other)},
                          {"other_port", to.port}}),
                 one);
    }

    /// What is the same from both sides.
    void compare_pair(Index one, Index other) {
        const auto mtu = ends_[one].tunnel->link.mtu, other_mtu = ends_[other].tunnel->link.mtu;
        if (mtu.has_value() != other_mtu.has_value())
            half_set_mtus_.emplace_back(std::minmax(one, other));
        else if (mtu != other_mtu)
            find(one, other,
                 Message(Code::mesh_mtu_differs, "",
                         {{"host", name_of(one)},
                          {"mtu", *mtu},
                          {"other", name_of(other)},
                          {"other_mtu", *other_mtu}}),
                 one);
        compare_inner_of(one, other);
        const auto& differing = networks_.difference(ends_[one].networks, ends_[other].networks);
        if (differing)
            find(one, other,
                 Message(Code::mesh_network_differs, "",
                         {{"host", name_of(one)},
                          {"network", to_string(differing->first)},
                          {"other", name_of(other)},
                          {"other_network", to_string(differing->second)}}),
                 one);
    }

    void compare_inner_of(Index one, Index other) {
        const auto& there = ends_[other].tunnel->addresses;
        if (!there || !ends_[one].tunnel->addresses) return;
        for (const auto& inner : *ends_[one].tunnel->addresses)
            for (const auto& prefix : *there)
                if (inner.address == prefix.address)
                    find(
                        one, other,
                        Message(Code::mesh_same_inner, "", {{"address", to_string(inner.address)}}),
                        std::max(one, other));
    }

    /// Each VXLAN lists those that list it.
    void compare_lists() {
        for (Index one = 0; one < ends_.size(); ++one) {
            auto& list = lists_[one];
            std::sort(list.begin(), list.end());
            list.erase(std::unique(list.begin(), list.end()), list.end());
            if (ends_[one].has_local) // else nobody can know that it is the one
                for (const Index other : list)
                    listed_by_[other].push_back(one);
        }
        for (Index one = 0; one < ends_.size(); ++one) {
            if (!has_list(ends_[one])) continue;
            const auto missing = minus(listed_by_[one], lists_[one]);
            if (missing.size() <= ends_[one].tunnel->named_peers.size()) continue; // may be these
            for (const Index other : missing)
                find(one, other,
                     Message(Code::mesh_not_listed, "",
                             {{"host", name_of(one)}, {"peer", to_string(ends_[other].local())}}),
                     one);
        }
    }

    /// IPv4-in-IPv6 tunnels: the remote end of each is the local one of the other.
    void compare_remotes() {
        for (Index one = 0; one < ends_.size(); ++one) {
            const Tunnel& tunnel = *ends_[one].tunnel;
            if (tunnel.tunnel.kind != TunnelKind::ip6tnl || !tunnel.tunnel.remote ||
                !tunnel.automatic.remote_name.empty())
                continue;
            std::size_t first = 0;
            std::optional<Index> best;
            for (const auto& [local, other] : with_local(*tunnel.tunnel.remote, first)) {
                if (is_same_host(one, other) ||
                    ends_[other].tunnel->tunnel.kind != TunnelKind::ip6tnl)
                    continue;
                const bool leads_back = ends_[one].has_local &&
                                        ends_[other].tunnel->tunnel.remote == ends_[one].local();
                if (!best || leads_back) best = other;
                if (leads_back) break;
            }
            if (best)
                compare_ends(one, *best);
            else if (!is_own_local(one, *tunnel.tunnel.remote))
                unknown_[one].push_back(*tunnel.tunnel.remote);
        }
    }

    bool is_own_local(Index one, const IpAddress& address) const {
        std::size_t first = 0;
        const auto same = with_local(address, first);
        return std::any_of(same.begin(), same.end(),
                           [&](const auto& other) { return is_same_host(one, other.second); });
    }

    void compare_ends(Index one, Index other) {
        const Tunnel& far = *ends_[other].tunnel;
        if (ends_[one].has_local && far.tunnel.remote && far.automatic.remote_name.empty() &&
            far.tunnel.remote != ends_[one].local())
            return find(one, other,
                        Message(Code::mesh_remote_differs, "",
                                {{"host", name_of(other)},
                                 {"remote", to_string(*far.tunnel.remote)},
                                 {"other", name_of(one)},
                                 {"local", to_string(ends_[one].local())}}),
                        other);
        compare_pair(one, other);
    }

    /// VXLANs of one name and VNI that cannot list each other.
    void compare_families() {
        std::map<std::pair<std::string_view, std::uint32_t>, std::vector<Index>> alike;
        for (Index one = 0; one < ends_.size(); ++one)
            if (ends_[one].is_vxlan && ends_[one].tunnel->tunnel.local)
                alike[{ends_[one].tunnel->name, ends_[one].vni}].push_back(one);
        for (const auto& [key, group] : alike)
            compare_families(group);
    }

    void compare_families(const std::vector<Index>& group) {
        const auto family = [&](Index one) { return ends_[one].local().family; };
        const auto is_as_first = [&](Index one) { return family(one) == family(group.front()); };
        const auto as_first = std::count_if(group.begin(), group.end(), is_as_first);
        const bool first_is_rare = 2 * static_cast<std::size_t>(as_first) < group.size();
        const Index usual = *std::find_if(group.begin(), group.end(), [&](Index one) {
            return is_as_first(one) != first_is_rare;
        });
        for (const Index one : group)
            if (family(one) != family(usual))
                find(usual, one,
                     Message(Code::mesh_family_differs, "",
                             {{"host", name_of(usual)},
                              {"family", family_word(family(usual))},
                              {"other", name_of(one)},
                              {"other_family", family_word(family(one))}}),
                     one);
    }

    /// Of IPv4-in-IPv6 tunnels many may have one.
    void compare_locals() {
        std::map<std::tuple<TunnelKind, IpAddress, std::uint32_t, std::uint16_t>, Index> first;
        for (Index one = 0; one < ends_.size(); ++one) {
            const auto kind = ends_[one].tunnel->tunnel.kind;
            if (!ends_[one].has_local || kind == TunnelKind::ip6tnl) continue;
            const auto [known, is_new] =
                first.try_emplace({kind, ends_[one].local(), ends_[one].vni, ends_[one].port}, one);
            if (!is_new && !is_same_host(known->second, one))
                find(known->second, one,
                     Message(Code::mesh_same_local, "", {{"local", to_string(ends_[one].local())}}),
                     one);
        }
    }

    /// In the networks of one VNI, also of hosts that do not list each other.
    void compare_inner_addresses() {
        std::map<std::pair<std::uint32_t, IpAddress>, Index> first;
        for (Index one = 0; one < ends_.size(); ++one) {
            if (!ends_[one].is_vxlan) continue;
            for (const auto& inner : ends_[one].tunnel->addresses.value_or(std::vector<Prefix>{})) {
                const auto [known, is_new] =
                    first.try_emplace({ends_[one].vni, inner.address}, one);
                if (!is_new && !is_same_host(known->second, one))
                    find(
                        known->second, one,
                        Message(Code::mesh_same_inner, "", {{"address", to_string(inner.address)}}),
                        one);
            }
        }
    }

    std::vector<std::string> automatic_names() const {
        std::vector<std::string> names;
        for (const auto& host : hosts_)
            if (std::any_of(host.tunnels.begin(), host.tunnels.end(),
                            [](const Tunnel* tunnel) { return tunnel->automatic.local; }))
                names.push_back(host.name);
        return names;
    }

    /// Peers that are no host's: hosts that choose their local address may be these.
    void judge_unknown() {
        if (!closed_) return;
        std::set<IpAddress> all;
        for (const auto& unknown : unknown_)
            all.insert(unknown.begin(), unknown.end());
        if (all.size() <= automatic_names().size()) return;
        constexpr std::size_t most = 3;
        for (Index one = 0; one < ends_.size(); ++one) {
            if (unknown_[one].empty()) continue;
            auto texts = texts_of(unknown_[one]);
            texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
            auto named = texts;
            named.resize(std::min(named.size(), most));
            if (texts.size() > most) named.back() += formatted(" and {} more", texts.size() - most);
            find(one, one, Message(Code::mesh_unknown_peer, "", {{"peers", joined(named, ", ")}}),
                 one, std::move(texts));
        }
    }

    void tell_what_was_not_compared() {
        if (auto names = automatic_names(); !names.empty()) {
            constexpr std::size_t most = 3;
            const std::size_t count = names.size();
            names.resize(std::min(count, most));
            if (count > most) names.back() += formatted(" and {} more", count - most);
            notes_.emplace_back(Code::mesh_locals_unknown, "",
                                Values{{"hosts", joined(names, ", ")}});
        }
        std::set<NamedPeer> named;
        for (const auto& end : ends_)
            named.insert(end.tunnel->named_peers.begin(), end.tunnel->named_peers.end());
        if (!named.empty())
            notes_.emplace_back(Code::mesh_names_not_compared, "",
                                Values{{"names", counted(std::ssize(named), "name", "names")}});
        std::sort(half_set_mtus_.begin(), half_set_mtus_.end());
        half_set_mtus_.erase(std::unique(half_set_mtus_.begin(), half_set_mtus_.end()),
                             half_set_mtus_.end());
        if (!half_set_mtus_.empty())
            notes_.emplace_back(
                Code::mesh_mtus_not_compared, "",
                Values{{"pairs", counted(std::ssize(half_set_mtus_), "pair", "pairs")}});
    }

    MeshFindings take() {
        MeshFindings findings;
        findings.notes = std::move(notes_);
        for (auto& [pair, clauses] : found_) {
            const auto& [one, other] = pair;
            findings.contradictions.push_back(
                {ends_[one].at, one == other ? std::nullopt : std::optional(ends_[other].at),
                 std::move(clauses)});
        }
        return findings;
    }

    std::span<const MeshHost> hosts_;
    const bool closed_;
    std::vector<End> ends_;                             ///< of all hosts, in their order
    std::vector<std::pair<IpAddress, Index>> by_local_; ///< sorted
    MeshNetworks networks_;
    std::vector<std::vector<Index>> lists_, listed_by_;
    std::vector<std::vector<IpAddress>> unknown_;        ///< peers of each that mean no host
    std::vector<std::pair<Index, Index>> half_set_mtus_; ///< perhaps twice
    std::map<std::pair<Index, Index>, std::vector<MeshClause>> found_;
    std::vector<Message> notes_;
};

} // namespace

MeshFindings compare_hosts(std::span<const MeshHost> hosts, bool closed) {
    return Comparison(hosts, closed).run();
}

} // namespace vxlanctl
