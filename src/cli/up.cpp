#include "vxlanctl/commands.h"
#include "vxlanctl/reconcile.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <memory>

namespace vxlanctl {
namespace {

/// The whole file, or standard input for `-`.
Result<std::string> read_text(const std::string& path) {
    constexpr std::size_t limit = 64 << 20; // a million peers fit; a device would never end
    const std::unique_ptr<FILE, int (*)(FILE*)> file(
        path == "-" ? fdopen(0, "r") : std::fopen(path.c_str(), "re"), std::fclose);
    const auto fail = [&](int code) {
        return tl::unexpected(
            Error{ErrorKind::usage, path, "cannot read the peers file", "", code, ""});
    };
    if (!file) return fail(errno);
    std::string text;
    std::array<char, 65536> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        text.append(buffer.data(), size);
        if (text.size() > limit) return fail(EFBIG);
    }
    if (std::ferror(file.get()) != 0) return fail(errno);
    return text;
}

Result<std::vector<FloodEntry>> read_peers_files(const Arguments& arguments) {
    std::vector<FloodEntry> peers;
    const auto option = arguments.options.find("peers-file");
    if (option == arguments.options.end()) return peers;
    for (const auto& path : option->second) {
        const auto text = read_text(path);
        if (!text) return tl::unexpected(text.error());
        auto parsed = parse_peers(*text, path == "-" ? "standard input" : path);
        if (!parsed) return parsed;
        if (peers.empty())
            peers = std::move(*parsed);
        else
            peers.insert(peers.end(), parsed->begin(), parsed->end());
    }
    return peers;
}

} // namespace

std::vector<OptionInfo> up_options() {
    auto options = tunnel_options(TunnelKind::vxlan);
    options.push_back({"address", 0, "ADDR/LEN", "another inner address; may be repeated"});
    options.push_back(
        {"peers-file", 0, "FILE", "more peers, one a line; - is standard input; may be repeated"});
    for (auto&& more : {change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    return options;
}

Result<int> run_up(const Arguments& arguments) {
    auto peers = read_peers_files(arguments);
    if (!peers) return tl::unexpected(peers.error());
    auto tunnel = vxlan_from_words(arguments.words, arguments.options, std::move(*peers));
    if (!tunnel) return tl::unexpected(tunnel.error());
    Config config;
    config.tunnels.push_back(std::move(*tunnel));
    return reconcile(config, arguments);
}

} // namespace vxlanctl
