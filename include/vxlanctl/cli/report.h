#pragma once

#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/run/outcome.h"

#include <nlohmann/json_fwd.hpp>

namespace vxlanctl {

/// The version of everything that --json prints; docs/json.md describes it.
constexpr int json_schema = 2;

/// The word for machines, such as `in_sync`.
std::string_view outcome_word(Outcome outcome);

/// `vxlan0: created` and a line for each change. With `planned` it says «would be» and names what
/// each step interrupts.
std::string outcome_text(const TunnelPlan& plan, Outcome outcome, bool planned,
                         const OutputStyle& style);

/// Of the keys that the plan sets or changes, where they stand in files.
KeyPlaces changed_keys(const TunnelPlan& plan, const Config& config);
/// A line for each of them.
std::string places_text(const KeyPlaces& places, const OutputStyle& style);

/// A JSON document as text; bytes that are no UTF-8 (a name may hold any) become U+FFFD.
std::string document_text(const nlohmann::json& document);
/// The document of a call that could not look at any tunnel.
nlohmann::json failure_document(const std::vector<Error>& errors);
/// Prints what is wrong with files, with --json such a document too. Returns the exit code.
int print_failures(const std::vector<Error>& errors, const Arguments& arguments);
/// The document of a run of the config; `outcomes` has one for each tunnel of the plan.
nlohmann::json run_document(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned,
                            const Config& config);
/// `12 tunnels: 10 in sync, 1 changed, 1 failed`, or of a plan `1 to create, 2 to change, 0 to
/// remove. Nothing was changed.`
std::string summary_text(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned);

/// What describe() tells to machines.
nlohmann::json fields_json(const std::vector<Field>& fields);

/// One tunnel of the JSON document.
nlohmann::json outcome_json(const TunnelPlan& plan, Outcome outcome);
/// A warning or finding, with its code and values, and where it is.
nlohmann::json message_json(const Message& message);
nlohmann::json messages_json(const std::vector<Message>& messages);
/// The same with what is known of a failure.
nlohmann::json error_json(const Error& error);

/// The plan as commands of iproute2 that a shell can run, one a line; what they cannot express is a
/// comment that says so.
std::string ip_commands(const TunnelPlan& plan);

} // namespace vxlanctl
