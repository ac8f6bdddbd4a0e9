// Answers that a well-behaved kernel never gives, or gives only under load.
#include "vxlanctl/netlink/netlink.h"

#include "vxlanctl/netlink/link_codec.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <deque>
#include <linux/rtnetlink.h>

using namespace vxlanctl;

namespace {

/// Answers with prepared datagrams. Sequence numbers count from 1, a message each.
class FakeKernel : public Transport {
public:
    Result<void> send(std::span<const std::byte> datagram) override {
        ++sends;
        sent.assign(datagram.begin(), datagram.end());
        return {};
    }

    Result<std::span<const std::byte>> receive() override {
        if (answers.empty())
            return tl::unexpected(Error(Code::kernel_does_not_answer).with(ETIMEDOUT));
        current_ = answers.front();
        answers.pop_front();
        if (current_.empty())
            return tl::unexpected(Error(Code::cannot_receive_from_kernel).with(ENOBUFS));
        return std::span<const std::byte>(current_);
    }

    Result<void> join(int) override {
        if (joins) return {};
        return tl::unexpected(Error(Code::cannot_send_to_kernel).with(EPERM));
    }
    void leave(int) override {}

    /// A datagram with one message.
    void answer(std::uint16_t type, std::uint16_t flags, std::vector<std::byte> payload,
                std::uint32_t sequence) {
        nlmsghdr header{};
        header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + payload.size());
        header.nlmsg_type = type;
        header.nlmsg_flags = flags;
        header.nlmsg_seq = sequence;
        std::vector<std::byte> bytes(sizeof header);
        std::memcpy(bytes.data(), &header, sizeof header);
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        bytes.resize(NLMSG_ALIGN(bytes.size()));
        answers.push_back(bytes);
    }

    std::deque<std::vector<std::byte>> answers;
    std::vector<std::byte> sent;
    int sends = 0;
    bool joins = true; ///< groups of events

private:
    std::vector<std::byte> current_;
};

template<class Value> std::vector<std::byte> bytes_of(const Value& value) {
    const auto* begin = reinterpret_cast<const std::byte*>(&value);
    return {begin, begin + sizeof value};
}

std::vector<std::byte> error_payload(int code, const std::string& text = {}) {
    nlmsgerr error{};
    error.error = -code;
    auto bytes = bytes_of(error);
    if (!text.empty()) {
        nlattr attribute{};
        attribute.nla_type = NLMSGERR_ATTR_MSG;
        attribute.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + text.size() + 1);
        const auto header = bytes_of(attribute);
        bytes.insert(bytes.end(), header.begin(), header.end());
        for (const char character : text)
            bytes.push_back(static_cast<std::byte>(character));
        bytes.push_back(std::byte{0});
    }
    return bytes;
}

MessageBatch links(int count) {
    MessageBatch batch;
    MessageWriter writer(batch);
    for (int i = 0; i < count; ++i)
        encode_get_link(writer, i + 1);
    return batch;
}

} // namespace

TEST_CASE("netlink: an error inside NLMSG_DONE fails the dump") {
    FakeKernel kernel;
    kernel.answer(RTM_NEWLINK, NLM_F_MULTI, bytes_of(ifinfomsg{}), 1);
    kernel.answer(NLMSG_DONE, NLM_F_MULTI, bytes_of(-EMSGSIZE), 1);
    int seen = 0;
    const auto done = Netlink(kernel).dump(
        links(1), [&](const nlmsghdr*) { ++seen; }, [] {});
    REQUIRE_FALSE(done);
    CHECK(done.error().errno_code == EMSGSIZE);
    CHECK(seen == 1);
}

TEST_CASE("netlink: an interrupted dump is repeated, but not for ever") {
    FakeKernel kernel;
    const int times = GENERATE(2, 9);
    for (int i = 1; i <= times; ++i) {
        kernel.answer(RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, bytes_of(ifinfomsg{}),
                      static_cast<std::uint32_t>(i));
        kernel.answer(NLMSG_DONE, NLM_F_MULTI, bytes_of(0), static_cast<std::uint32_t>(i));
    }
    kernel.answer(NLMSG_DONE, NLM_F_MULTI, bytes_of(0), static_cast<std::uint32_t>(times + 1));
    int restarts = 0;
    const auto done = Netlink(kernel).dump(
        links(1), [](const nlmsghdr*) {}, [&] { ++restarts; });
    CHECK(done.has_value() == (times == 2));
    CHECK(restarts == (times == 2 ? 2 : 4));
    if (!done) CHECK(done.error().code == Code::changes_too_fast);
}

TEST_CASE("netlink: a watched dump tells whether its table has changed meanwhile") {
    FakeKernel kernel;
    Netlink netlink(kernel);
    TableWatch watch{RTNLGRP_NEIGH,
                     [](const nlmsghdr* message) { return message->nlmsg_type == RTM_DELNEIGH; }};
    bool quiet = true;
    SECTION("nothing happened") {}
    SECTION("it cannot be watched, as the last one could") {
        kernel.joins = false;
        watch.is_quiet = true;
        quiet = false;
    }
    SECTION("something else did") {
        kernel.answer(RTM_NEWNEIGH, 0, bytes_of(ndmsg{}), 0);
    }
    SECTION("an event") {
        kernel.answer(RTM_DELNEIGH, 0, bytes_of(ndmsg{}), 0);
        quiet = false;
    }
    SECTION("a lost event, which is no lost answer") {
        kernel.answers.emplace_back();
        quiet = false;
    }
    kernel.answer(NLMSG_DONE, NLM_F_MULTI, bytes_of(int{0}), 1);
    const auto done = netlink.dump(
        links(1), [](const nlmsghdr*) {}, [] {}, &watch);
    CHECK(done.has_value());
    CHECK(watch.is_quiet == quiet);
}

TEST_CASE("netlink: a dump that stops in the middle is an error, not a short list") {
    FakeKernel kernel;
    kernel.answer(RTM_NEWLINK, NLM_F_MULTI, bytes_of(ifinfomsg{}), 1);
    const auto done = Netlink(kernel).dump(
        links(1), [](const nlmsghdr*) {}, [] {});
    REQUIRE_FALSE(done);
    CHECK(done.error().errno_code == ETIMEDOUT);
}

TEST_CASE("netlink: a datagram that is cut short is an error") {
    FakeKernel kernel;
    kernel.answer(RTM_NEWLINK, NLM_F_MULTI, bytes_of(ifinfomsg{}), 1);
    kernel.answers.front().resize(20);
    const auto done = Netlink(kernel).dump(
        links(1), [](const nlmsghdr*) {}, [] {});
    REQUIRE_FALSE(done);
    CHECK(done.error().errno_code == EBADMSG);
}

TEST_CASE("netlink: refusals are matched to their messages by sequence number") {
    FakeKernel kernel;
    kernel.answer(NLMSG_ERROR, 0, error_payload(0), 77); // to somebody's earlier question
    kernel.answer(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS,
                  error_payload(EEXIST, "A VXLAN device with the specified VNI already exists"), 2);
    kernel.answer(NLMSG_ERROR, NLM_F_CAPPED, error_payload(ENODEV), 4);
    kernel.answer(NLMSG_ERROR, NLM_F_CAPPED, error_payload(0), 5);
    auto batch = links(5);
    const auto failures = Netlink(kernel).request(batch, [](const nlmsghdr*) {});
    REQUIRE(failures);
    REQUIRE(failures->size() == 2);
    CHECK((*failures)[0].message == 1);
    CHECK((*failures)[0].code == EEXIST);
    CHECK((*failures)[0].kernel_text == "A VXLAN device with the specified VNI already exists");
    CHECK((*failures)[1].message == 3);
    CHECK((*failures)[1].kernel_text.empty());
    CHECK(kernel.sends == 1);
}

TEST_CASE("netlink: a large batch takes few sends, and stops behind a refusal") {
    FakeKernel kernel;
    auto batch = links(10000);
    for (std::uint32_t last = 1; last <= 10000; ++last)
        kernel.answer(NLMSG_ERROR, 0, error_payload(last == 700 ? EINVAL : 0), last);
    const auto failures = Netlink(kernel).request(batch, [](const nlmsghdr*) {});
    REQUIRE(failures);
    CHECK(failures->size() == 1);
    CHECK(kernel.sends == 1);
    CHECK(kernel.sent.size() <= 65536);
}

TEST_CASE("netlink: a large batch is broken off between two sends when that is wished") {
    FakeKernel kernel;
    auto batch = links(10000);
    for (std::uint32_t last = 1; last <= 10000; ++last)
        kernel.answer(NLMSG_ERROR, 0, error_payload(0), last);
    std::size_t done = 0;
    const auto failures = Netlink(kernel).request(
        batch, [](const nlmsghdr*) {},
        [&](std::size_t now) {
            done = now;
            return kernel.sends < 2;
        });
    REQUIRE(failures);
    CHECK(failures->empty());
    CHECK(kernel.sends == 2);
    CHECK(done > 0);
    CHECK(done < 10000);
}

TEST_CASE("netlink: a lost acknowledgement is an error of its own") {
    FakeKernel kernel;
    auto batch = links(2);
    const auto failures = Netlink(kernel).request(batch, [](const nlmsghdr*) {});
    REQUIRE_FALSE(failures);
    CHECK(failures.error().errno_code == ETIMEDOUT);
}

TEST_CASE("netlink: an acknowledgement's text of any length does no harm") {
    for (std::size_t size = 0; size < 60; ++size) {
        auto payload = error_payload(EEXIST, "a text");
        payload.resize(std::min(size, payload.size()));
        FakeKernel kernel;
        kernel.answer(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, payload, 1);
        auto batch = links(1);
        (void)Netlink(kernel).request(batch, [](const nlmsghdr*) {});
    }
    SUCCEED();
}
