#include "vxlanctl/cli/files.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/who_writes.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/kernel/kernel.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr std::string_view suffixes[] = {".toml", ".json"};

Error cannot_read(std::string path, std::string_view what, int code) {
    return Error(Code::cannot_read_file, path.empty() ? "''" : std::move(path), {{"what", what}})
        .with(code);
}

struct Path {
    std::string path;
    std::size_t word;
    bool is_named = true; ///< by the user, who may mean a FIFO
};

/// The directory of the call as the user knows it: what the shell says is that directory may lead
/// there by symbolic links.
std::filesystem::path working_directory() {
    std::error_code ignored;
    const char* const shell = std::getenv("PWD");
    if (shell != nullptr && *shell == '/' && std::filesystem::equivalent(shell, ".", ignored))
        return shell;
    return std::filesystem::current_path(ignored);
}

/// Without `.` and doubled slashes. What comes before a `..` is resolved: behind a symbolic link,
/// that leads elsewhere than the text says.
std::filesystem::path without_dots(const std::filesystem::path& path) {
    std::filesystem::path result;
    for (const auto& part : path) {
        if (part == "..") {
            std::error_code ignored;
            result = std::filesystem::weakly_canonical(result, ignored).parent_path();
        } else if (part != "." && !part.empty()) {
            result /= part;
        }
    }
    return result;
}

bool is_directory(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored);
}

bool is_of_tunnels(std::string_view name) {
    return std::any_of(std::begin(suffixes), std::end(suffixes),
                       [&](std::string_view suffix) { return name.ends_with(suffix); });
}

/// Whether editors and package managers leave files of that name behind.
bool is_leftover(std::string_view name) {
    constexpr std::string_view endings[] = {"~", ".swp", ".rpmnew", ".rpmsave", ".rpmorig"};
    return (name.starts_with('#') && name.ends_with('#')) ||
           name.find(".dpkg-") != std::string_view::npos ||
           std::any_of(std::begin(endings), std::end(endings),
                       [&](std::string_view ending) { return name.ends_with(ending); });
}

/// What is in a directory, sorted by name.
struct Listing {
    std::vector<std::string> files;  ///< by their names those of tunnels
    std::vector<std::string> others; ///< neither hidden nor leftovers, nor directories
};

Result<Listing> files_in(const std::string& directory, Writers writers) {
    Listing found;
    std::error_code problem;
    if (writers == Writers::trusted && std::filesystem::exists(directory, problem))
        if (auto good = check_who_writes(directory, -1); !good) return tl::unexpected(good.error());
    for (std::filesystem::directory_iterator entry(directory, problem), end;
         !problem && entry != end; entry.increment(problem)) {
        const std::string name = entry->path().filename();
        if (name.starts_with('.')) continue;
        if (is_of_tunnels(name))
            found.files.push_back(entry->path());
        else if (!is_leftover(name) && !is_directory(entry->path()))
            found.others.push_back(entry->path());
    }
    if (problem) return tl::unexpected(cannot_read(directory, "directory", problem.value()));
    std::sort(found.files.begin(), found.files.end());
    std::sort(found.others.begin(), found.others.end());
    return found;
}

FileDescriptor open_named(const std::string& path) {
    return FileDescriptor(path == "-" ? 0 : open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
}

/// None with errno 0 where there is something else than a regular file, which is not waited for.
FileDescriptor open_regular(const std::string& path) {
    struct stat status {};
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const int code = errno;
    const bool known = file.get() >= 0 ? fstat(file.get(), &status) == 0
                                       : stat(path.c_str(), &status) == 0; // such as a socket
    const bool is_other = known && !S_ISREG(status.st_mode);
    if (file.get() >= 0 && !is_other) return file;
    errno = is_other ? 0 : code;
    return FileDescriptor();
}

/// An error that quotes the file would show it to whoever led us there: they have to be able to
/// read it themselves. `leaders` are the users that wrote what leads to it.
Result<void> check_who_led(const std::string& path, const FileDescriptor& file,
                           std::vector<unsigned> leaders) {
    struct stat link {};
    struct stat status {};
    if (lstat(path.c_str(), &link) == 0) leaders.push_back(link.st_uid);
    if (fstat(file.get(), &status) != 0 || (status.st_mode & S_IROTH) != 0) return {};
    for (const unsigned leader : leaders)
        if (leader != 0 && leader != geteuid() && leader != status.st_uid)
            return error(Code::file_of_other_owner, path,
                         {{"owner", status.st_uid}, {"other", leader}});
    return {};
}

Result<std::string> read_open(const FileDescriptor& file, const std::string& path,
                              std::string_view what, const Trust& trust) {
    constexpr std::size_t limit = 64 << 20; // a million peers fit; a device would never end
    if (file.get() < 0) return tl::unexpected(cannot_read(path, what, errno));
    if (path != "-")
        if (auto good = trust.writers == Writers::trusted
                            ? check_who_writes(path, file.get())
                            : check_who_led(path, file, trust.leaders);
            !good)
            return tl::unexpected(good.error());
    std::string text;
    const int code = read_until_end(file.get(), limit, text);
    if (code == EFBIG) return error(Code::text_too_large, path, {{"mib", limit >> 20}});
    if (code != 0) return tl::unexpected(cannot_read(path, what, code));
    return text;
}

/// The text of one file of a directory, or empty where that is an error or no file.
std::optional<SourceText> read_entry(const std::string& path, FileTexts& texts) {
    const auto file = open_regular(path);
    if (file.get() < 0 && errno == 0) {
        texts.skipped.push_back(path);
        return std::nullopt;
    }
    auto text = read_open(file, path, "file", {texts.writers, {}});
    if (text) return SourceText{path, std::move(*text)};
    texts.errors.push_back(text.error());
    return std::nullopt;
}

/// What is in NAME.toml.d beside NAME.toml.
std::vector<SourceText> read_drop_ins(const std::string& path, FileTexts& texts) {
    std::vector<SourceText> drop_ins;
    const std::string directory = path + ".d";
    if (!is_of_tunnels(path) || !is_directory(directory)) return drop_ins;
    const auto found = files_in(directory, texts.writers);
    if (!found) {
        texts.errors.push_back(found.error());
        return drop_ins;
    }
    append(texts.others, found->others);
    for (const auto& file : found->files)
        if (auto text = read_entry(file, texts)) drop_ins.push_back(std::move(*text));
    return drop_ins;
}

/// One that the user names may be a FIFO.
std::optional<SourceText> read_named(const std::string& path, FileTexts& texts) {
    auto text = read_text(path, "file", {texts.writers, {}});
    if (text) return SourceText{path == "-" ? "standard input" : path, std::move(*text)};
    texts.errors.push_back(text.error());
    return std::nullopt;
}

/// The owners of a file and its drop-ins, and of links to these.
std::vector<unsigned> writers_of(const SourceText& text) {
    std::vector<unsigned> users;
    struct stat status {};
    const auto add = [&](const SourceText& part) {
        for (const auto look : {stat, lstat})
            if (look(part.path.c_str(), &status) == 0) users.push_back(status.st_uid);
    };
    add(text);
    std::for_each(text.drop_ins.begin(), text.drop_ins.end(), add);
    return users;
}

/// Those of the paths that are none of the peers files, however these were named.
std::vector<std::string> without_peers_files(std::vector<std::string> paths,
                                             const std::vector<std::string>& peers_files) {
    if (paths.empty()) return paths;
    std::set<std::string> known;
    for (const auto& path : peers_files)
        known.insert(source_of(path));
    std::erase_if(paths, [&](const std::string& path) { return known.contains(source_of(path)); });
    return paths;
}

} // namespace

std::string source_of(const std::string& path) {
    return path == "-" ? "" : without_dots(working_directory() / path).string();
}

Result<std::string> read_text(const std::string& path, std::string_view what, const Trust& trust) {
    return read_open(open_named(path), path, what, trust);
}

Result<PeerList> read_peers_files(const Arguments& arguments) {
    PeerList peers;
    const auto option = arguments.options.find("peers-file");
    if (option == arguments.options.end()) return peers;
    for (const auto& path : option->second) {
        const auto text = read_text(path, "peers file");
        if (!text) return tl::unexpected(text.error());
        auto parsed = parse_peers(*text, path == "-" ? "standard input" : path);
        if (!parsed) return parsed;
        peers.append(std::move(*parsed));
    }
    return peers;
}

FileTexts read_files(const std::vector<std::string>& words, Writers writers) {
    FileTexts texts;
    texts.writers = writers;
    std::vector<Path> paths;
    if (std::count(words.begin(), words.end(), "-") > 1)
        texts.errors.emplace_back(Code::stdin_named_twice);
    const auto add_directory = [&](const std::string& directory, std::size_t word) {
        auto found = files_in(directory, writers);
        if (!found) {
            if (!words.empty() || found.error().errno_code != ENOENT)
                texts.errors.push_back(found.error());
            return;
        }
        for (auto& path : found->files)
            paths.push_back({std::move(path), word, false});
        append(texts.others, std::move(found->others));
    };
    if (words.empty()) add_directory(default_directory, 0);
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] != "-" && is_directory(words[i]))
            add_directory(words[i], i);
        else
            paths.push_back({words[i], i});
    if (!texts.errors.empty()) return texts;
    for (const auto& [path, word, is_named] : paths) {
        auto text = is_named ? read_named(path, texts) : read_entry(path, texts);
        if (!text) continue;
        text->drop_ins = read_drop_ins(path, texts);
        texts.trusts.emplace_back(writers, writers == Writers::anybody ? writers_of(*text)
                                                                       : std::vector<unsigned>{});
        texts.files.push_back(std::move(*text));
        texts.words.push_back(word);
        texts.sources.push_back(source_of(path));
    }
    return texts;
}

FileTunnels tunnels_in(FileTexts texts, const std::vector<std::string>& words,
                       const ReadText& read_peers_file) {
    FileTunnels read;
    read.texts = std::move(texts);
    std::vector<std::string> peers_files;
    read.parsed = parse_files(read.texts.files, [&](std::size_t file, const std::string& path) {
        peers_files.push_back(path);
        return read_peers_file(file, path);
    });
    read.unread = without_peers_files(read.texts.others, peers_files);
    auto& errors = read.parsed.errors;
    errors.insert(errors.begin(), read.texts.errors.begin(), read.texts.errors.end());
    for (auto& defined : read.parsed.tunnels)
        defined.tunnel.source = read.texts.sources[defined.file];
    std::vector<bool> defines(words.size());
    for (const auto& defined : read.parsed.tunnels)
        if (!words.empty()) defines[read.texts.words[defined.file]] = true;
    for (std::size_t i = 0; i < words.size(); ++i)
        if (!defines[i]) read.empty.push_back(words[i] == "-" ? "standard input" : words[i]);
    return read;
}

FileTunnels read_tunnels(const std::vector<std::string>& words, Writers writers) {
    FileTexts texts = read_files(words, writers);
    const auto trusts = texts.trusts;
    return tunnels_in(std::move(texts), words, [&](std::size_t file, const std::string& path) {
        return read_text(path, "peers file", trusts[file]);
    });
}

std::vector<Message> warnings_of_unread(const std::vector<std::string>& paths) {
    constexpr std::size_t most = 3;
    std::map<std::string, std::vector<std::string>> by_directory;
    for (const auto& path : paths)
        by_directory[std::filesystem::path(path).parent_path()].push_back(path);
    std::vector<Message> warnings;
    for (const auto& [directory, files] : by_directory) {
        std::string names;
        for (std::size_t i = 0; i < std::min(files.size(), most); ++i) {
            names += (i == 0 ? "" : ", ") + std::filesystem::path(files[i]).filename().string();
            if (files.size() <= most) warnings.emplace_back(Code::file_name_skipped, files[i]);
        }
        if (files.size() <= most) continue;
        names += formatted(" and {} more", files.size() - most);
        warnings.emplace_back(Code::files_skipped, directory,
                              Values{{"count", files.size()}, {"names", names}});
    }
    return warnings;
}

Result<void> concern_namespaces(Config& config, const std::vector<NamespaceId>& spaces,
                                std::vector<Message>& warnings) {
    const auto here = Kernel::here();
    if (!here) return tl::unexpected(here.error());
    for (const auto& space : spaces) {
        const auto name = space == here->id() ? std::string() : name_of(space);
        if (name.empty()) continue;
        if (has_sys_admin())
            config.absent_elsewhere[name];
        else
            warnings.emplace_back(Code::netns_left_alone, "", Values{{"netns", name}});
    }
    return {};
}

} // namespace vxlanctl
