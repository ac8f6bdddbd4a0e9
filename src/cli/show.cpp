#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/plan/ownership.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {

Result<int> run_show(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    std::vector<std::string> names = arguments.words;
    const auto state = read_running(names);
    if (!state) return tl::unexpected(state.error());
    nlohmann::json document{{"schema", json_schema}, {"tunnels", nlohmann::json::array()}};
    std::vector<const Link*> links;
    for (const auto& link : state->links)
        if (is_running(link, names)) links.push_back(&link);
    std::stable_partition(links.begin(), links.end(), [](const Link* link) {
        return mark_of(link->attributes.alias.value_or("")).has_value();
    });
    for (const auto* link : links) {
        if (has_unreadable_record(*link, *state))
            print_warning(Message(Code::record_not_understood, link->name), codes(*style));
        if (style->json)
            document["tunnels"].push_back(json_of(view_of(*link, *state)));
        else if (!style->quiet)
            print(text_of(view_of(*link, *state), *style));
    }
    if (style->json) print(document_text(document));
    return 0;
}

} // namespace vxlanctl
