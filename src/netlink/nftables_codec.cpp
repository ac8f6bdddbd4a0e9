#include "vxlanctl/netlink/nftables_codec.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace vxlanctl {
namespace {

constexpr std::uint16_t type_of(int message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

void begin_dump(MessageWriter& writer, int message) {
    writer.begin(type_of(message), NLM_F_DUMP, nfgenmsg{NFPROTO_INET, NFNETLINK_V0, 0});
}

std::optional<std::uint64_t> read_big_endian(const nlattr* attribute) {
    const auto value = read_as<std::uint64_t>(attribute);
    return value ? std::optional<std::uint64_t>(be64toh(*value)) : std::nullopt;
}

/// Of NFTA_SET_ELEM_EXPR; false for any other expression than a counter.
bool read_counter(const nlattr* expression, CountedElement& element) {
    bool is_counter = false;
    std::optional<std::uint64_t> packets, bytes;
    for (const nlattr* part : NetlinkAttributes::nested(expression)) {
        if (nla_type(part) == NFTA_EXPR_NAME) is_counter = read_string(part) == "counter";
        if (nla_type(part) != NFTA_EXPR_DATA) continue;
        for (const nlattr* value : NetlinkAttributes::nested(part)) {
            if (nla_type(value) == NFTA_COUNTER_PACKETS) packets = read_big_endian(value);
            if (nla_type(value) == NFTA_COUNTER_BYTES) bytes = read_big_endian(value);
        }
    }
    if (!is_counter || !packets || !bytes) return false;
    element.packets = *packets;
    element.bytes = *bytes;
    return true;
}

std::optional<CountedElement> decode_element(const nlattr* attribute) {
    CountedElement element;
    bool has_address = false, has_counter = false;
    for (const nlattr* part : NetlinkAttributes::nested(attribute)) {
        if (nla_type(part) == NFTA_SET_ELEM_EXPR) has_counter = read_counter(part, element);
        if (nla_type(part) != NFTA_SET_ELEM_KEY) continue;
        for (const nlattr* value : NetlinkAttributes::nested(part)) {
            if (nla_type(value) != NFTA_DATA_VALUE) continue;
            const auto address = read_address(value);
            has_address = address.has_value();
            element.address = address.value_or(IpAddress{});
        }
    }
    return has_address && has_counter ? std::optional(element) : std::nullopt;
}

} // namespace

void encode_dump_inet_tables(MessageWriter& writer) {
    begin_dump(writer, NFT_MSG_GETTABLE);
    writer.finish();
}

std::optional<std::string> decode_table_name(const nlmsghdr* message) {
    if (message->nlmsg_type != type_of(NFT_MSG_NEWTABLE)) return std::nullopt;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof(nfgenmsg)))
        if (nla_type(attribute) == NFTA_TABLE_NAME) return read_string(attribute);
    return std::nullopt;
}

void encode_dump_set_elements(MessageWriter& writer, const std::string& table,
                              const std::string& set) {
    begin_dump(writer, NFT_MSG_GETSETELEM);
    writer.put_string(NFTA_SET_ELEM_LIST_TABLE, table);
    writer.put_string(NFTA_SET_ELEM_LIST_SET, set);
    writer.finish();
}

std::vector<CountedElement> decode_set_elements(const nlmsghdr* message) {
    std::vector<CountedElement> elements;
    if (message->nlmsg_type != type_of(NFT_MSG_NEWSETELEM)) return elements;
    for (const nlattr* list : NetlinkAttributes::of_message(message, sizeof(nfgenmsg))) {
        if (nla_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
        for (const nlattr* attribute : NetlinkAttributes::nested(list))
            if (const auto element = decode_element(attribute)) elements.push_back(*element);
    }
    return elements;
}

} // namespace vxlanctl
