#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/soracom.h"
#include "vxlanctl/run/reader.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace vxlanctl {
namespace {

Result<SourceText> read_source(const std::string& path) {
    auto text = read_text(path, "file");
    if (!text) return tl::unexpected(text.error());
    return SourceText{path == "-" ? "standard input" : path, std::move(*text)};
}

Result<SoracomTexts> read_sources(const Arguments& arguments) {
    std::vector<std::string> paths;
    if (arguments.has("gate-peers")) paths = arguments.options.at("gate-peers");
    const auto peers_files = paths.size();
    if (arguments.has("vpg")) paths.push_back(arguments.value("vpg"));
    if (std::count(paths.begin(), paths.end(), "-") > 1) return error(Code::stdin_named_twice);
    SoracomTexts texts;
    for (const auto& path : paths) {
        auto source = read_source(path);
        if (!source) return tl::unexpected(source.error());
        if (texts.gate_peers.size() < peers_files)
            texts.gate_peers.push_back(std::move(*source));
        else
            texts.vpg = std::move(*source);
    }
    return texts;
}

Result<SoracomChoice> choice_of(const Arguments& arguments) {
    SoracomChoice choice;
    choice.name = arguments.value("name", choice.name);
    if (arguments.has("self")) {
        const auto self = parse_address(arguments.value("self"));
        if (!self) return with_subject(self.error(), "--self");
        choice.self = *self;
    }
    if (arguments.has("dev")) {
        auto dev = parse_dev(arguments.value("dev"));
        if (!dev) return with_subject(dev.error(), "--dev");
        choice.dev = std::move(*dev);
    }
    return choice;
}

Result<std::vector<HostAddress>> read_host_addresses() {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    auto socket = kernel->netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    ReadRequest request;
    request.foreign = false;
    request.every_local = true;
    auto state = read_state(netlink, nullptr, request);
    if (!state) return tl::unexpected(state.error());
    return std::move(state->host_addresses);
}

/// What the path leads to by symbolic links, be it there or not.
std::filesystem::path file_behind(const std::string& path, std::error_code& problem) {
    constexpr int most_links = 40; // as the kernel's
    const auto is_link = [](const std::filesystem::path& one) {
        std::error_code other; // comes up again when the file is written
        return std::filesystem::is_symlink(std::filesystem::symlink_status(one, other));
    };
    auto file = std::filesystem::absolute(path, problem);
    for (int links = 0; !problem && is_link(file); ++links)
        if (links == most_links)
            problem = std::make_error_code(std::errc::too_many_symbolic_link_levels);
        else
            file = file.parent_path() / std::filesystem::read_symlink(file, problem);
    return file;
}

/// Replaces the file at once, or makes it; where the path is a link, what it leads to.
Result<void> write_file(const std::string& path, const std::string& text) {
    std::error_code problem;
    const auto target = file_behind(path, problem);
    if (problem) return error(Error(Code::cannot_write_file, path).with(problem.value()));
    const auto status = std::filesystem::status(target, problem);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return error(Code::not_replaced, path);
    const FileDescriptor directory(
        ::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) return error(Error(Code::cannot_write_file, path).with(errno));
    auto done =
        replace_file(directory, formatted(".vxlanctl-{}", getpid()), target.filename(), text);
    if (!done) done.error().subject = path;
    return done;
}

} // namespace

std::vector<OptionInfo> import_soracom_options() {
    return {
        {"gate-peers", 0, "FILE",
         "what 'soracom vpg list-gate-peers' prints; - is standard input; may be repeated"},
        {"vpg", 0, "FILE",
         "what 'soracom vpg get' or 'list' prints: the VNI and, if need be, the prefix length"},
        {"self", 0, "ADDR", "the outer address of this host's entry (default: one that it has)"},
        {"dev", 0, "DEV", "the lower device (default: the one that has the outer address)"},
        {"name", 0, "IFNAME", "of the tunnel (default vxlan0)"},
        {"output", 'o', "FILE", "replace this file, instead of printing"},
    };
}

Result<int> run_import_soracom(const Arguments& arguments) {
    if (!arguments.words.empty())
        return error(Error(Code::command_takes_no_words, quote(arguments.words[0]),
                           {{"command", "import soracom"}})
                         .also(Code::files_by_options));
    const auto choice = choice_of(arguments);
    if (!choice) return tl::unexpected(choice.error());
    const std::string output = arguments.value("output", "-");
    if (output.empty()) return error(Code::not_a_file_name, "--output ''");
    const auto texts = read_sources(arguments);
    if (!texts) return tl::unexpected(texts.error());
    const auto host = read_host_addresses();
    if (!host) return tl::unexpected(host.error());
    const auto imported = tunnel_from_soracom(*texts, *choice, *host);
    if (!imported) return tl::unexpected(imported.error());

    const std::string text = file_text(imported->tunnel);
    if (output != "-")
        if (const auto done = write_file(output, text); !done) return tl::unexpected(done.error());
    if (!arguments.has("quiet"))
        for (const auto& warning : imported->warnings)
            print_warning(warning, codes(arguments));
    if (arguments.has("json"))
        print(document_text({{"schema", json_schema},
                             {"toml", text},
                             {"warnings", messages_json(imported->warnings)}}));
    else if (output == "-")
        print(text);
    else if (!arguments.has("quiet"))
        print(formatted("{}: written\n", printable(output)));
    return 0;
}

} // namespace vxlanctl
