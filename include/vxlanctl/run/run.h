#pragma once

#include "vxlanctl/run/namespace_run.h"
#include "vxlanctl/runtime/guardian.h"

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace vxlanctl {

/// A change that is taken back unless somebody confirms it in time.
struct Probation {
    std::chrono::seconds time;
    /// Told what was taken back, perhaps in another process.
    std::function<Result<void>(const Plan&)> reject;
};

/// One call's way from the config to what is in effect, in as many network namespaces as the config
/// names: waits, looks names up, reads, plans, and carries out as far as the mode goes.
class Run {
public:
    /// `config` is that of the call; names of peers are looked up in it. `probation` is null where
    /// the change is for good.
    Run(Call& call, Config& config, const Probation* probation);

    /// How long to wait for what; without `wait` nothing that tunnels stand on is waited for.
    struct Times {
        std::optional<std::chrono::seconds> wait;
        std::chrono::seconds look_up, lock;
    };

    Result<void> perform(const Times& times);

    /// What concerns one network namespace each, that of the call first.
    const std::deque<NamespaceRun>& parts() const { return parts_; }
    /// Whether the change was confirmed; empty where nobody was asked.
    std::optional<bool> confirmed() const { return confirmed_; }
    /// The exit code: 2 says that nothing at all was touched.
    int exit_code() const;

private:
    /// The files have been read, and it is known where their tunnels are.
    void give_up_privileges() const;

    /// Waits for what the tunnels stand on, before any lock: others may go on meanwhile. Tunnels of
    /// files are independent: those whose lower device is there are not kept from being made.
    Result<void> await(std::chrono::seconds time);

    /// Once for the whole run, and before the locks.
    Result<void> look_up_names(std::chrono::seconds time);

    bool await_place(OtherNamespace& place, std::chrono::steady_clock::time_point end);

    Result<void> await_in(const Kernel& kernel, const Config& config,
                          std::chrono::steady_clock::time_point end);

    void tell_waiting(const std::string& what) const;

    Result<void> propose(std::chrono::seconds timeout);

    void carry_out_all();

    void sweep();

    Result<void> carry_out_for_good();

    /// Under the eyes of a guardian, who takes it back unless somebody confirms it.
    Result<void> carry_out_on_probation();

    Result<void> roll_back_all();

    void note_apply();

    void settle_rejection(const Decision& decision);

    Call& call_;
    Config& config_;
    const Probation* probation_; ///< null: the change is for good
    std::vector<NamespaceWish> places_;
    std::deque<NamespaceRun> parts_; ///< the call's own first
    std::optional<bool> confirmed_;  ///< empty where nobody was asked
};

} // namespace vxlanctl
