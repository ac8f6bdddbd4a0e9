#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/session.h"
#include "vxlanctl/cli/wish.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

void append_options(std::vector<OptionInfo>& to, const std::vector<OptionInfo>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// What the files say, or all that is wrong with them; warnings are printed.
tl::expected<FileWish, std::vector<Error>> wish_with_warnings(const Arguments& arguments) {
    std::vector<Message> warnings;
    auto wish = read_file_wish(arguments, warnings);
    if (!arguments.has("quiet"))
        for (const auto& warning : warnings)
            print_warning(warning, codes(arguments));
    return wish;
}

/// Puts the files of what was taken back on hold.
Result<void> reject(const FileWish& wish, const Plan& plan) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    return change_hold(*kernel, [&](Hold& hold) {
        for (const auto& tunnel : plan.tunnels) {
            if (tunnel.steps.empty()) continue;
            if (const auto file = wish.file_of.find(tunnel.name); file != wish.file_of.end())
                hold.files[wish.files[file->second].path] = wish.files[file->second].hash;
            else
                hold.tunnels.insert(tunnel.name);
        }
    });
}

/// What a person applies by hand is not on hold any more.
Result<void> release(const FileWish& wish) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    if (read_hold(*kernel) == Hold{}) return {}; // as mostly: no directory is made, and none locked
    return change_hold(*kernel, [&](Hold& hold) {
        for (const auto& file : wish.files)
            hold.files.erase(file.path);
        hold.tunnels.clear();
    });
}

/// An apply that came to nothing, for who watches. Whoever may not apply has not tried to.
void note_failure(const Arguments& arguments) {
    if (!has_net_admin()) return;
    const auto note = []() -> Result<void> {
        const auto kernel = Kernel::here();
        if (!kernel) return tl::unexpected(kernel.error());
        auto directory = RuntimeDirectory::open(*kernel);
        if (!directory) return tl::unexpected(directory.error());
        return directory->write_last_apply({std::chrono::system_clock::now(), false});
    };
    if (const auto noted = note(); !noted && !arguments.has("quiet"))
        print_warning(not_noted(noted.error()), codes(arguments));
}

/// Whether services leave a file alone, whatever it says: nobody may think that all is well.
Result<bool> is_any_on_hold(const FileWish& wish, const Arguments& arguments) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    const Hold hold = read_hold(*kernel);
    bool any = false;
    for (const auto& file : wish.files)
        if (is_held(file, hold)) {
            any = true;
            if (!arguments.has("quiet") && !arguments.has(unless_held_option().name))
                print_warning(Error(Code::file_on_hold, file.path), codes(arguments));
        }
    return any;
}

Result<int> run(const Arguments& arguments, Mode mode) {
    constexpr int differs = 3;
    auto wish = wish_with_warnings(arguments);
    if (!wish) return print_failures(wish.error(), arguments);
    const auto held = mode == Mode::check ? is_any_on_hold(*wish, arguments) : Result<bool>(false);
    if (!held) return tl::unexpected(held.error());
    auto code = reconcile(std::move(wish->config), arguments, mode, nullptr, nullptr,
                          wish->snapshot ? &*wish->snapshot : nullptr);
    return code && *code == 0 && *held ? Result<int>(differs) : code;
}

} // namespace

std::vector<OptionInfo> apply_options() {
    std::vector<OptionInfo> options{
        prune_option(),
        source_option(),
        allow_empty_option(),
        {"confirm", 0, "SECONDS",
         "take the change back unless it is confirmed in time, by Enter or 'vxlanctl confirm'"},
        unless_held_option()};
    append_options(options, change_options());
    append_options(options, write_options());
    options.push_back(wait_option());
    options.push_back(resolve_option());
    return options;
}

std::vector<OptionInfo> plan_options() {
    std::vector<OptionInfo> options{
        prune_option(),       source_option(),
        allow_empty_option(), state_option(),
        unless_held_option(), {"ip-commands", 0, "", "say it as commands of iproute2"}};
    append_options(options, change_options());
    options.push_back(resolve_option());
    return options;
}

std::vector<OptionInfo> check_options() {
    return {prune_option(),       source_option(),  allow_empty_option(),
            unless_held_option(), resolve_option(), all_netns_option()};
}

Result<int> run_apply(const Arguments& arguments) {
    if (arguments.has("dry-run")) return run(arguments, Mode::plan);
    const auto time = seconds_of(arguments, "confirm", {1, 86400}, 60);
    if (!time) return tl::unexpected(time.error());
    auto wish = wish_with_warnings(arguments);
    if (!wish) {
        if (check_source(arguments)) note_failure(arguments); // wrong words are no apply
        return print_failures(wish.error(), arguments);
    }
    const bool by_hand = !arguments.has(unless_held_option().name);
    const Probation probation{*time, [&](const Plan& plan) { return reject(*wish, plan); }};
    const bool confirms = arguments.has("confirm");
    auto code =
        reconcile(std::move(wish->config), arguments, Mode::apply, confirms ? &probation : nullptr);
    if (!code && code.error().kind != ErrorKind::usage) note_failure(arguments);
    if (by_hand && code && (!confirms || *code == 0))
        if (auto released = release(*wish); !released) return tl::unexpected(released.error());
    return code;
}

Result<int> run_plan(const Arguments& arguments) {
    return run(arguments, Mode::plan);
}

Result<int> run_check(const Arguments& arguments) {
    return run(arguments, Mode::check);
}

} // namespace vxlanctl
