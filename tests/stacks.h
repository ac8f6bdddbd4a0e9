#pragma once

#include "chance.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

/// Random stacks of tunnels, one to four of them above one another, as files for `apply`.
namespace stacks {

enum class Kind { vxlan, isatap, ipip6 };

/// One tunnel of a stack. All addresses follow from its number.
struct Layer {
    Kind kind = Kind::vxlan;
    int number = 0;
    int lower = -1; ///< the number of the one that it stands on; -1: eth0
    bool names_dev = true;
    int variant = 0;    ///< another one of a VXLAN needs a replacement
    int vni_number = 0; ///< the number of the tunnel whose VNI it has; 0: its own
    std::optional<int> mtu, ttl;
    bool rule = false, route_elsewhere = false, second_address = false, forwards = false;
    bool operator==(const Layer&) const = default;
};
using Stack = std::vector<Layer>;

/// `isatap` and `ipip6` are used where the kernel has them.
Stack random_stack(Chance& chance, const std::set<Kind>& kinds);
/// Another one for the same host: the same with a few changes, or one that has nothing to do with
/// it.
Stack changed(const Stack& stack, Chance& chance, const std::set<Kind>& kinds);
std::string to_toml(const Stack& stack);
/// The name of that number's tunnel.
std::string name_of(int number);

} // namespace stacks
