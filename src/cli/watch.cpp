#include "vxlanctl/cli/commands.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/watcher.h"
#include "vxlanctl/cli/write_options.h"

namespace vxlanctl {

std::vector<OptionInfo> watch_options() {
    std::vector<OptionInfo> options{
        {"dry-run", 'n', "", "say what differs, as it comes and goes, and do nothing"},
        prune_option(),
        allow_empty_option(),
    };
    append(options, change_options());
    options.push_back(resolve_option());
    return options;
}

Result<int> run_watch(const Arguments& arguments) {
    if (is_in(arguments.words, std::string("-"))) return error(Code::cannot_watch_input);
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    auto watcher = Watcher::open(arguments, *style);
    if (!watcher) return tl::unexpected(watcher.error());
    return watcher->run();
}

} // namespace vxlanctl
