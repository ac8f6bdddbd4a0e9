#pragma once

#include "world.h"

/// A network that looks like a user's, in which pings decide whether doctor is right.
namespace lab {

using Strings = std::vector<std::string>;

/// A mount namespace with an /etc and a /run of its own.
class MountNamespace {
public:
    MountNamespace();
    ~MountNamespace();
    MountNamespace(const MountNamespace&) = delete;
    MountNamespace& operator=(const MountNamespace&) = delete;
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

/// A ping from one namespace to an address, small or as large as the tunnel carries.
struct Flow {
    std::string from; ///< `host`, `peer-a`, `device`, `vpc`
    std::string to;
    bool large = false;
};

/// What differs between cases before anything is broken.
struct Setting {
    std::string needs = "";        ///< a line of shell that fails where the kernel lacks something
    std::string before = "";       ///< a line of shell on the host, before the tunnel is made
    std::string file = "";         ///< /etc/vxlanctl/lab.toml; empty: that of `usual_file`
    std::string command = "";      ///< in place of a file: words of vxlanctl
    std::string after = "";        ///< a line of shell, once the tunnel is there
    std::vector<Flow> flows = {};  ///< empty: `usual_flows`
    std::string tunnel = "vxlan0"; ///< whose MTU the large pings have
    std::string names = "";        ///< of tunnels, for doctor
};

/// The host (172.21.0.100 on eth0) behind a router (172.21.0.1), which leads to the peers `peer-a`
/// (100.64.158.4, inside 10.192.158.4) and `peer-b` (100.64.158.132, inside 10.192.158.132) and to
/// the host `vpc` (172.21.1.50). The `device` 10.128.0.5 is behind peer-a. All of them are
/// namespaces that `ip netns` knows. A second uplink of the host, eth2 (172.22.0.100), leads to
/// nobody who answers.
class Lab {
public:
    explicit Lab(Setting setting);

    /// A line of shell on the host, which may name the others: `ip -n router …`.
    std::string sh(const std::string& line) const;
    world::Finished run(const std::string& line) const;
    world::Finished vxlanctl(const std::string& words) const;

    /// Whether this kernel has what the setting needs; else nothing is there.
    bool is_possible() const { return is_possible_; }
    /// The pings that are not answered within a second.
    Strings dead_flows() const;
    /// Pings until all are answered; the dead ones where that takes too long.
    Strings dead_for_long() const;
    /// `vxlanctl doctor --json`.
    nlohmann::json doctor(bool probe) const;
    /// As after a reboot: what vxlanctl made is gone, and the files are applied again.
    void reboot() const;

    const Setting setting;

private:
    /// How much a ping carries that is as large as the tunnel's MTU at present.
    std::size_t payload(bool is_ipv6) const;

    bool is_possible_ = true;
    world::Namespace host_;
    MountNamespace mounts_;
};

extern const std::string usual_file, gateway_file;
extern const std::vector<Flow> usual_flows, gateway_flows;

/// Does what the findings that fail say, literally: edits the files, and runs the commands.
void follow_remedies(const Lab& lab, const nlohmann::json& findings);

} // namespace lab
