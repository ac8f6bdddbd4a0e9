#pragma once

#include <set>
#include <string>
#include <vector>

/// Random histories: what files say, what others do, what the files say next.
namespace world {

/// `name = value`, or a list of values in brackets; each as TOML has it.
struct WishedKey {
    std::string name;
    std::vector<std::string> values;
    bool is_list = false;
};
/// `[kind.name]` and its keys.
struct WishedTunnel {
    std::string kind, name;
    std::vector<WishedKey> keys;
};
using Wish = std::vector<WishedTunnel>;

/// Lines of `ip -batch` or `bridge -batch`. They may fail: what they need may not be there.
struct Disturbance {
    std::string program, lines;
};

struct History {
    Wish first;
    std::vector<Disturbance> between;
    Wish second;
    std::vector<std::string> options; ///< of the second; some of one word, some of two
};

/// `kinds`: which kinds of links the kernel has besides vxlan, bridge and veth.
History random_history(unsigned seed, const std::set<std::string>& kinds);
/// Each with a bit less of it: what a failing one is tried with, until none of them fails.
std::vector<History> smaller(const History& history);
/// As a file for `apply`.
std::string to_toml(const Wish& wish);
/// As a script of shell that repeats it.
std::string to_script(const History& history);

/// The host that it happens on, as lines of `ip -batch -force`: eth0, eth1 and br0.
extern const char* const history_host;
/// What follows the refusal of a history's own options.
extern const char* const everything_allowed;
/// Whether a link is one of the tunnels, or was before it was given another name.
bool is_tunnel(const std::string& link);
/// Whether a number of an object on a tunnel, in snapshot()'s hexadecimal digits, says that others
/// made it: 10.N.66.N, 2001:db8:66::, and MAC addresses that begin with 02:66.
bool is_foreign(const std::string& hex);

} // namespace world
