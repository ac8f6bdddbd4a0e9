#include "vxlanctl/attributes.h"
#include "vxlanctl/commands.h"
#include "vxlanctl/reconcile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <memory>

namespace vxlanctl {
namespace {

template<class Attributes>
void add_attribute_options(std::vector<OptionInfo>& options,
                           std::span<const AttributeRow<Attributes>> rows) {
    for (const auto& row : rows) {
        if (row.help.empty()) continue;
        std::string name(row.name);
        std::replace(name.begin(), name.end(), '_', '-');
        options.push_back({name, 0, std::string(row.argument), std::string(row.help)});
        if (row.argument.empty())
            options.push_back({"no-" + name, 0, "", fmt::format("the opposite of --{}", name)});
    }
}

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
        peers.insert(peers.end(), parsed->begin(), parsed->end());
    }
    return peers;
}

} // namespace

std::vector<OptionInfo> up_options() {
    std::vector<OptionInfo> options;
    add_attribute_options(options, vxlan_attributes());
    add_attribute_options(options, link_attributes());
    options.push_back({"address", 0, "ADDR/LEN", "another inner address; may be repeated"});
    options.push_back(
        {"peers-file", 0, "FILE", "more peers, one a line; - is standard input; may be repeated"});
    for (auto&& more : {change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    return options;
}

Result<int> run_up(const Arguments& arguments) {
    const auto peers = read_peers_files(arguments);
    if (!peers) return tl::unexpected(peers.error());
    auto tunnel = vxlan_from_words(arguments.words, arguments.options, *peers);
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile(Config{Origin::cli, {std::move(*tunnel)}, {}}, arguments);
}

} // namespace vxlanctl
