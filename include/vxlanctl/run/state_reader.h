#pragma once

#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/netlink.h"
#include "vxlanctl/run/reader.h"

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace vxlanctl {

/// An error of reading, which says what was being read.
tl::unexpected<Error> while_reading(Error error, std::string what);

/// One reading of a namespace.
class StateReader {
public:
    StateReader(Netlink& netlink, const RuntimeDirectory* records, const ReadRequest& request)
        : netlink_(netlink), records_(records), request_(request) {}

    Result<State> run();

    /// What run() left out, into the state that it read.
    Result<void> complete(State& state);

private:
    // Up to this many tunnels, the kernel filters entries and neighbours by link: three calls a
    // dump, 30 microseconds beside 1,000 links. A dump of 20,000 entries of others takes 10
    // milliseconds.
    static constexpr std::size_t most_by_link = 64;

    Result<void> read_foreign();

    /// The kernel lists those of all bridge ports, so only where one of the tunnels is one.
    Result<void> read_port_vlans();

    Result<void> read_needs(const Needs& needs);

    Result<void> read_settings();

    Result<void> read_record(const Link& link);

    /// The records of all marked links, whatever their kind, and of those that are gone.
    Result<void> read_all_records();

    Result<void> dump(const std::function<void(MessageWriter&)>& encode, std::string what,
                      const MessageHandler& handle, const std::function<void()>& restart,
                      TableWatch* watch = nullptr);

    /// A dump about one link, or with the filter 0 about all. A link may vanish at any time, and
    /// has nothing then (ENODEV of fib_valid_dumproute_filter() and others).
    Result<void> dump_of_link(int filter, const std::function<void(MessageWriter&)>& encode,
                              std::string what, const MessageHandler& handle,
                              const std::function<void()>& restart, TableWatch* watch = nullptr);

    void drop_vanished();

    void add_link(Link link);

    Result<void> read_links();

    /// Or of all kinds.
    Result<void> read_links_of_kind(std::string_view kind);

    /// A link that is not there is no error: the planner says what that means. `asked` are the
    /// names in the batch's order, if it asks by name: the kernel also answers to alternative ones.
    Result<void> get_links(MessageBatch& batch, const std::vector<std::string>& asked = {});

    /// Which links are read in full, by ifindex.
    void select_tunnels();

    Link* tunnel(int index);

    /// The links to ask for one by one, or {0} for all of them at once.
    static std::set<int> filters(const std::set<int>& links, std::size_t most);

    Result<void> read_addresses();

    Result<void> read_fdb();

    void read_fdb_clock();

    struct Table {
        std::vector<FloodEntry> flood_list;
        std::vector<MacEntry> macs;
        bool operator==(const Table&) const = default;
    };

    std::vector<Table> tables(int filter) const;

    bool is_expected(int filter) const;

    /// Makes both lists the sorted union of the two.
    static void unite(std::vector<FloodEntry>& seen, std::vector<FloodEntry>& now);

    bool is_selected(const Link& link, int filter) const;

    Result<void> read_fdb_once(int filter, TableWatch& watch);

    /// What is behind entries with a next-hop group. Mostly there are none.
    Result<void> read_groups();

    void add_entry(const FdbMessage& message);

    /// One call a link: the kernel has no other way.
    Result<void> read_routers();

    Result<void> read_rules();

    /// Which links stand on the tunnels, of all kinds.
    Result<void> read_uppers();

    Result<void> read_neighbours();

    Result<void> read_tables(const std::set<std::uint32_t>& tables);

    /// Or with RT_TABLE_UNSPEC all of `tables` at once.
    Result<void> read_table(Family family, std::uint32_t table,
                            const std::set<std::uint32_t>& tables);

    /// The routes out of these links, as far as they are needed. Mostly all that are wanted are
    /// there and ours, and these are few on a host that may have many.
    Result<void> read_needed_routes(const std::set<int>& links, const std::vector<Route>& wanted);

    Result<void> read_own_routes(const std::set<int>& links, Family family);

    /// Which of the tunnels' addresses lack the route to their subnet. Nearly always those that the
    /// kernel made are there, which it lists alone; of few links it lists all that lead out of
    /// them.
    Result<void> read_connected(const std::vector<Route>& wanted);

    static void note_unrouted(Link& link, const Route& connected);

    int index_of(const std::string& name) const;

    static std::set<Family> families_of(const std::vector<Route>& routes);

    Result<void> read_kernels_routes(const std::set<int>& links, Family family,
                                     std::uint32_t table);

    void clear_routes(const std::set<int>& links, Family family);

    void add_routes(const std::set<int>& links, Family family, const nlmsghdr* message);

    /// The routes out of these links, in place of what is known of them.
    Result<void> read_routes_of_links(const std::set<int>& links);

    Result<void> read_routes_of_links(const std::set<int>& links, Family family, int filter);

    std::string name_of(int index) const;

    std::string resolved(const std::string& name) const;

    bool is_vrf(int index) const { return vrfs_.contains(index); }

    /// Fetches the links that tunnels refer to by index and that have not been read yet.
    Result<void> read_missing_names();

    void fill_in_names();

    Netlink& netlink_;
    const RuntimeDirectory* records_;
    const ReadRequest& request_;
    State state_;
    std::unordered_map<int, std::size_t> by_index_;
    std::unordered_map<int, std::string> names_;
    std::set<int> vrfs_;
    std::set<int> tunnels_;
    std::set<int> vanished_; ///< while we read
    std::set<int> wanted_names_;
    int last_index_ = 0;
    Link* last_tunnel_ = nullptr;
};

} // namespace vxlanctl
