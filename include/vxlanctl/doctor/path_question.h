#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/rounds.h"
#include "vxlanctl/kernel/kernel.h"

namespace vxlanctl {

/// Sends one remote end a packet that may not be fragmented and is as large as the tunnel's can be,
/// and ever smaller ones as long as somebody on the way reports a smaller MTU. Needs no capability.
class PathQuestion {
public:
    PathQuestion(const Kernel& kernel, const Link& link, const IpAddress& to);
    Question question();
    const PathMtu& path() const { return path_; }

private:
    int open(const Kernel& kernel, const Link& link);
    bool ask();
    void receive();
    void read_errors();
    void note_error(const void* data, std::size_t size);

    PathMtu path_;
    FileDescriptor socket_;
    bool repeat_ = true; ///< to be sent (again)
    bool waits_ = false; ///< for whoever reports a smaller MTU
};

} // namespace vxlanctl
