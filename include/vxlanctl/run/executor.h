#pragma once

#include "vxlanctl/base/signals.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/kernel/prl.h"
#include "vxlanctl/plan/operation.h"

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace vxlanctl {

/// Sends steps, of one tunnel after the other. Knows the ifindex of every link, also of those it
/// makes.
class Executor {
public:
    enum class OnSignal { stop, go_on };
    /// Told how many messages are done.
    using Progress = std::function<void(std::size_t done)>;

    Executor(const Kernel& kernel, Netlink& netlink, const State& state, OnSignal on_signal,
             Progress progress = {});

    /// Stops at the first failure. What was encoded and not sent by then is dropped.
    Result<void> run(const std::string& tunnel, std::span<const Step> steps);

    /// A link has been removed by other means: its step is done.
    void note_removed(const std::string& name);

    /// The ifindex of a link, also of one made here; 0 when there is none.
    int index_of(const std::string& name) const;

    /// What others did with the link is known now.
    void set_index(const std::string& name, const Link* link);

    /// Whether the kernel refused to make a link of that name.
    bool refused(const std::string& name) const { return refused_.contains(name); }

    /// Addresses that were to be asked for and could not be, by tunnel.
    const std::vector<Error>& unprobed() const { return unprobed_; }

private:
    Result<void> send(std::span<const Step> steps);

    bool is_to_stop() const { return on_signal_ == OnSignal::stop && caught_signal() != 0; }

    /// A tentative address of IPv6 is no source address to the kernel yet (ip6_route_info_create()
    /// in net/ipv6/route.c).
    Result<void> await_source(const Step& step, const Prefix& source);

    /// Asks for all addresses that the steps add and others may have. An error if one has.
    Result<void> probe(std::span<const Step> steps);

    /// Nothing is taken away before all that comes earlier is known to be there.
    bool needs_flush_before(const Step& step) const { return is_destructive(step) && batch_adds_; }

    /// Later messages need the new link's ifindex, or its new name.
    static bool needs_flush_after(const Step& step);

    /// Carries out a step that netlink does not know.
    Result<void> call(const Step& step);

    Result<void> encode(const Step& step);

    Result<void> flush();

    void drop_batch();

    void remember_links(const std::vector<Failure>& failures);

    struct OriginOfMessage {
        const Step* step;
        std::size_t element;
    };

    bool is_removed(const OriginOfMessage& origin, const std::vector<Failure>& failures) const;

    const Kernel& kernel_;
    Netlink& netlink_;
    OnSignal on_signal_;
    Progress progress_;
    std::string tunnel_; ///< the one at work
    std::unordered_map<std::string, int> indexes_;
    std::set<std::string> refused_;
    std::vector<Error> unprobed_;
    std::string missing_; ///< a link that a message refers to and that is not there
    RouterList routers_;
    MessageBatch batch_;
    MessageWriter writer_;
    std::vector<OriginOfMessage> origins_;
    bool batch_adds_ = false;
    std::size_t done_ = 0;
};

/// The error of what a signal has ended.
Error interrupted();

/// Of all of them.
std::size_t message_count(std::span<const Step> steps);

/// Notes the links that the steps have made, with their ifindex.
void note_made(const std::vector<Step>& steps, const Executor& executor,
               std::map<std::string, int>& made);

} // namespace vxlanctl
