#include "vxlanctl/cli/report.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"

#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

// A longer list is summed up, unless --verbose.
constexpr std::size_t longest_list = 10;

std::string entry_text(const MacEntry& entry) {
    return formatted("{} at {}", to_string(entry.mac), entry_text(entry.remote));
}

} // namespace

std::string entry_text(const PrlEntry& entry) {
    return formatted("{}{}", to_string(entry.router), entry.is_default ? " (default)" : "");
}

nlohmann::json entry_json(const PrlEntry& entry) {
    return {{"address", to_string(entry.router)}, {"default", entry.is_default}};
}

namespace {

void strip_unremarkable(TunnelAttributes& tunnel) {
    for (const auto& row : tunnel_attributes(tunnel.kind)) {
        const std::string value = value_text(tunnel, row);
        if (value == row.reset || value == "none")
            std::visit([&](auto member) { (tunnel.*member).reset(); }, row.member);
    }
}

/// The lines below a tunnel's name.
class Lines {
public:
    Lines(const OutputStyle& style, bool planned) : style_(style), planned_(planned) {}

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
        std::visit(
            Overloaded{
                [&](const CreateLink& op) {
                    changes(step.changes);
                    plus(formatted("link {}: {}", op.link, attributes(op)));
                },
                [&](const ChangeLink&) { changes(step.changes); },
                [&](const ChangeTunnel&) { changes(step.changes); },
                [&](const RenameLink& op) {
                    changes({{"name", op.link, op.to}});
                },
                [&](const DeleteLink& op) { minus("link " + op.link); },
                [&](const AddFlood& op) { list(Ink::added, '+', "peer", op.entries); },
                [&](const RemoveFlood& op) { list(Ink::removed, '-', "peer", op.entries); },
                [&](const AddMacs& op) { list(Ink::added, '+', "FDB entry", op.entries); },
                [&](const RemoveMacs& op) { list(Ink::removed, '-', "FDB entry", op.entries); },
                [&](const AddRouters& op) { list(Ink::added, '+', "router", op.entries); },
                [&](const ChangeRouters& op) { list(Ink::changed, '~', "router", op.entries); },
                [&](const RemoveRouters& op) { list(Ink::removed, '-', "router", op.entries); },
                [&](const AddAddress& op) {
                    if (step.changes.empty())
                        plus("address " + to_string(op.address.prefix));
                    else
                        changes(step.changes);
                },
                [&](const RemoveAddress& op) { minus("address " + to_string(op.address.prefix)); },
                [&](const AddRoute& op) { plus("route " + to_string(op.route)); },
                [&](const RemoveRoute& op) { minus("route " + to_string(op.route)); },
                [&](const AddRule& op) { plus("rule " + to_string(op.rule)); },
                [&](const RemoveRule& op) { minus("rule " + to_string(op.rule)); },
                [&](const SetForwarding&) { changes(step.changes); },
                [&](const AddNeighbour& op) {
                    plus("neighbour " + to_string(op.neighbour.address));
                },
                [&](const RemoveNeighbour& op) {
                    minus("neighbour " + to_string(op.neighbour.address));
                },
            },
            step.operation);
    }

    std::string take() { return std::move(text_); }

private:
    void line(Ink ink, char sign, const std::string& what) {
        text_ +=
            "  " + painted(style_, ink, formatted("{} {}{}", sign, printable(what), cost_)) + "\n";
    }
    void plus(const std::string& what) { line(Ink::added, '+', what); }
    void minus(const std::string& what) { line(Ink::removed, '-', what); }
    void changes(const std::vector<Change>& list) {
        for (const auto& change : list)
            line(Ink::changed, '~', to_string(change));
    }

    template<class Entry>
    void list(Ink ink, char sign, std::string_view noun, const std::vector<Entry>& entries) {
        if (entries.size() > longest_list && !style_.verbose) {
            line(ink, sign,
                 formatted("{} {}s: {} to {}", entries.size(),
                           noun == "FDB entry" ? "FDB entrie" : noun, entry_text(entries.front()),
                           entry_text(entries.back())));
            return;
        }
        for (const auto& entry : entries)
            line(ink, sign, formatted("{} {}", noun, entry_text(entry)));
    }

    static std::string attributes(const CreateLink& create) {
        std::vector<std::string> texts;
        const auto collect = [&](const auto& rows, const auto& values) {
            for (const auto& row : rows)
                if (is_stated(values, row) && row.name != "alias")
                    texts.push_back(formatted("{} {}", row.name, value_text(values, row)));
        };
        // What a message has to carry all the same is not worth a word.
        auto tunnel = create.tunnel;
        if (traits_of(tunnel.kind).changes_whole) strip_unremarkable(tunnel);
        collect(tunnel_attributes(tunnel.kind), tunnel);
        collect(link_attributes(), create.attributes);
        return joined(texts, ", ");
    }

    const OutputStyle& style_;
    bool planned_;
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

nlohmann::json entry_json(const FloodEntry& entry) {
    nlohmann::json json{{"dst", to_string(entry.dst)}};
    if (entry.port) json["port"] = *entry.port;
    if (entry.vni) json["vni"] = *entry.vni;
    if (!entry.via.empty()) json["via"] = printable(entry.via.str());
    return json;
}

nlohmann::json entry_json(const MacEntry& entry) {
    auto json = entry_json(entry.remote);
    json["mac"] = to_string(entry.mac);
    return json;
}

template<class Entry> nlohmann::json list_json(const std::vector<Entry>& entries) {
    auto json = nlohmann::json::array();
    for (const auto& entry : entries)
        json.push_back(entry_json(entry));
    return json;
}

nlohmann::json step_json(const Step& step) {
    nlohmann::json json = std::visit(
        Overloaded{
            [](const CreateLink& op) {
                auto attributes = attributes_json(op.tunnel);
                attributes.update(attributes_json(op.attributes));
                return nlohmann::json{{"operation", "create_link"}, {"attributes", attributes}};
            },
            [](const ChangeLink&) {
                return nlohmann::json{{"operation", "change_link"}};
            },
            [](const ChangeTunnel&) {
                return nlohmann::json{{"operation", "change_tunnel"}};
            },
            [](const RenameLink& op) {
                return nlohmann::json{{"operation", "rename_link"}, {"to", printable(op.to)}};
            },
            [](const DeleteLink&) {
                return nlohmann::json{{"operation", "delete_link"}};
            },
            [](const AddFlood& op) {
                return nlohmann::json{{"operation", "add_peers"}, {"peers", list_json(op.entries)}};
            },
            [](const RemoveFlood& op) {
                return nlohmann::json{{"operation", "remove_peers"},
                                      {"peers", list_json(op.entries)}};
            },
            [](const AddMacs& op) {
                return nlohmann::json{{"operation", "add_macs"}, {"macs", list_json(op.entries)}};
            },
            [](const RemoveMacs& op) {
                return nlohmann::json{{"operation", "remove_macs"},
                                      {"macs", list_json(op.entries)}};
            },
            [](const AddRouters& op) {
                return nlohmann::json{{"operation", "add_routers"},
                                      {"routers", list_json(op.entries)}};
            },
            [](const ChangeRouters& op) {
                return nlohmann::json{{"operation", "change_routers"},
                                      {"routers", list_json(op.entries)}};
            },
            [](const RemoveRouters& op) {
                return nlohmann::json{{"operation", "remove_routers"},
                                      {"routers", list_json(op.entries)}};
            },
            [](const AddAddress& op) {
                return nlohmann::json{{"operation", "add_address"},
                                      {"address", to_string(op.address.prefix)}};
            },
            [](const RemoveAddress& op) {
                return nlohmann::json{{"operation", "remove_address"},
                                      {"address", to_string(op.address.prefix)}};
            },
            [](const AddRoute& op) {
                return nlohmann::json{{"operation", "add_route"}, {"route", route_json(op.route)}};
            },
            [](const RemoveRoute& op) {
                return nlohmann::json{{"operation", "remove_route"},
                                      {"route", route_json(op.route)}};
            },
            [](const AddRule& op) {
                return nlohmann::json{{"operation", "add_rule"}, {"rule", rule_json(op.rule)}};
            },
            [](const RemoveRule& op) {
                return nlohmann::json{{"operation", "remove_rule"}, {"rule", rule_json(op.rule)}};
            },
            [](const SetForwarding& op) {
                return nlohmann::json{{"operation", "set_forwarding"}, {"forward", op.on}};
            },
            [](const AddNeighbour& op) {
                return nlohmann::json{{"operation", "add_neighbour"},
                                      {"address", to_string(op.neighbour.address)},
                                      {"mac", to_string(op.neighbour.link_layer)}};
            },
            [](const RemoveNeighbour& op) {
                return nlohmann::json{{"operation", "remove_neighbour"},
                                      {"address", to_string(op.neighbour.address)}};
            },
        },
        step.operation);
    json["link"] = std::visit([](const auto& op) { return printable(op.link); }, step.operation);
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

template<class Attributes>
nlohmann::json rows_json(std::span<const AttributeRow<Attributes>> rows,
                         const Attributes& attributes) {
    auto json = nlohmann::json::object();
    for (const auto& row : rows) {
        if (!is_stated(attributes, row)) continue;
        auto& value = json[std::string(row.name)];
        std::visit(
            [&](auto member) {
                using Value = typename std::decay_t<decltype(attributes.*member)>::value_type;
                // 64 bits are more than a number of JSON can be sure to have.
                if constexpr (std::is_arithmetic_v<Value> && sizeof(Value) < sizeof(std::uint64_t))
                    value = *(attributes.*member);
                else
                    value = printable(value_text(attributes, row));
            },
            row.member);
    }
    return json;
}

} // namespace

nlohmann::json route_json(const Route& route) {
    nlohmann::json json{
        {"to", to_string(route.to)}, {"table", route.table}, {"metric", route.metric}};
    if (route.via) json["via"] = to_string(*route.via);
    if (!route.dev.empty()) json["dev"] = printable(route.dev);
    return json;
}

nlohmann::json rule_json(const Rule& rule) {
    nlohmann::json json{{"table", rule.table}};
    if (rule.from) json["from"] = to_string(*rule.from);
    if (rule.to) json["to"] = to_string(*rule.to);
    if (rule.priority) json["priority"] = *rule.priority;
    return json;
}

std::string entry_text(const FloodEntry& entry) {
    std::string text = to_string(entry.dst);
    if (entry.port) text += formatted(" port {}", *entry.port);
    if (entry.vni) text += formatted(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += formatted(" via {}", entry.via.str());
    return text;
}

nlohmann::json attributes_json(const TunnelAttributes& attributes) {
    return rows_json(tunnel_attributes(attributes.kind), attributes);
}

nlohmann::json attributes_json(const LinkAttributes& attributes) {
    return rows_json(link_attributes(), attributes);
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

nlohmann::json run_document(const Plan& plan, const std::vector<Outcome>& outcomes, bool planned) {
    auto json = failure_document({});
    json["dry_run"] = planned;
    auto& summary = json["summary"] = nlohmann::json::object();
    for (std::size_t i = 0; i < plan.tunnels.size(); ++i) {
        const Outcome outcome = outcomes[i];
        json["tunnels"].push_back(outcome_json(plan.tunnels[i], outcome));
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

std::string summary_text(const Plan& plan, const std::vector<Outcome>& outcomes) {
    std::map<Outcome, std::size_t> counts;
    for (const Outcome outcome : outcomes)
        ++counts[outcome];
    std::vector<std::string> parts;
    for (const auto& [outcome, count] : counts)
        parts.push_back(formatted("{} {}", count, outcome_phrase(outcome)));
    if (!plan.unnamed.empty())
        parts.push_back(formatted("{} not in these files", plan.unnamed.size()));
    const auto number = outcomes.size();
    return formatted("{} tunnel{}{}{}\n", number, number == 1 ? "" : "s", parts.empty() ? "" : ": ",
                     fmt::join(parts, ", "));
}

Outcome intended_outcome(const TunnelPlan& plan) {
    if (plan.absent) return plan.steps.empty() ? Outcome::absent : Outcome::removed;
    if (plan.adopted) return Outcome::adopted;
    const bool deletes = plan.vanished || removes(plan, plan.name);
    const bool creates = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<CreateLink>(step.operation);
    });
    return deletes              ? Outcome::replaced
           : creates            ? Outcome::created
           : plan.steps.empty() ? Outcome::in_sync
                                : Outcome::changed;
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
    Lines lines(style, planned);
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
    if (error.place)
        json["place"] = {{"path", printable(error.place->path)},
                         {"line", error.place->line},
                         {"column", error.place->column}};
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
        json["steps"].push_back(step_json(step));
    for (const auto& error : plan.errors)
        json["errors"].push_back(error_json(error));
    return json;
}

} // namespace vxlanctl
