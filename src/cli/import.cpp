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

/// The text of a file, and what is to become of one that is there.
struct Imported {
    std::string text;
    std::vector<Message> warnings;
    bool peers_only = false, force = false;
};

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
    return state->host_addresses.changing();
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

/// Whether the file is to be written: it is not where it says the same already, and must not be
/// where it says what nobody could bring back.
Result<bool> is_to_be_written(const std::string& path, const std::filesystem::path& target,
                              const Imported& imported) {
    std::error_code problem;
    const auto status = std::filesystem::status(target, problem);
    if (!std::filesystem::exists(status)) return true;
    if (!std::filesystem::is_regular_file(status)) return error(Code::not_replaced, path);
    const auto there = read_text(target, "file");
    if (there && *there == imported.text) return false;
    if (imported.force) return true;
    if (!there) return with_subject(there.error(), path);
    if (there->empty() || (imported.peers_only && is_imported_peers_file(*there))) return true;
    return error(imported.peers_only ? Code::peers_file_differs : Code::file_differs, path);
}

/// Replaces the file at once, or makes it; where the path is a link, what it leads to. Says whether
/// there was anything to do.
Result<bool> write_file(const std::string& path, const Imported& imported) {
    std::error_code problem;
    const auto target = file_behind(path, problem);
    if (problem) return error(Error(Code::cannot_write_file, path).with(problem.value()));
    auto is_needed = is_to_be_written(path, target, imported);
    if (!is_needed || !*is_needed) return is_needed;
    const FileDescriptor directory(
        ::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) return error(Error(Code::cannot_write_file, path).with(errno));
    auto done = replace_file(directory, formatted(".vxlanctl-{}", getpid()), target.filename(),
                             imported.text);
    if (done) return true;
    done.error().subject = path;
    return tl::unexpected(done.error());
}

Result<Imported> import_tunnel(const Arguments& arguments, const SoracomTexts& texts) {
    const auto choice = choice_of(arguments);
    if (!choice) return tl::unexpected(choice.error());
    const auto host = read_host_addresses();
    if (!host) return tl::unexpected(host.error());
    const auto made = tunnel_from_soracom(texts, *choice, *host);
    if (!made) return tl::unexpected(made.error());
    std::vector<std::string> comments;
    for (const auto& comment : made->comments)
        comments.push_back(text_of(comment));
    return Imported{file_text(made->tunnel, comments), made->warnings};
}

Result<Imported> import_peers(const SoracomTexts& texts) {
    auto text = peers_from_soracom(texts);
    if (!text) return tl::unexpected(text.error());
    return Imported{std::move(*text), {}};
}

/// What says nothing about the peers.
Result<void> check_peers_only(const Arguments& arguments) {
    constexpr std::string_view of_tunnel[] = {"vpg", "self", "dev", "name"};
    for (const auto option : of_tunnel)
        if (arguments.has("peers-only") && arguments.has(option))
            return error(Code::options_contradict, "",
                         {{"one", "--peers-only"}, {"other", formatted("--{}", option)}});
    return {};
}

void report(const Arguments& arguments, const Imported& imported, const std::string& output,
            std::optional<bool> written) {
    if (!arguments.has("quiet"))
        for (const auto& warning : imported.warnings)
            print_warning(warning, codes(arguments));
    if (arguments.has("json")) {
        nlohmann::json document{{"schema", json_schema},
                                {imported.peers_only ? "peers" : "toml", imported.text},
                                {"warnings", messages_json(imported.warnings)}};
        if (written) document["written"] = *written;
        print(document_text(document));
    } else if (!written)
        print(imported.text);
    else if (!arguments.has("quiet"))
        print(formatted("{}: {}\n", printable(output), *written ? "written" : "in sync"));
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
        {"peers-only", 0, "", "make a peers file, for peers_file and --peers-file"},
        {"output", 'o', "FILE",
         "write this file, instead of printing; one that differs is not replaced"},
        {"force", 0, "", "replace the file of --output, with all changes made by hand"},
    };
}

Result<int> run_import_soracom(const Arguments& arguments) {
    if (!arguments.words.empty())
        return error(Error(Code::command_takes_no_words, quote(arguments.words[0]),
                           {{"command", "import soracom"}})
                         .also(Code::files_by_options));
    if (const auto good = check_peers_only(arguments); !good) return tl::unexpected(good.error());
    const std::string output = arguments.value("output", "-");
    if (output.empty()) return error(Code::not_a_file_name, "--output ''");
    const auto texts = read_sources(arguments);
    if (!texts) return tl::unexpected(texts.error());
    const bool peers_only = arguments.has("peers-only");
    auto imported = peers_only ? import_peers(*texts) : import_tunnel(arguments, *texts);
    if (!imported) return tl::unexpected(imported.error());
    imported->peers_only = peers_only;
    imported->force = arguments.has("force");
    std::optional<bool> written;
    if (output != "-") {
        const auto done = write_file(output, *imported);
        if (!done) return tl::unexpected(done.error());
        written = *done;
    }
    report(arguments, *imported, output, written);
    return 0;
}

} // namespace vxlanctl
