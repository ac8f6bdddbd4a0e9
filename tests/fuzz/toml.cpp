// Files of /etc/vxlanctl: any bytes are tunnels or errors, and a tunnel is the same as text again.
// Behind a zero byte comes the peers file that they may name.
#include "property.h"
#include "vxlanctl/file_text.h"
#include "vxlanctl/plan.h"
#include "vxlanctl/tunnel_file.h"

using namespace vxlanctl;

namespace {

ParsedFiles parse(const std::string& text, const std::string& peers) {
    const SourceText file{"fuzz.toml", text};
    return parse_files(
        std::span(&file, 1),
        [&](std::size_t, const std::string&) -> Result<std::string> { return peers; });
}

std::string rewritten(const ParsedFiles& parsed) {
    std::string text;
    for (const auto& defined : parsed.tunnels)
        text += file_text(defined.tunnel);
    return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(input.find('\0'), input.size());
    const std::string peers = end < input.size() ? input.substr(end + 1) : "";
    const auto parsed = parse(input.substr(0, end), peers);
    for (const auto& error : parsed.errors)
        require(!to_string(error).empty());

    const std::string text = rewritten(parsed);
    const auto again = parse(text, "");
    require(again.errors.empty());
    require(rewritten(again) == text);

    Config config{Origin::file, {}};
    for (const auto& defined : parsed.tunnels)
        config.tunnels.push_back(defined.tunnel);
    (void)plan(config, {}, {});
    return 0;
}
