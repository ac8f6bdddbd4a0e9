#pragma once

#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/plan/plan.h"

#include <nlohmann/json_fwd.hpp>

namespace vxlanctl {

/// The version of everything that --json prints; docs/json.md describes it.
constexpr int json_schema = 2;

/// What became of one tunnel.
enum class Outcome : std::uint8_t {
    in_sync,
    created,
    changed,
    replaced,
    adopted,
    removed,
    absent,
    refused,
    failed,
    taken_back, ///< since nobody confirmed it
    untouched   ///< because of another tunnel's error of kind usage
};

/// The outcome that the plan has if every step succeeds.
Outcome intended_outcome(const TunnelPlan& plan);
/// The word for machines, such as `in_sync`.
std::string_view outcome_word(Outcome outcome);

/// `vxlan0: created` and a line for each change. With `planned` it says «would be» and names what
/// each step interrupts.
std::string outcome_text(const TunnelPlan& plan, Outcome outcome, bool planned,
                         const OutputStyle& style);

/// A JSON document as text; bytes that are no UTF-8 (a name may hold any) become U+FFFD.
std::string document_text(const nlohmann::json& document);
/// The document of a call that could not look at any tunnel.
nlohmann::json failure_document(const std::vector<Error>& errors);
/// Prints what is wrong with files, with --json such a document too. Returns the exit code.
int print_failures(const std::vector<Error>& errors, const Arguments& arguments);
/// The document of a run; `outcomes` has one for each tunnel of the plan.
nlohmann::json run_document(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned);
/// `12 tunnels: 10 in sync, 1 changed, 1 failed`
std::string summary_text(const Plan& plan, const std::vector<Outcome>& outcomes);

/// A remote as text: `100.64.158.4 port 4790 via eth0`.
std::string entry_text(const FloodEntry& entry);
std::string entry_text(const PrlEntry& entry);
nlohmann::json entry_json(const PrlEntry& entry);
nlohmann::json route_json(const Route& route);
nlohmann::json rule_json(const Rule& rule);
/// Everything stated in a table's attributes: numbers and booleans as such, the rest as text.
nlohmann::json attributes_json(const TunnelAttributes& attributes);
nlohmann::json attributes_json(const LinkAttributes& attributes);

/// One tunnel of the JSON document.
nlohmann::json outcome_json(const TunnelPlan& plan, Outcome outcome);
/// A warning or finding, with its code and values.
nlohmann::json message_json(const Message& message);
nlohmann::json messages_json(const std::vector<Message>& messages);
/// The same with what is known of a failure.
nlohmann::json error_json(const Error& error);

/// The plan as commands of iproute2 that a shell can run, one a line; what they cannot express is a
/// comment that says so.
std::string ip_commands(const TunnelPlan& plan);

} // namespace vxlanctl
