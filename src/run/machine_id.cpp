#include "vxlanctl/run/machine_id.h"

#include "vxlanctl/base/directory.h"

#include <fcntl.h>

namespace vxlanctl {
namespace {

std::optional<MachineId> read_machine_id() {
    const FileDescriptor file(
        open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    return file.get() < 0 ? std::nullopt : parse_machine_id(read_all(file.get()));
}

} // namespace

std::optional<MachineId> machine_id() {
    static const auto id = read_machine_id();
    return id;
}

} // namespace vxlanctl
