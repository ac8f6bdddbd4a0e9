// What SORACOM's API says: any bytes are a tunnel that a file can state, or an error. Behind a zero
// byte comes the VPG.
#include "vxlanctl/files/soracom.h"
#include "files.h"
#include "property.h"
#include "vxlanctl/files/vxlan.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(input.find('\0'), input.size());
    SoracomTexts texts;
    texts.gate_peers.push_back({"gate-peers.json", input.substr(0, end)});
    if (end < input.size()) texts.vpg = SourceText{"vpg.json", input.substr(end + 1)};
    HostAddress host;
    host.prefix = *parse_prefix("172.21.0.100/24");
    host.link = "eth0";
    if (const auto peers = peers_from_soracom(texts)) {
        require(is_imported_peers_file(*peers));
        require(parse_peers(*peers, "a.peers").has_value());
    }
    const auto made = tunnel_from_soracom(texts, {}, std::span(&host, 1));
    if (!made) {
        require(!to_string(made.error()).empty());
        return 0;
    }
    std::vector<std::string> comments;
    for (const auto& comment : made->comments)
        comments.push_back(text_of(comment));
    const auto parsed = parsed_file(file_text(made->tunnel, comments));
    require(parsed.errors.empty() && parsed.tunnels.size() == 1);
    return 0;
}
