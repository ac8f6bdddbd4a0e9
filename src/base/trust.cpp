#include "vxlanctl/base/trust.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"

#include <sys/stat.h>

namespace vxlanctl {
namespace {

/// Who else can write to it; empty where nobody can.
std::string other_writers(const PathStep& step) {
    if (S_ISLNK(step.mode) || S_ISCHR(step.mode)) return ""; // nothing can be left in it
    if (S_ISDIR(step.mode) && (step.mode & S_ISVTX) != 0) return "";
    if ((step.mode & S_IWOTH) != 0) return "everybody";
    const bool is_own_group = step.group == step.owner && !step.has_access_control_list;
    if ((step.mode & S_IWGRP) == 0 || is_own_group) return "";
    return step.has_access_control_list ? "others, by an access control list,"
                                        : formatted("group {}", step.group);
}

/// `it` stands for the file itself.
std::string what_of(const PathStep& step, bool is_last) {
    if (is_last && !S_ISLNK(step.mode)) return "it";
    return formatted("the {} '{}'", S_ISDIR(step.mode) ? "directory" : "link", step.path);
}

} // namespace

Result<void> check_way(const std::string& path, std::span<const PathStep> steps,
                       const std::set<unsigned>& users) {
    for (const auto& step : steps) {
        const bool is_last = &step == &steps.back();
        const std::string what = what_of(step, is_last);
        const std::string word = shell_quoted(step.path);
        if (step.owner != 0 && !users.contains(step.owner))
            return error(
                Error(Code::file_owner_not_trusted, path, {{"what", what}, {"owner", step.owner}})
                    .also(is_last ? Code::chown_file : Code::keep_it_elsewhere, {{"path", word}}));
        if (const std::string writers = other_writers(step); !writers.empty())
            return error(Code::file_writable_by_others, path,
                         {{"what", what},
                          {"writers", writers},
                          {"command", step.has_access_control_list ? "setfacl -b" : "chmod go-w"},
                          {"path", word}});
    }
    return {};
}

} // namespace vxlanctl
