#pragma once

#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/run/arp_socket.h"
#include "vxlanctl/run/call.h"
#include "vxlanctl/run/carry_out.h"
#include "vxlanctl/run/frr.h"
#include "vxlanctl/run/moved_device.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/routing.h"
#include "vxlanctl/run/wanted_namespaces.h"
#include "vxlanctl/runtime/runtime.h"

namespace vxlanctl {

/// The warning that it cannot be noted when `apply` ran.
Message not_noted(const Error& why);

/// What of a call concerns one network namespace.
class NamespaceRun {
public:
    /// `place` is empty for the namespace of the call.
    NamespaceRun(Call& call, const Config& config, std::optional<OtherNamespace> place);
    NamespaceRun(const NamespaceRun&) = delete;
    NamespaceRun& operator=(const NamespaceRun&) = delete;

    bool is_there() const {
        return call_.snapshot != nullptr ? recorded_ != nullptr
                                         : is_home() || elsewhere_->kernel.has_value();
    }
    /// Of one that is there, on this host.
    NamespaceId id() const { return kernel().id(); }

    /// Opens what is needed; a writer also keeps the others out.
    Result<void> open(std::chrono::seconds timeout);
    /// Reads, plans, and tells what is wrong.
    Result<void> propose();
    /// Makes the namespace and brings devices, carries out, and puts back what nobody could use.
    void carry_out();
    /// Forgets what no link refers to any more. Returns whether anything may have gone.
    bool sweep();
    /// Returns to the state that the plans were made from. The errors list what is left.
    std::vector<Error> roll_back();
    /// What of that could not be noted in records.
    const std::vector<Error>& unrecorded() const { return unrecorded_; }
    /// Nothing is to be done, since something else is impossible.
    void leave_untouched();
    /// All that was done has been taken back.
    void settle_rejection();
    /// Whether each tunnel is as it was wanted.
    bool succeeded() const;
    /// Notes for who watches that `apply` ran. That it cannot be noted is a warning.
    void note_apply(bool succeeded);

    /// That of the namespace, in /run/netns; empty for the one of the call.
    std::string name() const { return is_home() ? "" : elsewhere_->name; }
    const Plan& plan() const { return plan_; }
    const std::vector<Outcome>& outcomes() const { return outcomes_; }
    /// What was read for the plan.
    const State& state() const { return state_; }
    bool has_work() const;
    RuntimeDirectory& records() { return *records_; }

private:
    bool is_home() const { return !elsewhere_; }
    const Config& config() const { return over_files_ ? *over_files_ : config_; }
    /// Of the namespace, which has to be there.
    const Kernel& kernel() const { return is_home() ? call_.home : *elsewhere_->kernel; }
    TransactionContext context() { return {kernel(), *netlink_, *records_, {}, {}, {}, made_}; }
    void warn_of_unrecorded(const TransactionContext& context, std::span<TunnelPlan> tunnels) const;
    Result<void> open_socket();
    Result<State> read(const ReadRequest& request);
    std::unique_ptr<Routing> routing();
    Result<void> find_prepared();
    Result<void> keep_others_out(std::chrono::seconds timeout);
    std::vector<std::string> subjects() const;
    Result<void> find_devices();
    Result<Plan> make_plan();
    Result<Plan> make_plan_once();
    ReadRequest what_to_read() const;
    void complete_state();
    void settle_namespace(Plan& made) const;
    std::set<std::string> dropped_with(const Plan& made) const;
    Result<void> settle_what_the_host_knows();
    Result<void> ask_for_vteps(Tunnel& tunnel);
    Result<void> read_again();
    bool use_real_names_of_absent();
    void lay_over_files();
    void settle_over_files(Plan& made) const;
    std::optional<Error> objection(const TunnelPlan& tunnel, const Device& device) const;
    void note_preparations();
    Result<void> find_lost() const;
    Result<void> prepare();
    Error with_namespace(Error error) const;
    bool put_back_unused();
    void fail_unprepared(const Error& why);
    void leave_out_what_is_no_drift();
    void report_problems(const TunnelPlan& tunnel);
    bool stands_on_changes(std::size_t stage) const;
    void plan_again(std::size_t stage);
    void carry_out_stage(std::size_t stage);
    const TunnelPlan* who_removed(const TunnelPlan& tunnel, const Link& was) const;
    bool renew(TunnelPlan& tunnel, TunnelPlan again);
    std::vector<TunnelPlan*> stack_of(const TunnelPlan& tunnel, std::size_t end);
    void roll_back_with_lower(TunnelPlan& failed, std::size_t end);
    std::map<std::size_t, Record> records_given_up(const State& before) const;
    std::vector<TunnelPlan> plans_with_releases() const;
    void release_unclaimed(const std::map<std::size_t, Record>& given_up);
    void keep_in_record(TunnelPlan& tunnel, const Record& old);
    Result<std::vector<Step>> release(const std::string& name, const Record& old);
    void warn_of(const Error& error, std::span<TunnelPlan> tunnels) const;

    Call& call_;
    const Config& config_;
    std::optional<OtherNamespace> elsewhere_;
    const NamespaceSnapshot* recorded_ = nullptr; ///< in Call::snapshot, where it is in that
    PlanOptions options_;
    std::map<std::string, std::string> ids_;        ///< of new marks, by the tunnel's name
    std::map<std::string, MacAddress> random_macs_; ///< of new tunnels, by their names
    /// What the command line wants, laid over what files say of the same tunnels, and with what
    /// --drop-foreign removes; empty where there is neither.
    std::optional<Config> over_files_;
    std::map<std::string, std::vector<std::string>> differing_; ///< by tunnel: LaidOver::differing
    std::map<std::string, std::vector<Message>> laid_over_warnings_;
    bool is_settled_ = false; ///< what tunnels leave to their host has been chosen
    std::map<std::string, std::vector<Error>> unsettled_; ///< by tunnel: why that could not be
    std::optional<ControlPlane> control_plane_;           ///< where it was asked
    std::chrono::seconds lock_timeout_{};
    std::optional<RuntimeDirectory> records_;
    std::optional<NetlinkSocket> socket_;
    std::optional<Netlink> netlink_;
    Announcer announcer_;
    std::map<std::string, Device> devices_; ///< to be brought here
    std::vector<Link> moved_;               ///< those that were
    std::map<std::string, int> made_;       ///< see TransactionContext::made
    bool made_namespace_ = false;
    State state_;
    State first_; ///< before anything was done, where that will be needed
    Plan plan_;
    std::vector<Outcome> outcomes_;
    std::vector<Error> unrecorded_;
};

} // namespace vxlanctl
