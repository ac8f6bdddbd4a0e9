// The same files as JSON: any bytes are tunnels or errors with a place, and a tunnel is the same as
// TOML, and as JSON that is made of that.
#include "files.h"
#include "property.h"
#include "vxlanctl/files/json_text.h"
#include "vxlanctl/files/toml_text.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed =
        parsed_file(std::string(reinterpret_cast<const char*>(data), size), "", "fuzz.json");
    for (const auto& error : parsed.errors)
        require(!to_string(error).empty() &&
                (error.place.has_value() || error.code == Code::more_errors));

    const SourceText toml{"fuzz.toml", rewritten(parsed)};
    SourceErrors errors(toml);
    const auto table = parse_toml(toml, errors);
    require(table.has_value());
    const auto again = parsed_file(json_text(*table), "", "fuzz.json");
    require(again.errors.empty());
    require(again.tunnels.size() == parsed.tunnels.size());
    return 0;
}
