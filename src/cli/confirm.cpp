#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/runtime/guardian.h"

#include <nlohmann/json.hpp>

namespace vxlanctl {

Result<int> run_confirm(const Arguments& arguments) {
    if (!arguments.words.empty())
        return error(Error(Code::command_takes_no_words, "", {{"command", "confirm"}})
                         .also(Code::confirm_means_one_change));
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    if (const auto done = confirm(*kernel); !done) return tl::unexpected(done.error());
    if (arguments.has("json"))
        print(document_text({{"schema", json_schema}, {"confirmed", true}}));
    else if (!arguments.has("quiet"))
        print("confirmed: the change stays\n");
    return 0;
}

} // namespace vxlanctl
