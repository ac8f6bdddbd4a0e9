#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/files/tunnel_values.h"

#include <set>

namespace vxlanctl {
namespace {

using Keys = std::vector<std::string_view>;

/// The keys that say what an operation is about.
Keys keys_behind(const Operation& operation) {
    return std::visit(Overloaded{
                          [](const Add<FloodEntry>&) -> Keys {
                              return {"peers", "peers_file"};
                          },
                          [](const Remove<FloodEntry>&) -> Keys {
                              return {"peers", "peers_file"};
                          },
                          [](const Add<PrlEntry>&) -> Keys { return {"routers"}; },
                          [](const Change<PrlEntry>&) -> Keys { return {"routers"}; },
                          [](const Remove<PrlEntry>&) -> Keys { return {"routers"}; },
                          [](const Add<Address>&) -> Keys {
                              return {"addresses", "prefix", "global_id"};
                          },
                          [](const Remove<Address>&) -> Keys {
                              return {"addresses", "prefix", "global_id"};
                          },
                          // Those of an ISATAP tunnel follow from its routers.
                          [](const Add<Route>&) -> Keys {
                              return {"routes", "routers", "default_route"};
                          },
                          [](const Remove<Route>&) -> Keys {
                              return {"routes", "routers", "default_route"};
                          },
                          [](const Add<Rule>&) -> Keys { return {"rules"}; },
                          [](const Remove<Rule>&) -> Keys { return {"rules"}; },
                          [](const SetForwarding&) -> Keys { return {"forward_from"}; },
                          [](const auto&) -> Keys { return {}; },
                      },
                      static_cast<const AnyOperation&>(operation));
}

} // namespace

KeyPlaces changed_keys(const TunnelPlan& plan, const Config& config) {
    const auto found = config.places.find(plan.name);
    if (found == config.places.end()) return {};
    std::set<std::string_view> keys;
    if (plan.preparations.creates_namespace) keys.insert({"netns", "create_netns"});
    if (plan.preparations.moved) keys.insert({"netns", "move_dev", "dev"});
    for (const auto& step : plan.steps) {
        if (std::holds_alternative<CreateLink>(step.operation)) return found->second;
        for (const auto key : keys_behind(step.operation))
            keys.insert(key);
        for (const auto& change : step.changes)
            keys.insert(change.field == "ttl_inherit" ? "ttl"
                        : change.field == "remote"    ? "multicast_group"
                                                      : key_of(change.field));
    }
    KeyPlaces places;
    for (const auto& [key, place] : found->second)
        if (keys.contains(key)) places.emplace(key, place);
    return places;
}

std::string places_text(const KeyPlaces& places, const OutputStyle& style) {
    std::string text;
    for (const auto& [key, place] : places)
        text += "  " +
                painted(style, Ink::faint, formatted("{}: set in {}", key, printable(place))) +
                "\n";
    return text;
}

} // namespace vxlanctl
