// Command lines, a word a line: any are the words and options of a command, and perhaps a tunnel,
// or an error.
#include "property.h"
#include "vxlanctl/cli/command.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/script_words.h"
#include "vxlanctl/files/tunnel_words.h"

using namespace vxlanctl;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

Result<Tunnel> tunnel_of(const Arguments& arguments) {
    if (arguments.command == "up") return vxlan_from_words(arguments.words, arguments.options, {});
    if (arguments.command == "isatap up")
        return isatap_from_words(arguments.words, arguments.options);
    if (arguments.command == "ipip6 up")
        return ipip6_from_words(arguments.words, arguments.options);
    return tunnel_from_script(arguments.words);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto arguments =
        parse_arguments(lines_of(std::string(reinterpret_cast<const char*>(data), size)));
    if (!arguments) {
        require(!to_string(arguments.error()).empty());
        return 0;
    }
    const auto tunnel = tunnel_of(*arguments);
    require(tunnel ? !file_text(*tunnel).empty() : !to_string(tunnel.error()).empty());
    return 0;
}
