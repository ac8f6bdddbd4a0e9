#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/cli/validated.h"
#include "vxlanctl/plan/mesh.h"

#include <string>
#include <vector>

/// What `validate` prints.
namespace vxlanctl {

enum class ValidateFormat : std::uint8_t { text, json, github };

/// What was found in the files of one host or of several.
struct ValidateReport {
    std::size_t files = 0, tunnels = 0;
    std::vector<Error> errors;
    std::vector<Message> warnings;
};
void add(ValidateReport& report, const Validated& host);

/// The hosts of a mesh, and what contradicts between them.
struct MeshReport {
    std::vector<MeshHost> hosts;
    MeshFindings findings; ///< each message of a contradiction with its place
    bool compared = false; ///< not where the files of a host are wrong
};

/// Prints it all. `mesh` may be null.
void print_report(const ValidateReport& report, const MeshReport* mesh, ValidateFormat format,
                  const OutputStyle& style);

} // namespace vxlanctl
