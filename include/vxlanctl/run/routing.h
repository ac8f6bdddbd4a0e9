#pragma once

#include "vxlanctl/kernel/look_up.h"

namespace vxlanctl {

/// What planning asks about the routing of one network namespace: of the kernel, or of a snapshot.
class Routing {
public:
    virtual ~Routing() = default;
    /// As look_up() of kernel/look_up.h.
    virtual Result<std::vector<RouteLookup>> look_up(const std::vector<RouteQuery>& queries) = 0;
    /// As resolve_routes().
    virtual Result<std::vector<RouteLookup>> resolve(const std::vector<RouteQuery>& queries) = 0;
    /// As links_of().
    virtual Result<std::vector<Link>> links_of(const std::set<int>& indexes) = 0;
    /// As unused_table().
    virtual Result<std::uint32_t> unused_table(Family family, std::uint32_t first) = 0;

protected:
    Routing() = default;
    Routing(const Routing&) = default;
    Routing& operator=(const Routing&) = default;
};

/// The running kernel's.
class KernelRouting final : public Routing {
public:
    explicit KernelRouting(Netlink& netlink) : netlink_(netlink) {}
    Result<std::vector<RouteLookup>> look_up(const std::vector<RouteQuery>& queries) override {
        return vxlanctl::look_up(netlink_, queries);
    }
    Result<std::vector<RouteLookup>> resolve(const std::vector<RouteQuery>& queries) override {
        return resolve_routes(netlink_, queries);
    }
    Result<std::vector<Link>> links_of(const std::set<int>& indexes) override {
        return vxlanctl::links_of(netlink_, indexes);
    }
    Result<std::uint32_t> unused_table(Family family, std::uint32_t first) override {
        return vxlanctl::unused_table(netlink_, family, first);
    }

private:
    Netlink& netlink_;
};

} // namespace vxlanctl
