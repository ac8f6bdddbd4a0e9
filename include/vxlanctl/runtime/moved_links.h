#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vxlanctl {

/// Links that were put into a group of their own (IFLA_GROUP), so that the kernel removes all of
/// them in one pass. Noted before that: should the run be killed, the next one puts them back.
struct MovedLinks {
    struct Link {
        int index = 0;
        std::uint32_t group = 0; ///< that it had before
        bool operator==(const Link&) const = default;
    };
    std::uint32_t group = 0; ///< which no other link is in
    std::vector<Link> links;
    bool operator==(const MovedLinks&) const = default;
};

/// As the text of a file (JSON).
std::string moved_links_text(const MovedLinks& moved);
/// The inverse; empty for a text that is none.
std::optional<MovedLinks> parse_moved_links(const std::string& text);

} // namespace vxlanctl
