#include "vxlanctl/kernel/look_up.h"

#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"

#include <cerrno>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

bool never_fatal(const Failure&) {
    return false;
}

/// An answer for each query, in a request of one message for each.
Result<std::vector<RouteLookup>> ask(Netlink& netlink, const std::vector<RouteQuery>& queries,
                                     void (*encode)(MessageWriter&, const RouteQuery&)) {
    std::vector<RouteLookup> answers(queries.size());
    if (queries.empty()) return answers;
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const auto& query : queries)
        encode(writer, query);
    std::vector<std::optional<RouteLookup>> found;
    const auto failures = netlink.request(
        batch, [&](const nlmsghdr* message) { found.push_back(decode_found_route(message)); }, {},
        never_fatal);
    if (!failures) return tl::unexpected(failures.error());
    for (const auto& failure : *failures)
        answers[failure.message].code = failure.code;
    auto next = found.begin(); // the kernel answers in the order of the questions
    for (auto& answer : answers) {
        if (answer.code != 0) continue;
        if (next != found.end() && *next)
            answer = **next;
        else
            answer.code = ENETUNREACH;
        if (next != found.end()) ++next;
        if (answer.type == RTN_BLACKHOLE || answer.type == RTN_UNREACHABLE ||
            answer.type == RTN_PROHIBIT || answer.type == RTN_THROW)
            answer.code = EHOSTUNREACH;
    }
    return answers;
}

} // namespace

Result<std::vector<RouteLookup>> look_up(Netlink& netlink, const std::vector<RouteQuery>& queries) {
    return ask(netlink, queries, encode_look_up_route);
}

Result<std::vector<RouteLookup>> resolve_routes(Netlink& netlink,
                                                const std::vector<RouteQuery>& queries) {
    return ask(netlink, queries, encode_resolve_route);
}

Result<std::vector<Link>> links_of(Netlink& netlink, const std::set<int>& indexes) {
    std::vector<Link> links;
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const int index : indexes)
        if (index != 0) encode_get_link(writer, index);
    if (batch.offsets.empty()) return links;
    const auto failures = netlink.request(
        batch,
        [&](const nlmsghdr* message) {
            if (auto link = decode_link(message)) links.push_back(std::move(*link));
        },
        {}, never_fatal);
    if (!failures) return tl::unexpected(failures.error());
    return links;
}

Result<std::uint32_t> unused_table(Netlink& netlink, Family family, std::uint32_t first) {
    constexpr std::uint32_t tries = 8;
    for (std::uint32_t table = first; table < first + tries; ++table) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_routes(writer, family, 0, table);
        bool is_used = false;
        const auto done = netlink.dump(
            batch, [&](const nlmsghdr*) { is_used = true; }, [&] { is_used = false; });
        if (!done && done.error().errno_code != ENOENT) return tl::unexpected(done.error());
        if (!is_used) return table;
    }
    return std::uint32_t{0};
}

} // namespace vxlanctl
