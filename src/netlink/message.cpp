#include "vxlanctl/netlink/message.h"

#include <algorithm>
#include <arpa/inet.h>
#include <new>
#include <stdexcept>

namespace vxlanctl {
namespace {

// The largest message is a route put back with all of its attributes: far below this.
constexpr std::size_t scratch_size = 8192;

/// Running out of scratch is a bug, not a condition.
void expect(int result) {
    if (result < 0) throw std::length_error("a netlink message is larger than its buffer");
}

MessageScratch spare; // of a writer before: libnl clears each new one

} // namespace

MessageWriter::MessageWriter(MessageBatch& batch)
    : batch_(batch),
      message_(spare ? std::move(spare) : MessageScratch(nlmsg_alloc_size(scratch_size))) {
    if (!message_) throw std::bad_alloc();
}

MessageWriter::~MessageWriter() {
    spare = std::move(message_);
}

void MessageWriter::begin_message(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr* header = nlmsg_hdr(message_.get());
    *header = {};
    header->nlmsg_len = NLMSG_HDRLEN;
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
}

void MessageWriter::append(const void* data, std::size_t size) {
    expect(nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO));
}

std::span<std::uint8_t> MessageWriter::put(int attribute, std::span<const std::uint8_t> payload) {
    nlattr* place = nla_reserve(message_.get(), attribute, static_cast<int>(payload.size()));
    if (place == nullptr) expect(-1);
    auto* const begin = static_cast<std::uint8_t*>(nla_data(place));
    std::copy(payload.begin(), payload.end(), begin);
    return {begin, payload.size()};
}

void MessageWriter::put(int attribute, std::span<const std::byte> payload) {
    expect(nla_put(message_.get(), attribute, static_cast<int>(payload.size()), payload.data()));
}

void MessageWriter::put_u8(int attribute, std::uint8_t value) {
    expect(nla_put_u8(message_.get(), attribute, value));
}

void MessageWriter::put_u16(int attribute, std::uint16_t value) {
    expect(nla_put_u16(message_.get(), attribute, value));
}

void MessageWriter::put_u32(int attribute, std::uint32_t value) {
    expect(nla_put_u32(message_.get(), attribute, value));
}

void MessageWriter::put_big_endian(int attribute, std::uint16_t value) {
    expect(nla_put_u16(message_.get(), attribute, htons(value)));
}

void MessageWriter::put_big_endian(int attribute, std::uint32_t value) {
    expect(nla_put_u32(message_.get(), attribute, htonl(value)));
}

void MessageWriter::put_flag(int attribute) {
    expect(nla_put_flag(message_.get(), attribute));
}

void MessageWriter::put_string(int attribute, const std::string& value) {
    expect(nla_put_string(message_.get(), attribute, value.c_str()));
}

void MessageWriter::put_raw(std::span<const std::byte> attributes) {
    if (!attributes.empty()) append(attributes.data(), attributes.size());
}

nlattr* MessageWriter::begin_nest(int attribute) {
    nlattr* nest = nla_nest_start(message_.get(), attribute);
    if (nest == nullptr) expect(-1);
    return nest;
}

void MessageWriter::end_nest(nlattr* nest) {
    nla_nest_end(message_.get(), nest);
}

void MessageWriter::finish() {
    const nlmsghdr* header = nlmsg_hdr(message_.get());
    batch_.offsets.push_back(batch_.bytes.size());
    // Its length is aligned, since libnl pads whatever it appends.
    const auto* begin = reinterpret_cast<const std::byte*>(header);
    batch_.bytes.insert(batch_.bytes.end(), begin, begin + header->nlmsg_len);
}

NetlinkAttributes NetlinkAttributes::of_message(const nlmsghdr* message, std::size_t header_size) {
    const std::size_t begin = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);
    if (message->nlmsg_len < begin) return NetlinkAttributes({});
    return NetlinkAttributes(
        {reinterpret_cast<const std::byte*>(message) + begin, message->nlmsg_len - begin});
}

NetlinkAttributes NetlinkAttributes::nested(const nlattr* attribute) {
    return NetlinkAttributes(payload(attribute));
}

std::span<const std::byte> payload(const nlattr* attribute) {
    return {static_cast<const std::byte*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
}

std::optional<IpAddress> read_address(const nlattr* attribute) {
    const auto bytes = payload(attribute);
    if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
    return address_from_wire({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::optional<MacAddress> read_mac(const nlattr* attribute) {
    const auto bytes = read_as<std::array<std::uint8_t, 6>>(attribute);
    return bytes ? std::optional(MacAddress{*bytes}) : std::nullopt;
}

std::string read_string(const nlattr* attribute) {
    const auto bytes = payload(attribute);
    const auto* begin = reinterpret_cast<const char*>(bytes.data());
    return {begin, std::find(begin, begin + bytes.size(), '\0')};
}

} // namespace vxlanctl
