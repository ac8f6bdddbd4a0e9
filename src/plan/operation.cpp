#include "vxlanctl/plan/operation.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"

namespace vxlanctl {

Operation::Operation() = default;
Operation::Operation(const Operation& other) = default;
Operation::Operation(Operation&& other) noexcept = default;
Operation& Operation::operator=(const Operation& other) = default;
Operation& Operation::operator=(Operation&& other) noexcept = default;
Operation::~Operation() = default;

std::size_t message_count(const Step& step) {
    return std::visit(
        Overloaded{
            [](const CreateLink&) -> std::size_t { return 3; }, // its mark and ifindex
            [](const AddFlood& list) { return list.entries.size(); },
            [](const RemoveFlood& list) { return list.entries.size(); },
            [](const AddMacs& list) { return list.entries.size(); },
            [](const RemoveMacs& list) { return list.entries.size(); },
            [](const AddRouters& list) { return list.entries.size(); },
            [](const ChangeRouters& list) { return list.entries.size(); },
            [](const RemoveRouters& list) { return list.entries.size(); },
            [](const auto&) -> std::size_t { return 1; },
        },
        step.operation);
}

bool is_destructive(const Step& step) {
    return std::visit(Overloaded{
                          [](const DeleteLink&) { return true; },
                          [](const RemoveFlood&) { return true; },
                          [](const RemoveMacs&) { return true; },
                          [](const RemoveRouters&) { return true; },
                          [](const RemoveAddress&) { return true; },
                          [](const RemoveRoute&) { return true; },
                          [](const RemoveRule&) { return true; },
                          [](const SetForwarding& op) { return !op.on; },
                          [](const RemoveNeighbour&) { return true; },
                          // Clearing or replacing the default remote deletes its flood entry.
                          [](const ChangeTunnel& change) {
                              return change.changed.kind == TunnelKind::vxlan &&
                                     change.changed.remote;
                          },
                          [](const auto&) { return false; },
                      },
                      step.operation);
}

Step forwarding_step(const std::string& device, bool on) {
    return {SetForwarding{device, on},
            {{formatted("forward of {}", device), on ? "no" : "yes", on ? "yes" : "no"}},
            Disruption::none};
}

std::string to_string(const Rule& rule) {
    return formatted("{}{}{}{}table {}{}", rule.from ? "from " + to_string(*rule.from) : "",
                     rule.from ? " " : "", rule.to ? "to " + to_string(*rule.to) : "",
                     rule.to ? " " : "", rule.table,
                     rule.priority ? formatted(" priority {}", *rule.priority) : "");
}

std::string to_string(const Route& route) {
    std::string text = to_string(route.to);
    if (route.via) text += formatted(" via {}", to_string(*route.via));
    if (!route.dev.empty()) text += formatted(" dev {}", route.dev);
    if (route.table != main_table) text += formatted(" table {}", route.table);
    if (route.metric != 0) text += formatted(" metric {}", route.metric);
    return text;
}

std::string to_string(const Change& change) {
    return formatted("{}: {} -> {}", change.field, change.have.empty() ? "none" : change.have,
                     change.want);
}

std::string to_string(const std::vector<Change>& changes) {
    std::string text;
    for (const auto& change : changes)
        text += (text.empty() ? "" : ", ") + to_string(change);
    return text;
}

} // namespace vxlanctl
