#include "vxlanctl/run/together.h"

#include "vxlanctl/netlink/link_codec.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <span>
#include <sys/random.h>
#include <system_error>

namespace vxlanctl {
namespace {

constexpr int most_draws = 3;                   ///< of a group that another link may be in
constexpr std::uint32_t sign_bit = 0x8000'0000; ///< iproute2 takes a group for a signed number

std::uint32_t random_group() {
    std::uint32_t group = 0;
    while (group == 0) {
        if (getrandom(&group, sizeof group, 0) != sizeof group) // never fails for so few bytes
            throw std::system_error(errno, std::generic_category(), "getrandom");
        group &= ~sign_bit;
    }
    return group;
}

/// The groups of all links, by ifindex.
Result<std::map<int, std::uint32_t>> groups_in(const Kernel& kernel) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_links(writer, "", false);
    std::map<int, std::uint32_t> groups;
    const auto note = [&](const nlmsghdr* message) {
        if (const auto link = decode_link(message))
            groups[link->index] = link->attributes.group.value_or(0);
    };
    auto done = Netlink(*socket).dump(batch, note, [&] { groups.clear(); });
    if (!done) return tl::unexpected(done.error());
    return groups;
}

/// Puts each link into a group. One that has gone needs none.
Result<void> set_groups(const Kernel& kernel, std::span<const MovedLinks::Link> links,
                        const std::function<std::uint32_t(const MovedLinks::Link&)>& group_of) {
    if (links.empty()) return {};
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const auto& link : links) {
        LinkAttributes changed;
        changed.group = group_of(link);
        encode_change(writer, link.index, changed, [](const std::string&) { return 0; });
    }
    const auto is_fatal = [](const Failure& failure) { return failure.code != ENODEV; };
    const auto failures = Netlink(*socket).request(
        batch, [](const nlmsghdr*) {}, {}, is_fatal);
    if (!failures) return tl::unexpected(failures.error());
    const auto real = std::find_if(failures->begin(), failures->end(), is_fatal);
    if (real == failures->end()) return {};
    return error(Error(Code::cannot_set_group, "", {{"group", group_of(links[real->message])}})
                     .with(real->code, real->kernel_text));
}

/// What is in the group.
enum class Content : std::uint8_t { ours, others_as_well, not_all };
Content content_of(const MovedLinks& moved, const std::map<int, std::uint32_t>& groups) {
    std::set<int> ours;
    for (const auto& link : moved.links)
        ours.insert(link.index);
    for (const auto& [index, group] : groups)
        if (group == moved.group && !ours.contains(index)) return Content::others_as_well;
    const bool all = std::all_of(ours.begin(), ours.end(), [&](int index) {
        const auto found = groups.find(index);
        return found == groups.end() || found->second == moved.group; // or it has gone
    });
    return all ? Content::ours : Content::not_all;
}

/// Removes all links of the group.
bool remove_group(const Kernel& kernel, std::uint32_t group) {
    auto socket = kernel.netlink();
    if (!socket) return false;
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_delete_group(writer, group);
    const auto failures = Netlink(*socket).request(batch, [](const nlmsghdr*) {});
    // ENODEV: no link is in it any more.
    return failures && std::all_of(failures->begin(), failures->end(),
                                   [](const auto& failure) { return failure.code == ENODEV; });
}

/// The same for links that are not too many.
std::set<int> remove_at_once(const Kernel& kernel, RuntimeDirectory& records,
                             const std::vector<MovedLinks::Link>& links) {
    std::set<int> gone;
    for (const auto& link : links)
        gone.insert(link.index);
    for (int draw = 0; draw < most_draws; ++draw) {
        const MovedLinks moved{random_group(), links};
        if (!records.write_moved(moved)) return {};
        const auto all_in_one = [&](const MovedLinks::Link&) { return moved.group; };
        const auto set = set_groups(kernel, links, all_in_one);
        const auto groups = set ? groups_in(kernel) : tl::unexpected(set.error());
        const auto content = groups ? content_of(moved, *groups) : Content::not_all;
        if (content == Content::ours && remove_group(kernel, moved.group)) {
            (void)records.remove_moved(); // the next run finds none of them
            return gone;
        }
        if (!put_back_moved(kernel, records) || content != Content::others_as_well) break;
    }
    // Of what was sent, and answered by nobody, only the kernel knows what came of it.
    const auto left = groups_in(kernel);
    std::erase_if(gone, [&](int index) { return !left || left->contains(index); });
    return gone;
}

} // namespace

std::set<int> remove_together(const Kernel& kernel, RuntimeDirectory& records,
                              const std::vector<MovedLinks::Link>& links) {
    std::set<int> gone;
    for (std::size_t first = 0; first < links.size(); first += most_together) {
        const auto part =
            std::span(links).subspan(first, std::min(most_together, links.size() - first));
        gone.merge(remove_at_once(kernel, records, {part.begin(), part.end()}));
    }
    return gone;
}

Step move_to_group(const std::string& link) {
    LinkAttributes changed;
    changed.group = 0; // whichever it was: what it had comes back
    return {ChangeLink{link, changed}, {}, Disruption::none};
}

Result<std::size_t> put_back_moved(const Kernel& kernel, RuntimeDirectory& records) {
    auto moved = records.read_moved();
    if (!moved) return tl::unexpected(moved.error());
    if (!*moved) return 0;
    auto& links = (**moved).links;
    const auto groups = groups_in(kernel);
    if (!groups) return tl::unexpected(groups.error());
    std::erase_if(links, [&](const MovedLinks::Link& link) {
        const auto found = groups->find(link.index);
        return found == groups->end() || found->second != (**moved).group;
    });
    const auto its_own = [](const MovedLinks::Link& link) { return link.group; };
    if (auto set = set_groups(kernel, links, its_own); !set) return tl::unexpected(set.error());
    if (auto removed = records.remove_moved(); !removed) return tl::unexpected(removed.error());
    return links.size();
}

} // namespace vxlanctl
