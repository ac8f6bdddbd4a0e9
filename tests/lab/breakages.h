#pragma once

#include "lab.h"

namespace lab {

/// For Setting::needs.
inline constexpr const char* needs_vrf = "ip link add v8 type vrf table 98; ip link del v8";

/// Something that goes wrong on a host whose tunnels work.
struct Breakage {
    std::string name;  ///< as docs/doctor.md has it
    std::string check; ///< that names the cause
    std::string line;  ///< of shell on the host: what goes wrong
    Setting setting = {};
    bool probe = false; ///< the host cannot know it without sending packets
    /// A line of shell that repairs what doctor has no command for; empty: its remedies do.
    std::string repair = "";
    bool in_gate = false;
};
const std::vector<Breakage>& breakages();

/// A host on which all is well.
struct Healthy {
    std::string name;
    Setting setting = {};
    bool in_gate = false;
};
const std::vector<Healthy>& healthy_variants();

} // namespace lab
