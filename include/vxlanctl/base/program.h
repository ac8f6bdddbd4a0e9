#pragma once

#include "vxlanctl/base/error.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

/// What another program printed.
struct ProgramOutput {
    int code = 0; ///< its exit code, or 128 + signal
    std::string out, err;
};

/// Runs a program of the system's directories, whatever PATH says, without a shell, with an empty
/// environment. It is cut off when its time is over, or after 64 MiB, and ends with the thread that
/// waits for it. ENOENT when there is none of that name.
Result<ProgramOutput> run_system_program(const std::string& name,
                                         const std::vector<std::string>& arguments,
                                         std::string_view input = "",
                                         std::chrono::seconds patience = std::chrono::seconds(10));

/// Whether run_system_program() finds one of that name.
bool has_system_program(const std::string& name);

} // namespace vxlanctl
