#pragma once

#include "vxlanctl/model/model.h"

#include <span>
#include <string_view>

/// What the kinds of tunnels are to people: one row a kind, which ends the kind's own source.
namespace vxlanctl {

class SectionReader;

struct SectionKind {
    TunnelKind kind;
    std::string_view name; ///< what a section's name begins with
    /// Its keys, besides those of all sections and of the tables of attributes.
    std::span<const std::string_view> keys;
    std::optional<Family> outer; ///< the only family that LOCAL may have
    Code other_outer;            ///< the error where it has another one
    std::optional<Family> inner; ///< the only family that is carried; empty: frames, and thus both
    std::string_view example;    ///< a name for a link; empty where the kernel module makes none
    void (*state_defaults)(Tunnel& tunnel);
    void (*read)(SectionReader& section); ///< its keys, once those of all sections are read
    /// The lines of what is not a member of Tunnel, which they take out of it. May be null.
    std::string (*lines_of_own)(Tunnel& tunnel);
};

extern const SectionKind vxlan_section, isatap_section, ipip6_section;

/// All of them, in the order of TunnelKind.
std::span<const SectionKind* const> section_kinds();
const SectionKind& section_kind(TunnelKind kind);

/// `vxlan`, `isatap` or `ipip6`: what a section's name begins with.
std::string_view section_name(TunnelKind kind);
/// The keys that a section of that kind may have.
std::vector<std::string> section_keys(TunnelKind kind);
/// The keys of an inline table in the list `peers`, `routers`, `routes` or `rules`.
std::vector<std::string> element_keys(std::string_view list);

} // namespace vxlanctl
