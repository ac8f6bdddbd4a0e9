#pragma once

#include "vxlanctl/runtime.h"

namespace vxlanctl {

/// The network namespace of a record.
struct RecordOrigin {
    NamespaceId space;
    std::uint64_t cookie = 0; ///< never given twice, unlike an inode (SO_NETNS_COOKIE); 0: unknown
    bool operator==(const RecordOrigin&) const = default;
};

/// A record as the text of its file (JSON), with the network namespace that its link is in.
std::string record_text(const Record& record, const RecordOrigin& origin);
/// The inverse; empty for a text that is none. What it does not know is left out.
std::optional<Record> parse_record(const std::string& text);
std::optional<RecordOrigin> origin_of_record(const std::string& text);

} // namespace vxlanctl
