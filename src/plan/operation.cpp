#include "vxlanctl/plan/operation.h"

#include "vxlanctl/base/format.h"

namespace vxlanctl {
namespace {

template<class Other> std::size_t messages_of(const Other&) {
    return 1;
}
std::size_t messages_of(const CreateLink&) {
    return 3; // its mark and ifindex
}
std::size_t messages_of(const ChangeLink& change) {
    const auto one_if = [](bool is_there) { return is_there ? std::size_t{1} : 0; };
    return one_if(without_port_part(change.changed) != LinkAttributes{}) +
           one_if(has_any(change.changed, Wire::port)) +
           2 * one_if(has_any(change.changed, Wire::port_vlans));
}
template<class Object> std::size_t messages_of(const Add<Object>& add) {
    return add.objects.size();
}
template<class Object> std::size_t messages_of(const Change<Object>& change) {
    return change.objects.size();
}
template<class Object> std::size_t messages_of(const Remove<Object>& remove) {
    return remove.objects.size();
}

template<class Other> bool takes_away(const Other&) {
    return false;
}
bool takes_away(const DeleteLink&) {
    return true;
}
template<class Object> bool takes_away(const Remove<Object>&) {
    return true;
}
bool takes_away(const SetForwarding& forwarding) {
    return !forwarding.on;
}
/// Leaving VLANs.
bool takes_away(const ChangeLink& change) {
    return has_any(change.changed, Wire::port_vlans);
}
/// Clearing or replacing the default remote deletes its flood entry.
bool takes_away(const ChangeTunnel& change) {
    return kind_of(change.changed.kind).has_fdb && change.changed.remote;
}

template<class Other> std::optional<Reading> reading(const Other&) {
    return std::nullopt;
}
template<class Object> std::optional<Reading> reading(const Add<Object>&) {
    return ObjectTraits<Object>::reading;
}
template<class Object> std::optional<Reading> reading(const Change<Object>&) {
    return ObjectTraits<Object>::reading;
}
template<class Object> std::optional<Reading> reading(const Remove<Object>&) {
    return ObjectTraits<Object>::reading;
}

} // namespace

Operation::Operation() = default;
Operation::Operation(const Operation& other) = default;
Operation::Operation(Operation&& other) noexcept = default;
Operation& Operation::operator=(const Operation& other) = default;
Operation& Operation::operator=(Operation&& other) noexcept = default;
Operation::~Operation() = default;

const std::string& link_of(const Operation& operation) {
    return std::visit([](const auto& one) -> const std::string& { return one.link; }, operation);
}

std::optional<Reading> reading_of(const Operation& operation) {
    return std::visit([](const auto& one) { return reading(one); }, operation);
}

bool has_ifindex(const Operation& operation) {
    return !std::holds_alternative<CreateLink>(operation) &&
           reading_of(operation) != Reading::rules;
}

std::size_t message_count(const Step& step) {
    return std::visit([](const auto& operation) { return messages_of(operation); }, step.operation);
}

bool is_destructive(const Step& step) {
    return std::visit([](const auto& operation) { return takes_away(operation); }, step.operation);
}

bool sets_up(const Step& step) {
    const auto* change = std::get_if<ChangeLink>(&step.operation);
    return change != nullptr && change->changed.up.value_or(false);
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

std::string to_string(const Difference& change) {
    return formatted("{}: {} -> {}", change.field, change.have.empty() ? "none" : change.have,
                     change.want);
}

std::string to_string(const std::vector<Difference>& changes) {
    std::string text;
    for (const auto& change : changes)
        text += (text.empty() ? "" : ", ") + to_string(change);
    return text;
}

} // namespace vxlanctl
