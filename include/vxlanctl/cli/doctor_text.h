#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/doctor/doctor.h"

#include <nlohmann/json_fwd.hpp>

/// What doctor found, as text and JSON. Pure functions.
namespace vxlanctl {

/// The check that is a warning on every host, since nobody can see it from there.
inline constexpr std::string_view always_told = "cloud";

/// `pass`, `warn` or `fail`.
std::string_view verdict_word(Verdict verdict);
/// The same in its colour.
std::string verdict_text(Verdict verdict, const OutputStyle& style);

/// Of one network namespace (empty: that of the call), tunnel by tunnel. What passes is counted; a
/// verbose style tells all of it, a quiet one only what failed. No line is wider than 80 columns,
/// unless a single word is; a command that is longer goes on behind a backslash.
std::string findings_text(const std::vector<Finding>& findings, const std::string& netns,
                          const OutputStyle& style);
/// `44 checks: 42 passed, 1 warning, 1 failed`
std::string summary_text(const std::vector<Finding>& findings);

nlohmann::json finding_json(const Finding& finding, const std::string& netns, std::size_t number);

} // namespace vxlanctl
