#pragma once

#include "vxlanctl/model.h"

#include <vector>

/// The potential router list of an ISATAP link. It is reached by ioctl alone
/// (ipip6_tunnel_prl_ctl() in net/ipv6/sit.c), in the network namespace that the process is in at
/// the first call.
namespace vxlanctl {

class RouterList {
public:
    RouterList() = default;
    RouterList(const RouterList&) = delete;
    RouterList& operator=(const RouterList&) = delete;
    ~RouterList();

    /// The whole list of a link, however long, sorted. Errors: those of the kernel.
    Result<std::vector<PrlEntry>> read(const std::string& link);

    // These return 0 or the kernel's errno.

    /// Where somebody else has added the router meanwhile, changes its flag.
    int add(const std::string& link, const PrlEntry& entry);
    /// Changes the flag; ENXIO where the router is not in the list.
    int change(const std::string& link, const PrlEntry& entry);
    /// ENXIO where the router is not in the list. Never sends 0.0.0.0, which would wipe the list.
    int remove(const std::string& link, const PrlEntry& entry);

private:
    int call(unsigned long request, const std::string& link, void* data);
    int descriptor_ = -1;
};

} // namespace vxlanctl
