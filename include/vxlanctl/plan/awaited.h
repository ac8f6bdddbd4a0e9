#pragma once

#include "vxlanctl/model/model.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vxlanctl {

/// What has to be there before the tunnels of a config can be made: underlay interfaces that are
/// large enough, and local addresses, without what the config itself makes. It is told link by link
/// and address by address what is there, so that an event costs no more than what it is about.
class Awaited {
public:
    explicit Awaited(const Config& config);

    void add_link(int index, const std::string& name, std::uint32_t mtu);
    void remove_link(int index);
    void add_address(const Prefix& prefix, int link_index);
    void remove_address(const Prefix& prefix, int link_index);
    /// Nothing is there, as far as we know.
    void clear();

    std::vector<std::string> links() const; ///< the names of those that are awaited
    bool is_complete() const { return missing_ == 0; }
    /// Words for each that is missing, in the order of the config.
    std::vector<std::string> missing() const;

private:
    using Holder = std::pair<int, std::uint8_t>; ///< ifindex, and the address's prefix length
    struct Thing {
        std::string words;
        std::set<Holder> holders; ///< the link itself, or those that have the address
        std::string of = {};      ///< an awaited link without which it is not worth a word
    };
    template<class Key>
    void await(std::map<Key, std::size_t>& things, const Key& key, std::string words);
    void forget_mtu_of(int index);
    void add_holder(std::size_t thing, Holder holder);
    void remove_holder(std::size_t thing, Holder holder);

    std::vector<Thing> things_;
    std::map<std::string, std::size_t> links_;
    std::map<IpAddress, std::size_t> addresses_;
    struct LeastMtu {
        std::uint32_t least;
        std::size_t thing;
    };
    /// By interface: the underlay interface, or the tunnel, which may have its MTU already.
    std::multimap<std::string, LeastMtu> mtus_;
    std::multimap<int, std::size_t> mtus_by_index_; ///< those that are large enough
    std::map<int, std::size_t> by_index_;           ///< the awaited links that are there
    std::size_t missing_ = 0;
};

} // namespace vxlanctl
