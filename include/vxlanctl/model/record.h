#pragma once

#include "vxlanctl/model/fdb.h"
#include "vxlanctl/model/routing.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

/// Of Record::keys: the file or the command stated the peers.
inline constexpr const char* peers_key = "peers";

/// Of Record::keys and its values: a control plane writes the peers.
inline constexpr const char* control_plane_key = "control_plane";

enum class Origin : std::uint8_t { cli, file };

/// What a link that we made or adopted carries in its alias: `vxlanctl/1 cli|file ID`.
struct Mark {
    Origin origin = Origin::cli;
    std::string id; ///< 16 hexadecimal digits
    bool operator==(const Mark&) const = default;
};

/// Which interface a record was written for. An alias can be copied, and the mark in it with it.
struct RecordedInterface {
    std::string name;
    std::string kind; ///< IFLA_INFO_KIND
    int index = 0;    ///< 0: not known, since the run that made it was killed
    bool operator==(const RecordedInterface&) const = default;
};

/// What we set on behalf of a marked link: the memory that lets a key which is no longer stated be
/// reset, and that says which file a tunnel comes from.
struct Record {
    std::set<std::string> keys;
    std::map<std::string, std::string> values; ///< of the stated attributes, as value_text() has it
    std::vector<Prefix> addresses;
    std::vector<Route> routes; ///< with `dev` where it is not the link itself
    std::vector<Rule> rules;
    std::vector<std::string> forward_from; ///< devices that we made forward
    std::string source;                    ///< see Tunnel::source; empty in a record of 0.1
    RecordedInterface interface;           ///< empty in a record of 0.1
    /// The peers, as peers_text() writes them: there may be thousands, and they are taken apart
    /// only where the key `peers` is not stated any more.
    std::string peers = {};
    PeerNames peer_names = {}; ///< of these peers; empty in a record of 0.1
    bool operator==(const Record&) const = default;
};

/// The mark in an alias, where it is the last part, behind a foreign alias and ` | `, or alone;
/// empty when there is none. A foreign alias may look like one that is broken.
std::optional<Mark> mark_of(std::string_view alias);
/// `alias` with our mark in it, in place of an older one, behind ` | ` where somebody else's is.
std::string with_mark(std::string_view alias, const Mark& mark);

} // namespace vxlanctl
