// Readings of tables that change while they are read.
#include "vxlanctl/run/reader.h"

#include "vxlanctl/netlink/fdb_codec.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <deque>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

using namespace vxlanctl;

namespace {

constexpr int link_index = 7;

/// Has one VXLAN, whose forwarding database reads differently each time, in two datagrams.
class RestlessKernel : public Transport {
public:
    /// One reading: the flood list that it shows, and which MAC beside it.
    void show(const std::vector<FloodEntry>& flood_list, std::uint8_t mac) {
        MessageBatch batch;
        MessageWriter writer(batch);
        const auto no_links = [](const std::string&) { return 0; };
        encode_add_flood(writer, link_index, flood_list, permanent_flood_state, own_flood_flags,
                         no_links);
        MacEntry entry;
        entry.mac.bytes = {2, 0, 0, 0, 0, mac};
        entry.remote.dst = *parse_address("100.64.158.4");
        entry.state = 2;
        encode_add_mac(writer, link_index, entry, no_links);
        tables_.push_back(std::move(batch));
    }

    int readings = 0;
    bool tells = true; ///< by an event that its table changes while it is read

    Result<void> join(int) override { return {}; }
    void leave(int) override {}

    Result<void> send(std::span<const std::byte> datagram) override {
        const auto* request = reinterpret_cast<const nlmsghdr*>(datagram.data());
        if (request->nlmsg_type == RTM_GETLINK) answer(link());
        if (request->nlmsg_type == RTM_GETNEIGH) {
            ++readings;
            answer(tables_.front());
            answer({});
            if (tables_.size() > 1) tables_.pop_front();
        }
        MessageBatch done;
        MessageWriter writer(done);
        writer.begin(NLMSG_DONE, NLM_F_MULTI, int{0});
        writer.finish();
        answer(done);
        for (auto& bytes : answers_)
            for (std::size_t at = 0; at < bytes.size();) {
                auto* message = reinterpret_cast<nlmsghdr*>(bytes.data() + at);
                message->nlmsg_seq = request->nlmsg_seq;
                at += NLMSG_ALIGN(message->nlmsg_len);
            }
        if (tells && request->nlmsg_type == RTM_GETNEIGH)
            answers_.insert(answers_.begin() + 1, event().bytes);
        return {};
    }

    Result<std::span<const std::byte>> receive() override {
        if (answers_.empty())
            return tl::unexpected(Error(Code::kernel_does_not_answer).with(ETIMEDOUT));
        current_ = std::move(answers_.front());
        answers_.pop_front();
        return std::span<const std::byte>(current_);
    }

private:
    /// An entry has gone.
    static MessageBatch event() {
        MessageBatch batch;
        MessageWriter writer(batch);
        ndmsg header{};
        header.ndm_family = AF_BRIDGE;
        header.ndm_ifindex = link_index;
        writer.begin(RTM_DELNEIGH, 0, header);
        writer.finish();
        reinterpret_cast<nlmsghdr*>(batch.bytes.data())->nlmsg_seq = 0;
        return batch;
    }

    static MessageBatch link() {
        MessageBatch batch;
        MessageWriter writer(batch);
        ifinfomsg header{};
        header.ifi_index = link_index;
        writer.begin(RTM_NEWLINK, NLM_F_MULTI, header);
        writer.put_string(IFLA_IFNAME, "vxlan0");
        auto* info = writer.begin_nest(IFLA_LINKINFO);
        writer.put_string(IFLA_INFO_KIND, "vxlan");
        writer.end_nest(info);
        writer.finish();
        return batch;
    }

    void answer(const MessageBatch& batch) { answers_.push_back(batch.bytes); }

    std::deque<MessageBatch> tables_;
    std::deque<std::vector<std::byte>> answers_;
    std::vector<std::byte> current_;
};

/// Has the VXLANs `mine` and `other`, of which the second one vanishes when it was listed. What is
/// asked of it by its index is refused, as the kernel does.
class VanishingKernel : public Transport {
public:
    explicit VanishingKernel(std::uint16_t refused) : refused_(refused) {}

    Result<void> join(int) override { return {}; }
    void leave(int) override {}

    Result<void> send(std::span<const std::byte> datagram) override {
        answer_.clear();
        while (datagram.size() >= sizeof(nlmsghdr)) {
            const auto* request = reinterpret_cast<const nlmsghdr*>(datagram.data());
            answer(request);
            const std::size_t size = NLMSG_ALIGN(request->nlmsg_len);
            datagram = datagram.subspan(std::min(size, datagram.size()));
        }
        return {};
    }

    Result<std::span<const std::byte>> receive() override {
        return std::span<const std::byte>(answer_);
    }

private:
    static constexpr int mine = 7, other = 8;

    void answer(const nlmsghdr* request) {
        const bool is_dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
        MessageBatch answer;
        MessageWriter writer(answer);
        if (request->nlmsg_type == RTM_GETLINK && is_dump) {
            add_link(writer, mine, "mine");
            add_link(writer, other, "other");
        }
        const bool refuses = request->nlmsg_type == refused_ && names_other(request);
        if (refuses || !is_dump)
            writer.begin(NLMSG_ERROR, 0, nlmsgerr{refuses ? -ENODEV : 0, *request});
        else
            writer.begin(NLMSG_DONE, NLM_F_MULTI, int{0});
        writer.finish();
        for (const std::size_t at : answer.offsets)
            reinterpret_cast<nlmsghdr*>(answer.bytes.data() + at)->nlmsg_seq = request->nlmsg_seq;
        answer_.insert(answer_.end(), answer.bytes.begin(), answer.bytes.end());
    }

    static void add_link(MessageWriter& writer, int index, const char* name) {
        ifinfomsg header{};
        header.ifi_index = index;
        writer.begin(RTM_NEWLINK, NLM_F_MULTI, header);
        writer.put_string(IFLA_IFNAME, name);
        auto* info = writer.begin_nest(IFLA_LINKINFO);
        writer.put_string(IFLA_INFO_KIND, "vxlan");
        writer.end_nest(info);
        writer.finish();
    }

    static bool names_other(const nlmsghdr* request) {
        const std::uint16_t attribute = request->nlmsg_type == RTM_GETROUTE
                                            ? std::uint16_t{RTA_OIF}
                                            : std::uint16_t{NDA_IFINDEX};
        const std::size_t header =
            request->nlmsg_type == RTM_GETROUTE ? sizeof(rtmsg) : sizeof(ndmsg);
        for (const nlattr* one : NetlinkAttributes::of_message(request, header))
            if (nla_type(one) == attribute) return read_as<int>(one) == other;
        return false;
    }

    std::uint16_t refused_;
    std::vector<std::byte> answer_;
};

std::vector<FloodEntry> peers(std::initializer_list<const char*> addresses) {
    std::vector<FloodEntry> result;
    for (const char* address : addresses)
        result.push_back({*parse_address(address), std::nullopt, std::nullopt, ""});
    return result;
}

/// What a reading makes of it, where `expected` is expected.
std::vector<FloodEntry> read(RestlessKernel& kernel, const std::vector<FloodEntry>& expected) {
    Netlink netlink(kernel);
    ReadRequest request;
    request.tunnels = {"vxlan0"};
    request.every_tunnel = true;
    request.foreign = false;
    request.expects = [&](const Link& link) { return link.flood_list == expected; };
    const auto state = read_state(netlink, nullptr, request);
    REQUIRE(state.has_value());
    return find_link(*state, "vxlan0")->flood_list;
}

} // namespace

TEST_CASE("reader: a flood list that two disturbed readings missed is read once more") {
    RestlessKernel kernel;
    const auto all = peers({"100.64.158.4", "100.64.158.132"});
    kernel.show({}, 1);
    kernel.show({}, 2);
    kernel.show(all, 3);
    CHECK(read(kernel, all) == all);
    CHECK(kernel.readings == 3);
}

TEST_CASE("reader: what no reading has whole is put together from several") {
    RestlessKernel kernel;
    kernel.show(peers({"100.64.158.4"}), 1);
    kernel.show(peers({"100.64.158.132"}), 2);
    const auto all = peers({"100.64.158.4", "100.64.158.132"});
    CHECK(read(kernel, all) == all);
    CHECK(kernel.readings == 2);
}

TEST_CASE("reader: a reading without an event is believed") {
    RestlessKernel kernel;
    kernel.tells = false;
    kernel.show(peers({"100.64.158.132"}), 1);
    CHECK(read(kernel, peers({"100.64.158.4"})) == peers({"100.64.158.132"}));
    CHECK(kernel.readings == 1);
}

TEST_CASE("reader: two equal readings are believed, expected or not") {
    RestlessKernel kernel;
    kernel.show(peers({"100.64.158.4", "100.64.158.132"}), 1);
    kernel.show(peers({"100.64.158.132"}), 1);
    kernel.show(peers({"100.64.158.132"}), 1);
    CHECK(read(kernel, peers({"100.64.158.4"})) == peers({"100.64.158.132"}));
    CHECK(kernel.readings == 3);
}

TEST_CASE("reader: a table that never rests does not keep the program for ever") {
    RestlessKernel kernel;
    for (int mac = 0; mac < 200; ++mac)
        kernel.show(peers({"100.64.158.4"}), static_cast<std::uint8_t>(mac));
    CHECK(read(kernel, peers({"100.64.158.132"})) == peers({"100.64.158.4"}));
    CHECK(kernel.readings < 200);
}

TEST_CASE("reader: a tunnel that vanishes while it is read is not there, and stops nothing") {
    for (const std::uint16_t refused : {RTM_GETROUTE, RTM_GETNEIGH}) {
        VanishingKernel kernel(refused);
        Netlink netlink(kernel);
        ReadRequest request;
        request.every_tunnel = true;
        request.uppers = false;
        const auto state = read_state(netlink, nullptr, request);
        INFO(refused);
        REQUIRE(state.has_value());
        CHECK(find_link(*state, "mine") != nullptr);
        CHECK(find_link(*state, "other") == nullptr);
    }
}
