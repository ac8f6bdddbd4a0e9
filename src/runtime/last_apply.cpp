#include "vxlanctl/runtime/last_apply.h"

#include "vxlanctl/base/json_members.h"
#include "vxlanctl/runtime/runtime.h"

#include <fcntl.h>

namespace vxlanctl {
namespace {

constexpr const char* last_apply_file = "last-apply";
constexpr const char* fresh_last_apply = "new-last-apply"; // swept like that of a record

} // namespace

std::string last_apply_text(const LastApply& last, const Identity& here) {
    using namespace std::chrono;
    const auto since = duration_cast<milliseconds>(last.time.time_since_epoch()).count();
    return nlohmann::json{{"milliseconds", since},
                          {"succeeded", last.succeeded},
                          {"namespace", nlohmann::json::parse(identity_text(here))}}
               .dump() +
           "\n";
}

std::optional<LastApply> parse_last_apply(const std::string& text, const Identity& here) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto space = json.find("namespace"), succeeded = json.find("succeeded");
    // Of a time before 1970, or none, nothing can be told.
    const auto since = number_in<std::uint64_t>(json, "milliseconds");
    if (space == json.end() || succeeded == json.end() || !succeeded->is_boolean() || since == 0)
        return std::nullopt;
    const auto about = parse_identity(space->dump());
    if (!about || !agree(*about, here)) return std::nullopt;
    return LastApply{std::chrono::system_clock::time_point(std::chrono::milliseconds(since)),
                     succeeded->get<bool>()};
}

Result<void> RuntimeDirectory::write_last_apply(const LastApply& last) {
    FileDescriptor& own = places_.front().own;
    if (own.get() < 0) {
        auto made = make_own();
        if (!made) return tl::unexpected(made.error());
        own = std::move(*made);
    }
    return replace_file(own, fresh_last_apply, last_apply_file,
                        last_apply_text(last, identity_of(*kernel_)));
}

std::optional<LastApply> RuntimeDirectory::read_last_apply() const {
    const Identity here = identity_of(*kernel_);
    for (const auto& place : places_) {
        if (place.own.get() < 0) continue;
        const auto file = open_file(place.own, last_apply_file, O_RDONLY);
        if (!file) continue;
        if (auto last = parse_last_apply(read_all(file->get()), here)) return last;
    }
    return std::nullopt;
}

} // namespace vxlanctl
