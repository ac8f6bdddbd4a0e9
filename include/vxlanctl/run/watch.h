#pragma once

#include "vxlanctl/model/tunnel.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vxlanctl {

/// What of an interface matters to those that stand on it.
struct WatchedLink {
    std::string name;
    bool is_up = false; ///< IFF_UP, set by somebody: not whether there is a carrier
    std::uint32_t mtu = 0;
    int master_index = 0;
    bool operator==(const WatchedLink&) const = default;
};

/// One event of the kernel, as far as tunnels may be concerned by it.
struct WatchEvent {
    enum class Kind : std::uint8_t {
        link,
        port, ///< what a bridge says of a port: the interface itself stays as it is
        address,
        entry, ///< of a forwarding database
        route,
        rule,
        settings ///< net.ipv4.conf and net.ipv6.conf
    };
    Kind kind = Kind::link;
    bool is_gone = false;
    int index = 0;                ///< of the interface; 0: of none, or of all (settings)
    WatchedLink link = {};        ///< of a link that is there
    std::optional<Prefix> prefix; ///< the address, or a route's destination
    std::uint32_t table = 0;      ///< of a route or rule
};

/// How often `watch` does what.
struct WatchPace {
    using Time = std::chrono::milliseconds;
    Time settle{10};         ///< so long nothing else happened to a tunnel …
    Time coalesce{50};       ///< … or so long ago something first did
    Time interval{1000};     ///< between two runs for a tunnel, and between two of all tunnels
    Time names{60'000};      ///< between two look-ups of names
    Time retry{60'000};      ///< for a tunnel that could not be made what it shall be
    std::size_t repairs = 5; ///< so many …
    Time window{60'000};     ///< … in this time are a fight
    Time truce{300'000};     ///< so long a tunnel that is fought over is left alone
};

/// What a run is to be for.
struct WatchTurn {
    bool all = false;              ///< all tunnels, and what no file defines any more
    std::set<std::string> tunnels; ///< where it is not `all`: these, and nothing else
    std::set<std::string> spared;  ///< those that are left alone
    std::set<std::string> again;   ///< those that were left alone until now
    bool look_up = false;          ///< names have to be looked up anew
};

/// What became of one tunnel in a run.
struct WatchResult {
    std::string tunnel;
    /// What was done, in words; empty where it was in sync, or refused.
    std::vector<std::string> steps;
    /// It is not as it shall be. With steps: they were rolled back, which the kernel told as well.
    bool is_failed = false;
};

/// A tunnel that something keeps changing.
struct WatchFight {
    std::string tunnel;
    std::vector<std::string> steps; ///< what the last run did
};

/// Which tunnels an event concerns, when to run for them, and who is left alone. Values only: the
/// caller has the clock, the sockets and the kernel.
class Watch {
public:
    using Time = std::chrono::steady_clock::time_point;
    /// Whether a reading that is about to begin sees what happened to the tunnel.
    using IsSeen = std::function<bool(const std::string& tunnel)>;

    explicit Watch(WatchPace pace = {}) : pace_(pace) {}

    /// What the files say now. All tunnels are due; those of which they say something else are no
    /// longer left alone, and what is done to them next is no repair.
    void set_tunnels(std::vector<Tunnel> tunnels, Time now);
    /// Whether the files say the same as before.
    bool has(const std::vector<Tunnel>& tunnels) const { return tunnels == wanted_; }
    const std::vector<Tunnel>& tunnels() const { return wanted_; }
    /// The names in /run/netns of the other network namespaces that tunnels are in.
    std::set<std::string> namespaces() const;

    /// Forgets which interfaces are there, before they are listed by know().
    void forget_links(std::string_view netns);
    /// An interface that is there; concerns nobody.
    void know(const WatchEvent& link, std::string_view netns);
    /// `is_seen` may be empty: then nothing is.
    void note(const WatchEvent& event, std::string_view netns, Time now, const IsSeen& is_seen);
    /// Events were lost, or somebody asks for it: all tunnels are due.
    void note_all(Time now);
    /// The same of the tunnels in one network namespace.
    void note_namespace(std::string_view netns, Time now);
    /// Ends every truce.
    void end_truces();

    /// When the next turn is, if nothing happens until then; empty: never.
    std::optional<Time> next() const;
    /// What is due; empty where nothing is.
    std::optional<WatchTurn> take(Time now);
    /// The run of a turn is over. Returns the tunnels that are left alone from now on.
    std::vector<WatchFight> finish(const WatchTurn& turn, const std::vector<WatchResult>& results,
                                   Time now);
    /// It could not even begin: the same turn comes again after the interval.
    void postpone(const WatchTurn& turn, Time now);

    std::size_t failing() const;
    std::size_t left_alone() const;

private:
    using Tunnels = std::vector<std::size_t>; ///< positions in wanted_
    /// Who names an interface, and what for.
    struct Role {
        Tunnels self, under;
    };
    struct Condition {
        std::optional<Time> first, last; ///< events that no run has seen
        std::optional<Time> not_before;
        std::optional<Time> retry; ///< where it failed
        std::optional<Time> truce; ///< its end, where it is left alone
        std::deque<Time> repairs;
        unsigned rollbacks = 0; ///< one after the other
        bool is_new = true;     ///< of what the file says nothing has been made yet
    };
    using Names = std::unordered_map<std::string, Role>;

    void index_tunnels();
    void index_tunnel(std::size_t at);
    void concern(const Tunnels& tunnels, Time now, const IsSeen& is_seen);
    void concern(std::size_t at, Time now, const IsSeen& is_seen);
    const Role* role_of(std::string_view netns, const std::string& name) const;
    void note_link(const WatchEvent& event, std::string_view netns, Time now,
                   const IsSeen& is_seen);
    void note_address(const WatchEvent& event, const Role* role, Time now, const IsSeen& is_seen);
    void note_route(const WatchEvent& event, const Role* role, std::string_view netns, Time now,
                    const IsSeen& is_seen);
    std::optional<Time> due(std::size_t at) const;
    std::optional<Time> due_by_itself(std::size_t at) const;
    void add_with_uppers(std::size_t at, WatchTurn& turn) const;

    WatchPace pace_;
    std::vector<Tunnel> wanted_;
    std::vector<Condition> conditions_; ///< of each of them
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::vector<Tunnels> lowers_, uppers_; ///< directly
    std::map<std::string, Names, std::less<>> roles_;
    std::map<IpAddress, Tunnels> by_local_;
    std::multimap<Prefix, std::pair<std::uint32_t, std::size_t>> by_route_; ///< table and tunnel
    std::multimap<std::uint32_t, std::size_t> by_rule_;
    Tunnels with_settings_, with_names_, automatic_;
    /// What is known of the interfaces that have a role, by network namespace and index.
    std::map<std::string, std::unordered_map<int, WatchedLink>, std::less<>> links_;
    std::map<IpAddress, std::set<int>> locals_; ///< where local addresses were seen last
    std::optional<Time> all_, last_all_, names_;
};

} // namespace vxlanctl
