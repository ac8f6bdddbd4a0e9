#pragma once

#include "vxlanctl/base/address.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Netlink messages as bytes, with libnl's attribute functions. Nothing here touches a socket.
namespace vxlanctl {

/// Finished messages, one behind the other and each aligned, as one send takes them.
struct MessageBatch {
    std::vector<std::byte> bytes;
    std::vector<std::size_t> offsets; ///< where each message begins
};

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using MessageScratch = std::unique_ptr<nl_msg, FreeMessage>;

/// Writes messages into a batch. One libnl message serves as the scratch for all of them.
class MessageWriter {
public:
    explicit MessageWriter(MessageBatch& batch);
    ~MessageWriter();
    MessageWriter(const MessageWriter&) = delete;
    MessageWriter& operator=(const MessageWriter&) = delete;

    /// Begins a message with its fixed header (ifinfomsg, ndmsg, …), whose fields are in host
    /// order.
    template<class Header>
    void begin(std::uint16_t type, std::uint16_t flags, const Header& header) {
        begin_message(type, flags);
        append(&header, sizeof header);
    }
    /// Gives the payload's place, so that a message like it can be made from it: what is written
    /// there goes into the next finish().
    std::span<std::uint8_t> put(int attribute, std::span<const std::uint8_t> payload);
    void put(int attribute, std::span<const std::byte> payload);
    void put_u8(int attribute, std::uint8_t value);
    void put_u16(int attribute, std::uint16_t value);
    void put_u32(int attribute, std::uint32_t value);
    void put_big_endian(int attribute, std::uint16_t value);
    void put_big_endian(int attribute, std::uint32_t value);
    void put_flag(int attribute);
    /// Zero-terminated, as the kernel wants link names and kinds.
    void put_string(int attribute, const std::string& value);
    /// Attributes that were received elsewhere, headers included.
    void put_raw(std::span<const std::byte> attributes);
    nlattr* begin_nest(int attribute);
    void end_nest(nlattr* nest);
    /// Copies the message into the batch. It stays, and may be changed and finished again.
    void finish();

private:
    void begin_message(std::uint16_t type, std::uint16_t flags);
    void append(const void* data, std::size_t size);

    MessageBatch& batch_;
    MessageScratch message_;
};

// Reading. A payload of an unexpected length gives nothing, never an overrun; an unknown attribute
// is skipped.

/// The fixed header of a message, if the message is long enough to have one.
template<class Header> const Header* fixed_header(const nlmsghdr* message) {
    return message->nlmsg_len >= NLMSG_LENGTH(sizeof(Header))
               ? static_cast<const Header*>(nlmsg_data(message))
               : nullptr;
}

/// A run of attributes, for a range-based for loop.
class NetlinkAttributes {
public:
    explicit NetlinkAttributes(std::span<const std::byte> bytes) : bytes_(bytes) {}
    /// Those behind a message's fixed header of `header_size` bytes.
    static NetlinkAttributes of_message(const nlmsghdr* message, std::size_t header_size);
    /// Those nested in an attribute.
    static NetlinkAttributes nested(const nlattr* attribute);

    class Iterator {
    public:
        Iterator(const nlattr* attribute, int remaining)
            : attribute_(attribute), remaining_(remaining) {}
        const nlattr* operator*() const { return attribute_; }
        Iterator& operator++() {
            attribute_ = nla_next(attribute_, &remaining_);
            return *this;
        }
        /// Only ever compared with end(): whether no whole attribute is left.
        bool operator!=(const Iterator&) const { return nla_ok(attribute_, remaining_) != 0; }

    private:
        const nlattr* attribute_;
        int remaining_;
    };
    Iterator begin() const {
        return {reinterpret_cast<const nlattr*>(bytes_.data()), static_cast<int>(bytes_.size())};
    }
    Iterator end() const { return {nullptr, 0}; }

private:
    std::span<const std::byte> bytes_;
};

std::span<const std::byte> payload(const nlattr* attribute);
/// A payload of exactly this type's size, in the byte order it arrived in.
template<class T> std::optional<T> read_as(const nlattr* attribute) {
    if (static_cast<std::size_t>(nla_len(attribute)) != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, nla_data(attribute), sizeof value);
    return value;
}
std::optional<IpAddress> read_address(const nlattr* attribute);
std::optional<MacAddress> read_mac(const nlattr* attribute);
/// Up to the first zero byte or the end.
std::string read_string(const nlattr* attribute);

} // namespace vxlanctl
