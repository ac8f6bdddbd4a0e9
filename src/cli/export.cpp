#include "vxlanctl/commands.h"
#include "vxlanctl/exported.h"
#include "vxlanctl/file_text.h"
#include "vxlanctl/report.h"
#include "vxlanctl/running.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// Every line of the text as a comment.
std::string commented(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
        result += "# " + text.substr(at, end - at);
        at = end;
    }
    return result;
}

std::string section(const Link& link, const State& state) {
    const Exported wish = exported(link, state);
    const std::string text = file_text(wish.tunnel, wish.comments);
    if (wish.obstacle.empty()) return text;
    return fmt::format("# {} is left out: {}.\n{}", printable(link.name), wish.obstacle,
                       commented(text));
}

} // namespace

Result<int> run_export(const Arguments& arguments) {
    const auto state = read_running(arguments.words);
    if (!state) return tl::unexpected(state.error());
    std::string text;
    for (const auto& link : state->links)
        if (is_running(link, arguments.words))
            text += (text.empty() ? "" : "\n") + section(link, *state);
    print(arguments.has("json") ? document_text({{"schema", json_schema}, {"toml", text}}) : text);
    return 0;
}

} // namespace vxlanctl
