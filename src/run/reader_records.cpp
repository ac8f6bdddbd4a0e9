#include "vxlanctl/run/state_reader.h"

#include "vxlanctl/netlink/settings_codec.h"

#include <algorithm>

namespace vxlanctl {

Result<void> StateReader::read_settings() {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_get_settings(writer);
    const auto failures = netlink_.request(
        batch, [&](const nlmsghdr* message) { decode_settings(message, state_.settings); });
    return failures ? Result<void>() : while_reading(failures.error(), "settings of all links");
}

Result<void> StateReader::read_record(const Link& link) {
    const auto mark =
        records_ == nullptr ? std::nullopt : mark_of(link.attributes.alias.value_or(""));
    if (!mark || state_.records.contains(mark->id)) return {};
    auto record = records_->read_record(mark->id);
    if (!record && record.error().code == Code::record_not_understood) {
        state_.unreadable_records.insert(mark->id);
        return {};
    }
    if (!record) return tl::unexpected(record.error());
    if (*record) state_.records.emplace(mark->id, std::move(**record));
    return {};
}

Result<void> StateReader::read_all_records() {
    std::set<std::string> marked;
    Result<void> all_read;
    auto done = dump([](MessageWriter& writer) { encode_dump_links(writer, "", false); }, "links",
                     [&](const nlmsghdr* message) {
                         const auto link = decode_link(message);
                         if (!link) return;
                         if (auto read = read_record(*link); !read) all_read = read;
                         if (const auto mark = mark_of(link->attributes.alias.value_or("")))
                             marked.insert(mark->id);
                     },
                     [] {});
    if (done && records_ != nullptr)
        state_.orphans =
            records_->orphans([&](const std::string& id) { return marked.contains(id); });
    return done ? all_read : done;
}

} // namespace vxlanctl
