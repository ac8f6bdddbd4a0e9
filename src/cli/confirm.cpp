#include "vxlanctl/commands.h"
#include "vxlanctl/guardian.h"
#include "vxlanctl/report.h"

#include <nlohmann/json.hpp>

namespace vxlanctl {

Result<int> run_confirm(const Arguments& arguments) {
    if (!arguments.words.empty())
        return usage_error("", "'confirm' takes no words", "It means the one change that waits.");
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
