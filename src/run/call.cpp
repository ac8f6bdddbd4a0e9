#include "vxlanctl/run/call.h"

namespace vxlanctl {

void Call::report(const Error& error) {
    events.failed(error);
    impossible = impossible || error.kind == ErrorKind::usage;
    if (error.kind != ErrorKind::usage) code = graver(code, exit_code(error.kind));
}

} // namespace vxlanctl
