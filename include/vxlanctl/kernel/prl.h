#pragma once

#include "vxlanctl/model/model.h"

#include <vector>

/// The potential router list of an ISATAP link. It is reached by ioctl alone
/// (ipip6_tunnel_prl_ctl() in net/ipv6/sit.c), over any socket in the link's network namespace:
/// what a family does not know goes to the device (sock_do_ioctl() in net/socket.c).
namespace vxlanctl {

class RouterList {
public:
    /// Of a socket, which has to stay open.
    explicit RouterList(int descriptor) : descriptor_(descriptor) {}

    /// The whole list of a link, however long, sorted. Errors: those of the kernel.
    Result<std::vector<PrlEntry>> read(const std::string& link);

    // These return 0 or the kernel's errno.

    /// Whether the name is still that of the link with that ifindex: ENODEV where it is not.
    int check(const std::string& link, int index);

    /// Where somebody else has added the router meanwhile, changes its flag.
    int add(const std::string& link, const PrlEntry& entry);
    /// Changes the flag; ENXIO where the router is not in the list.
    int change(const std::string& link, const PrlEntry& entry);
    /// ENXIO where the router is not in the list. Never sends 0.0.0.0, which would wipe the list.
    int remove(const std::string& link, const PrlEntry& entry);

private:
    int call(unsigned long request, const std::string& link, void* data);
    int descriptor_;
};

} // namespace vxlanctl
