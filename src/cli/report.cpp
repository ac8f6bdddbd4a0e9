#include "vxlanctl/cli/report.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"

#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

// A longer list is summed up, unless --verbose.
constexpr std::size_t longest_list = 10;

/// Whether the step is our own business: the name under which a replacement is built, and what
/// keeps the kernel from removing addresses meanwhile.
bool is_internal(const Step& step) {
    const auto* change = std::get_if<ChangeLink>(&step.operation);
    LinkAttributes promotion_alone;
    if (change != nullptr)
        promotion_alone.promote_secondaries = change->changed.promote_secondaries;
    return std::holds_alternative<RenameLink>(step.operation) ||
           (change != nullptr && change->changed == promotion_alone);
}

/// The lines below a tunnel's name.
class Lines {
public:
    Lines(const OutputStyle& style, bool planned, const TunnelPlan& plan)
        : style_(style), planned_(planned), plan_(plan) {}

    void add(const Preparations& preparations, const std::string& netns) {
        if (preparations.creates_namespace) plus("network namespace " + netns);
        if (!preparations.moved) return;
        std::string with;
        for (const auto& address : preparations.moved->addresses)
            with += (with.empty() ? ", with " : ", ") + to_string(address.prefix);
        for (const auto& route : preparations.moved->routes)
            with += (with.empty() ? ", with route " : ", route ") + to_string(route);
        plus(formatted("lower device {}{}", preparations.moved->name, with));
    }

    void add(const Step& step) {
        cost_ = !planned_                                 ? ""
                : step.disruption == Disruption::recreate ? "  (replaces the link)"
                : step.disruption == Disruption::flap     ? "  (takes the link down)"
                                                          : "";
        if (!style_.verbose && is_internal(step)) return;
        changes(step.changes);
        // What differs is all that there is to say, but of a new link.
        if (step.changes.empty() || std::holds_alternative<CreateLink>(step.operation))
            items(describe(step, plan_.peer_names));
    }

    std::string take() { return std::move(text_); }

private:
    void line(Ink ink, char sign, const std::string& what) {
        text_ +=
            "  " + painted(style_, ink, formatted("{} {}{}", sign, printable(what), cost_)) + "\n";
    }
    void plus(const std::string& what) { line(Ink::added, '+', what); }
    void changes(const std::vector<Difference>& list) {
        for (const auto& change : list)
            line(Ink::changed, '~', to_string(change));
    }

    void items(const Description& told) {
        const Ink ink = told.sign == Sign::added     ? Ink::added
                        : told.sign == Sign::removed ? Ink::removed
                                                     : Ink::changed;
        const char sign = static_cast<char>(told.sign);
        if (told.count > longest_list && !style_.verbose) {
            line(ink, sign,
                 formatted("{} {}s: {} to {}", told.count,
                           told.noun == "FDB entry" ? "FDB entrie" : told.noun, told.item(0).text,
                           told.item(told.count - 1).text));
            return;
        }
        for (std::size_t i = 0; i < told.count; ++i)
            line(ink, sign,
                 formatted("{}{}{}", told.noun, told.noun.empty() ? "" : " ",
                           in_own_name(told.item(i).text)));
    }

    /// The text with the tunnel's name in place of the one that a replacement has for a moment.
    std::string in_own_name(std::string text) const {
        const auto& temporary = plan_.temporary;
        if (style_.verbose || temporary.empty()) return text;
        if (text == plan_.name) return text + ", the old one";
        if (text.starts_with(temporary)) text.replace(0, temporary.size(), plan_.name);
        return text;
    }

    const OutputStyle& style_;
    bool planned_;
    const TunnelPlan& plan_;
    std::string cost_;
    std::string text_;
};

std::string_view outcome_phrase(Outcome outcome) {
    switch (outcome) {
    case Outcome::in_sync: return "in sync";
    case Outcome::created: return "created";
    case Outcome::changed: return "changed";
    case Outcome::replaced: return "replaced";
    case Outcome::adopted: return "adopted";
    case Outcome::removed: return "removed";
    case Outcome::absent: return "not there";
    case Outcome::failed: return "failed";
    case Outcome::refused: return "refused";
    case Outcome::taken_back: return "taken back";
    case Outcome::untouched: return "not touched";
    }
    return "";
}

/// Whether something happens to the tunnel's link, or would.
bool changes(Outcome outcome) {
    return outcome != Outcome::in_sync && outcome != Outcome::absent &&
           outcome != Outcome::refused && outcome != Outcome::failed &&
           outcome != Outcome::taken_back && outcome != Outcome::untouched;
}

nlohmann::json step_json(const Step& step, const PeerNames& names) {
    const Description told = describe(step, names);
    nlohmann::json json{{"operation", told.operation}};
    if (told.has_many) {
        auto& list = json[std::string(told.key)] = nlohmann::json::array();
        for (std::size_t i = 0; i < told.count; ++i)
            list.push_back(fields_json(told.item(i).fields));
    } else if (told.count != 0) {
        auto fields = fields_json(told.item(0).fields);
        if (told.key.empty())
            json.update(fields);
        else
            json[std::string(told.key)] = std::move(fields);
    }
    json["link"] = printable(link_of(step.operation));
    json["disruption"] = step.disruption == Disruption::none   ? "none"
                         : step.disruption == Disruption::flap ? "flap"
                                                               : "recreate";
    json["changes"] = nlohmann::json::array();
    for (const auto& change : step.changes)
        json["changes"].push_back({{"field", change.field},
                                   {"have", printable(change.have)},
                                   {"want", printable(change.want)}});
    return json;
}

} // namespace

nlohmann::json fields_json(const std::vector<Field>& fields) {
    auto json = nlohmann::json::object();
    for (const auto& field : fields) {
        auto& value = json[std::string(field.name)];
        std::visit(Overloaded{[&](const std::string& text) { value = printable(text); },
                              [&](auto number) { value = number; }},
                   field.value);
    }
    return json;
}

std::string document_text(const nlohmann::json& document) {
    return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

nlohmann::json failure_document(const std::vector<Error>& errors) {
    nlohmann::json json{{"schema", json_schema},
                        {"dry_run", false},
                        {"changed", false},
                        {"tunnels", nlohmann::json::array()},
                        {"errors", nlohmann::json::array()}};
    for (const auto& error : errors)
        json["errors"].push_back(error_json(error));
    return json;
}

int print_failures(const std::vector<Error>& errors, const Arguments& arguments) {
    for (const auto& error : errors)
        print_error(error, codes(arguments));
    if (arguments.has("json")) print(document_text(failure_document(errors)));
    return 2;
}

nlohmann::json run_document(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned,
                            const Config& config) {
    auto json = failure_document({});
    json["dry_run"] = planned;
    auto& summary = json["summary"] = nlohmann::json::object();
    for (std::size_t i = 0; i < plan.tunnels.size(); ++i) {
        const Outcome outcome = outcomes[i];
        json["tunnels"].push_back(outcome_json(plan.tunnels[i], outcome));
        for (const auto& [key, place] : changed_keys(plan.tunnels[i], config))
            json["tunnels"].back()["from"][key] = printable(place);
        if (!plan.tunnels[i].steps.empty() && changes(outcome)) json["changed"] = true;
        auto& count = summary[std::string(outcome_word(outcome))];
        count = (count.is_null() ? 0 : count.get<int>()) + 1;
    }
    summary["tunnels"] = plan.tunnels.size();
    json["unnamed"] = nlohmann::json::array();
    for (const auto& name : plan.unnamed)
        json["unnamed"].push_back(printable(name));
    json["kept"] = messages_json(plan.kept);
    return json;
}

std::string summary_text(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned) {
    std::map<Outcome, std::size_t> counts;
    for (const Outcome outcome : outcomes)
        ++counts[outcome];
    const auto count = [&](Outcome outcome) {
        return counts.contains(outcome) ? counts[outcome] : 0;
    };
    std::vector<std::string> parts;
    if (planned) {
        parts = {formatted("{} to create", count(Outcome::created)),
                 formatted("{} to change", count(Outcome::changed) + count(Outcome::adopted)),
                 formatted("{} to remove", count(Outcome::removed))};
        if (const auto number = count(Outcome::replaced))
            parts.insert(parts.begin() + 2, formatted("{} to replace", number));
        if (const auto number = count(Outcome::refused))
            parts.push_back(formatted("{} refused", number));
    } else {
        for (const auto& [outcome, number] : counts)
            parts.push_back(formatted("{} {}", number, outcome_phrase(outcome)));
    }
    if (!plan.unnamed.empty())
        parts.push_back(formatted("{} not in these files", plan.unnamed.size()));
    if (planned) return formatted("{}. Nothing was changed.\n", fmt::join(parts, ", "));
    const auto number = outcomes.size();
    return formatted("{} tunnel{}{}{}\n", number, number == 1 ? "" : "s", parts.empty() ? "" : ": ",
                     fmt::join(parts, ", "));
}

std::string_view outcome_word(Outcome outcome) {
    return outcome == Outcome::in_sync      ? "in_sync"
           : outcome == Outcome::absent     ? "absent"
           : outcome == Outcome::untouched  ? "untouched"
           : outcome == Outcome::taken_back ? "taken_back"
                                            : outcome_phrase(outcome);
}

std::string outcome_text(const TunnelPlan& plan, Outcome outcome, bool planned,
                         const OutputStyle& style) {
    const bool happens = changes(outcome);
    const std::string where = plan.netns.empty() ? "" : " in " + plan.netns;
    std::string text = formatted("{}: {}{}\n", printable(plan.name + where),
                                 planned && happens ? "would be " : "", outcome_phrase(outcome));
    if (!happens) return text;
    Lines lines(style, planned, plan);
    lines.add(plan.preparations, plan.netns);
    for (const auto& step : plan.steps)
        lines.add(step);
    return text + lines.take();
}

nlohmann::json message_json(const Message& message) {
    nlohmann::json json{{"code", code_word(message.code)},
                        {"subject", printable(message.subject)},
                        {"values", nlohmann::json::object()},
                        {"message", to_string(message)}};
    for (const auto& value : message.values)
        json["values"][std::string(value.name)] = printable(value.text);
    if (!message.kernel_text.empty()) json["kernel"] = printable(message.kernel_text);
    if (!message.more.empty()) json["more"] = messages_json(message.more);
    if (message.place)
        json["place"] = {{"path", printable(message.place->path)},
                         {"line", message.place->line},
                         {"column", message.place->column}};
    return json;
}

nlohmann::json messages_json(const std::vector<Message>& messages) {
    auto list = nlohmann::json::array();
    for (const auto& message : messages)
        list.push_back(message_json(message));
    return list;
}

nlohmann::json error_json(const Error& error) {
    const char* const kind = error.kind == ErrorKind::usage     ? "usage"
                             : error.kind == ErrorKind::kernel  ? "kernel"
                             : error.kind == ErrorKind::refused ? "refused"
                                                                : "undo_incomplete";
    nlohmann::json json = message_json(error);
    json["kind"] = kind;
    json["errno"] = error.errno_code;
    return json;
}

nlohmann::json outcome_json(const TunnelPlan& plan, Outcome outcome) {
    nlohmann::json json{{"name", printable(plan.name)},
                        {"result", outcome_word(outcome)},
                        {"steps", nlohmann::json::array()},
                        {"warnings", messages_json(plan.warnings)},
                        {"errors", nlohmann::json::array()}};
    if (!plan.netns.empty()) json["netns"] = printable(plan.netns);
    if (plan.preparations.creates_namespace) json["creates_netns"] = true;
    if (plan.preparations.moved) json["moves_dev"] = printable(plan.preparations.moved->name);
    for (const auto& step : plan.steps)
        json["steps"].push_back(step_json(step, plan.peer_names));
    for (const auto& error : plan.errors)
        json["errors"].push_back(error_json(error));
    return json;
}

} // namespace vxlanctl
