#pragma once

#include "vxlanctl/kernel/namespaces.h"
#include "vxlanctl/model/model.h"

namespace vxlanctl {

/// The network namespace of a record of 0.1, which kept those of all namespaces side by side.
struct RecordOrigin {
    NamespaceId space;
    std::uint64_t cookie = 0; ///< never given twice, unlike an inode (SO_NETNS_COOKIE); 0: unknown
    bool operator==(const RecordOrigin&) const = default;
};

/// A record as the text of its file (JSON).
std::string record_text(const Record& record);
/// The inverse; empty for a text that is none. What it does not know is left out.
std::optional<Record> parse_record(const std::string& text);
/// What 0.1 wrote beside it.
std::optional<RecordOrigin> origin_of_record(const std::string& text);

} // namespace vxlanctl
