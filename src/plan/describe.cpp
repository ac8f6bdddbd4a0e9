#include "vxlanctl/plan/describe.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/overloaded.h"

#include <algorithm>

namespace vxlanctl {
namespace {

std::uint64_t number(std::uint64_t value) {
    return value;
}

template<class Attributes>
std::vector<Field> stated_fields(std::span<const AttributeRow<Attributes>> rows,
                                 const Attributes& attributes) {
    std::vector<Field> fields;
    for (const auto& row : rows) {
        if (!is_stated(attributes, row)) continue;
        auto& value = fields.emplace_back(Field{row.name, {}}).value;
        std::visit(
            [&](auto member) {
                using Value = typename std::decay_t<decltype(attributes.*member)>::value_type;
                // 64 bits are more than a number of JSON can be sure to have.
                if constexpr (std::is_same_v<Value, bool>)
                    value = *(attributes.*member);
                else if constexpr (std::is_arithmetic_v<Value> &&
                                   sizeof(Value) < sizeof(std::uint64_t))
                    value = number(*(attributes.*member));
                else
                    value = value_text(attributes, row);
            },
            row.member);
    }
    return fields;
}

template<class Object>
Description of_objects(Sign sign, std::string_view verb, const Objects<Object>& objects) {
    using Traits = ObjectTraits<Object>;
    const bool has_fields_of_its_own =
        std::is_same_v<Object, Address> || std::is_same_v<Object, Neighbour>;
    return {sign,
            formatted("{}_{}", verb, Traits::key),
            verb,
            Traits::noun,
            has_fields_of_its_own ? "" : Traits::key,
            Traits::has_many,
            objects.size(),
            [&objects](std::size_t i) { return item_of(objects[i]); }};
}

template<class Object> Description describe_operation(const Add<Object>& add) {
    return of_objects<Object>(Sign::added, "add", add.objects);
}
template<class Object> Description describe_operation(const Change<Object>& change) {
    return of_objects<Object>(Sign::changed, "change", change.objects);
}
template<class Object> Description describe_operation(const Remove<Object>& remove) {
    return of_objects<Object>(Sign::removed, "remove", remove.objects);
}
Description describe_operation(const Remove<Neighbour>& remove) {
    auto description = of_objects<Neighbour>(Sign::removed, "remove", remove.objects);
    description.item = [&](std::size_t) {
        Item item = item_of(remove.object());
        item.fields.pop_back(); // it goes whatever its MAC
        return item;
    };
    return description;
}

void strip_unremarkable(TunnelAttributes& tunnel) {
    for (const auto& row : tunnel_attributes(tunnel.kind)) {
        const std::string value = value_text(tunnel, row);
        if (value == row.reset || value == "none")
            std::visit([&](auto member) { (tunnel.*member).reset(); }, row.member);
    }
}

Item new_link(const CreateLink& create) {
    std::vector<std::string> texts;
    const auto collect = [&](const auto& rows, const auto& values) {
        for (const auto& row : rows)
            if (is_stated(values, row) && row.name != "alias")
                texts.push_back(formatted("{} {}", row.name, value_text(values, row)));
    };
    // What a message has to carry all the same is not worth a word.
    auto tunnel = create.tunnel;
    if (kind_of(tunnel.kind).changes_whole) strip_unremarkable(tunnel);
    collect(tunnel_attributes(tunnel.kind), tunnel);
    collect(link_attributes(), create.attributes);
    auto fields = fields_of(create.tunnel);
    for (auto& field : fields_of(create.attributes))
        fields.push_back(std::move(field));
    return {formatted("{}: {}", create.link, joined(texts, ", ")), create.link, std::move(fields)};
}

Description with_names(Description description, const std::vector<FloodEntry>& peers,
                       const PeerNames& names) {
    if (!names.empty()) description.item = [&](std::size_t i) { return item_of(peers[i], names); };
    return description;
}

Description describe_operation(const CreateLink& create) {
    return {Sign::added,  "create_link", "create", "link",
            "attributes", false,         1,        [&](std::size_t) { return new_link(create); }};
}
Description describe_operation(const ChangeLink&) {
    return {Sign::changed, "change_link", "change", "", ""};
}
Description describe_operation(const ChangeTunnel&) {
    return {Sign::changed, "change_tunnel", "change", "", ""};
}
Description describe_operation(const RenameLink& rename) {
    return {Sign::changed, "rename_link", "rename", "", "", false, 1, [&](std::size_t) {
                return Item{to_string(Difference{"name", rename.link, rename.to}),
                            rename.link,
                            {{"to", rename.to}}};
            }};
}
Description describe_operation(const DeleteLink& removal) {
    return {Sign::removed, "delete_link", "remove", "link", "", false, 1, [&](std::size_t) {
                return Item{removal.link, removal.link, {}};
            }};
}
Description describe_operation(const SetForwarding& forwarding) {
    return {Sign::changed, "set_forwarding", "set", "", "", false, 1, [&](std::size_t) {
                return Item{"", forwarding.link, {{"forward", forwarding.on}}};
            }};
}

} // namespace

Item item_of(const FloodEntry& entry, const PeerNames& names) {
    Item item;
    item.text = item.name = to_string(entry.dst);
    item.fields.push_back({"dst", item.name});
    if (const auto found = names.find(entry); found != names.end()) {
        item.text += formatted(" ({})", found->second);
        item.fields.push_back({"name", found->second});
    }
    if (entry.port) {
        item.text += formatted(" port {}", *entry.port);
        item.fields.push_back({"port", number(*entry.port)});
    }
    if (entry.vni) {
        item.text += formatted(" vni {}", *entry.vni);
        item.fields.push_back({"vni", number(*entry.vni)});
    }
    if (!entry.via.empty()) {
        item.text += formatted(" via {}", entry.via.str());
        item.fields.push_back({"via", entry.via.str()});
    }
    return item;
}

Item item_of(const MacEntry& entry) {
    Item item = item_of(entry.remote);
    item.name = to_string(entry.mac);
    item.text = formatted("{} at {}", item.name, item.text);
    item.fields.push_back({"mac", item.name});
    return item;
}

Item item_of(const Address& address) {
    const std::string text = to_string(address.prefix);
    return {text, text, {{"address", text}}};
}

Item item_of(const Neighbour& neighbour) {
    const std::string text = to_string(neighbour.address);
    return {text, text, {{"address", text}, {"mac", to_string(neighbour.link_layer)}}};
}

Item item_of(const PrlEntry& entry) {
    const std::string router = to_string(entry.router);
    return {router + (entry.is_default ? " (default)" : ""),
            router,
            {{"address", router}, {"default", entry.is_default}}};
}

Item item_of(const Route& route) {
    std::vector<Field> fields{{"to", to_string(route.to)},
                              {"table", number(route.table)},
                              {"metric", number(route.metric)}};
    if (route.via) fields.push_back({"via", to_string(*route.via)});
    if (!route.dev.empty()) fields.push_back({"dev", route.dev});
    return {to_string(route), to_string(route), std::move(fields)};
}

Item item_of(const Rule& rule) {
    std::vector<Field> fields{{"table", number(rule.table)}};
    if (rule.from) fields.push_back({"from", to_string(*rule.from)});
    if (rule.to) fields.push_back({"to", to_string(*rule.to)});
    if (rule.priority) fields.push_back({"priority", number(*rule.priority)});
    return {to_string(rule), to_string(rule), std::move(fields)};
}

std::vector<Field> fields_of(const TunnelAttributes& attributes) {
    return stated_fields(tunnel_attributes(attributes.kind), attributes);
}

std::vector<Field> fields_of(const LinkAttributes& attributes) {
    return stated_fields(link_attributes(), attributes);
}

Description describe(const Step& step, const PeerNames& names) {
    if (const auto* added = std::get_if<Add<FloodEntry>>(&step.operation))
        return with_names(describe_operation(*added), added->objects, names);
    if (const auto* removed = std::get_if<Remove<FloodEntry>>(&step.operation))
        return with_names(describe_operation(*removed), removed->objects, names);
    return std::visit([](const auto& operation) { return describe_operation(operation); },
                      step.operation);
}

std::string imperative(const Step& step, std::size_t element) {
    const auto changed = [&] { return "set " + to_string(step.changes); };
    return std::visit(
        Overloaded{
            [&](const CreateLink& op) {
                return formatted("{} '{}'", element == 0 ? "create" : "mark", op.link);
            },
            [&](const ChangeLink& op) {
                return sets_up(step)          ? formatted("set '{}' up", op.link)
                       : step.changes.empty() ? formatted("change '{}'", op.link)
                                              : changed();
            },
            [&](const ChangeTunnel&) { return changed(); },
            [&](const RenameLink& op) { return formatted("rename '{}' to '{}'", op.link, op.to); },
            [&](const DeleteLink& op) { return formatted("remove '{}'", op.link); },
            [&](const SetForwarding&) { return changed(); },
            [&](const auto& op) {
                const Description told = describe_operation(op);
                return formatted("{} {} {}", told.verb, told.noun,
                                 told.item(std::min(element, told.count - 1)).name);
            },
        },
        step.operation);
}

std::vector<std::string> imperatives(const std::vector<Step>& steps) {
    std::vector<std::string> texts;
    for (const auto& step : steps) {
        // What else goes with a creation belongs to it.
        const bool creates = std::holds_alternative<CreateLink>(step.operation);
        const std::size_t count = creates ? 1 : message_count(step);
        for (std::size_t i = 0; i < count; ++i)
            texts.push_back(imperative(step, i));
    }
    return texts;
}

} // namespace vxlanctl
