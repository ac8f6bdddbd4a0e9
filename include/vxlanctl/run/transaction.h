#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/plan/arp.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/run/executor.h"
#include "vxlanctl/run/new_addresses.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/runtime/runtime.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace vxlanctl {

/// Where a transaction works, and whom it tells.
struct TransactionContext {
    const Kernel& kernel;
    Netlink& netlink; ///< of that kernel
    RuntimeDirectory& records;
    /// Told how many messages of all tunnels are done.
    std::function<void(std::size_t done, std::size_t total)> progress;
    /// Filled with what others should be told of, now that it is in effect.
    std::vector<Announcement> announcements = {};
    /// Filled with what could not be noted in a record, though the tunnel itself is as it shall be.
    std::vector<Error> unrecorded = {};
    /// The ifindexes of the links that the run has made so far, by name: such a link is ours, also
    /// where the kernel refused the mark that comes behind it.
    std::map<std::string, int> made = {};
    /// Filled with addresses that were set without asking others for them, and why.
    std::vector<Error> unprobed = {};
    /// Told before it is read whether all is in effect that is wanted so; see Events.
    std::function<void(const Config& wanted)> reading = {};
};

/// One tunnel's part of a run.
class Transaction {
public:
    Transaction(TransactionContext& context, Executor& executor, NewAddresses& addresses,
                const TunnelPlan& plan, const State& before)
        : context_(context), executor_(executor), addresses_(addresses), plan_(plan),
          before_(before) {}

    /// Links that other plans of the run have removed: they do not come back with this one.
    void leave_removed(const std::set<std::string>& removed) { removed_ = &removed; }

    /// Of a plan without steps.
    void remember_unchanged();

    /// Takes the steps; rolls them back where one fails.
    Result<void> execute();

    /// The same in two parts, between which the link may go with others (see together.h): takes the
    /// first steps, so many of them.
    Result<void> begin(std::size_t count);
    /// From here on the link may be in another group than before.
    void leave_with_others() { leaves_with_others_ = true; }
    /// Takes the steps from that one on.
    Result<void> finish(std::size_t from);

    /// Takes steps that have become necessary by the failure of another tunnel. They are rolled
    /// back with the plan's.
    Result<void> complete(Executor& executor, std::vector<Step> steps);

    /// Whether the new IPv6 addresses came through.
    Result<void> check_addresses() const;

    /// Returns to the state that was read before, and reports `cause`.
    Result<void> roll_back(Error cause);

    /// What has to be read for the way back.
    ReadRequest request_for_rollback() const;

    /// What the steps concern beyond the link itself.
    static Needs needs_of_rollback(const std::vector<Step>& steps);

    /// The numbers that the link has had.
    std::set<int> own_indexes() const;

    /// The kernel does not tell what is there.
    Result<void> unknown(Error cause, const Error& why) const;

    /// All is as it was before, after these steps. Returns what is worth announcing.
    std::vector<Announcement> conclude(const State& now, std::vector<Step> rollback_steps);

    /// The ifindexes of the links that the steps made, or the rollback, by name.
    std::map<std::string, int> links_made() const;

    /// What is worth announcing of what the steps made, or the rollback put back.
    std::vector<Announcement> made(const State& now) const;

    void remember_after();

private:
    Result<void> act(std::span<const Step> steps);

    void note_put_back(const State& now);

    /// Of a link that went down for a moment.
    void note_lost_routes(const State& now);

    static Result<void> incomplete(Error cause, Code code, const std::vector<Step>& left);

    Result<void> failed(Error cause) const;

    /// What the link that was there before had, and no new one has.
    void note_losses(Error& cause) const;

    const Link* link_before() const;

    /// All steps.
    std::vector<Step> taken() const;

    /// A link that somebody else made under our name is not ours to change or remove; it only loses
    /// the mark that was sent behind a refused create.
    std::vector<Step> rollback_steps(const State& now);

    /// The state to go back to.
    State before_less_removed() const;

    // The record goes to disk before anything goes to the kernel. It then claims what is old and
    // what is new: should we be killed in between, a later run may reset too much of ours, never
    // too little, and nothing of anybody else's.

    Result<void> remember_before();

    /// Whether this run may switch on promote_secondaries, if only for a while.
    bool may_promote() const;

    /// The plan's, with its peers.
    Record whole_record();

    bool same_id() const { return plan_.old_mark && plan_.old_mark->id == plan_.mark->id; }

    std::optional<Record> recorded(const std::string& id) const;

    void restore_records(const State& now);

    /// The kernel is right, yet a later run would reset too much, or too little.
    void note(const Result<void>& written);

    static constexpr int rollback_attempts = 3;
    TransactionContext& context_;
    Executor& executor_;
    NewAddresses& addresses_;
    const TunnelPlan& plan_;
    const State& before_;
    const std::set<std::string>* removed_ = nullptr; ///< see leave_removed()
    std::vector<Step> completion_;                   ///< see complete()
    bool leaves_with_others_ = false;                ///< see leave_with_others()
    std::optional<Record> with_peers_;               ///< peers of the record, and their names
    std::optional<Record> written_;                  ///< what the record says now
    std::map<std::string, int> made_;                ///< links that the rollback made
    bool remade_ = false;                            ///< the rollback made a new link
    bool loses_routes_ = false;      ///< the rollback could not put all of them back
    std::vector<std::string> taken_; ///< links that somebody else replaced
    std::vector<std::string> gone_;  ///< links that somebody else removed
    std::vector<Step> rolled_back_;
    std::vector<Announcement> put_back_;
};

/// Whether addresses of the plan are on another program's link, which got the ifindex of a link
/// that went in between; takes them from there.
bool remove_misplaced(const Kernel& kernel, Netlink& netlink, const State& now,
                      const TunnelPlan& plan, const std::set<int>& indexes);

} // namespace vxlanctl
