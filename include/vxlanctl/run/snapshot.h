#pragma once

#include "vxlanctl/model/names.h"
#include "vxlanctl/model/snapshot.h"
#include "vxlanctl/run/moved_device.h"
#include "vxlanctl/run/routing.h"

/// What planning reads of a host, taken along to plan somewhere else.
namespace vxlanctl {

/// Reads one network namespace. What is not there at all, such as a record that cannot be
/// understood, is in the snapshot as that; only where the kernel or a record cannot be read, the
/// whole is an error.
Result<NamespaceSnapshot> take_snapshot(const Kernel& kernel);

/// Versioned JSON, see docs/json.md. Names that are no UTF-8 are written as printable() has them.
std::string snapshot_text(const Snapshot& snapshot);
/// The inverse. An error of kind usage where the text is no snapshot, or one of a later version.
/// `path` is what the error names.
Result<Snapshot> parse_snapshot(const std::string& text, const std::string& path);

/// The routing of a namespace in a snapshot. Answers everything.
class SnapshotRouting final : public Routing {
public:
    explicit SnapshotRouting(const NamespaceSnapshot& space) : space_(space) {}
    Result<std::vector<RouteLookup>> look_up(const std::vector<RouteQuery>& queries) override;
    Result<std::vector<RouteLookup>> resolve(const std::vector<RouteQuery>& queries) override;
    Result<std::vector<Link>> links_of(const std::set<int>& indexes) override;
    Result<std::uint32_t> unused_table(Family family, std::uint32_t first) override;

private:
    const NamespaceSnapshot& space_;
};

/// As read_devices() of the running kernel: the devices of those names that are in the snapshot.
std::map<std::string, Device> devices_in(const NamespaceSnapshot& space,
                                         const std::set<std::string>& names);

/// The names of which the host's records have addresses: those that it knew when it last applied.
NameAnswers recorded_names(const Snapshot& snapshot, const std::set<NameQuery>& names);

} // namespace vxlanctl
