#include "vxlanctl/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

namespace vxlanctl {
namespace {

constexpr std::string_view suffix = ".toml";

Error cannot_read(std::string path, std::string_view what, int code) {
    return {
        ErrorKind::usage, std::move(path), "cannot read the " + std::string(what), "", code, ""};
}

/// The directory's files, sorted by name.
Result<std::vector<std::string>> files_in(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(directory, problem), end;
         !problem && entry != end; entry.increment(problem)) {
        const std::string name = entry->path().filename();
        if (name.ends_with(suffix) && !name.starts_with('.')) paths.push_back(entry->path());
    }
    if (problem) return tl::unexpected(cannot_read(directory, "directory", problem.value()));
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool is_directory(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored);
}

/// The paths that the words stand for.
FileTexts read_paths(const std::vector<std::string>& paths) {
    FileTexts texts;
    for (const auto& path : paths) {
        auto text = read_text(path, "file");
        if (text)
            texts.files.push_back({path == "-" ? "standard input" : path, std::move(*text)});
        else
            texts.errors.push_back(text.error());
    }
    return texts;
}

} // namespace

Result<std::string> read_text(const std::string& path, std::string_view what) {
    constexpr std::size_t limit = 64 << 20; // a million peers fit; a device would never end
    const std::unique_ptr<FILE, int (*)(FILE*)> file(
        path == "-" ? fdopen(0, "r") : std::fopen(path.c_str(), "re"), std::fclose);
    if (!file) return tl::unexpected(cannot_read(path, what, errno));
    std::string text;
    std::array<char, 65536> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        text.append(buffer.data(), size);
        if (text.size() > limit) return tl::unexpected(cannot_read(path, what, EFBIG));
    }
    if (std::ferror(file.get()) != 0) return tl::unexpected(cannot_read(path, what, errno));
    return text;
}

FileTexts read_files(const std::vector<std::string>& words) {
    std::vector<std::string> paths;
    std::vector<Error> errors;
    if (std::count(words.begin(), words.end(), "-") > 1)
        errors.push_back({ErrorKind::usage, "", "'-' is named twice", "", 0, ""});
    const auto add_directory = [&](const std::string& directory) {
        auto found = files_in(directory);
        if (found)
            paths.insert(paths.end(), found->begin(), found->end());
        else if (!words.empty() || found.error().code != ENOENT)
            errors.push_back(found.error());
    };
    if (words.empty()) add_directory(default_directory);
    for (const auto& word : words)
        if (word != "-" && is_directory(word))
            add_directory(word);
        else
            paths.push_back(word);
    if (!errors.empty()) return {{}, std::move(errors)};
    return read_paths(paths);
}

} // namespace vxlanctl
