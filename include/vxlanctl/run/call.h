#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/model/snapshot.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/run/outcome.h"

#include <functional>
#include <string>
#include <vector>

namespace vxlanctl {

enum class Mode : std::uint8_t {
    apply, ///< under the lock
    plan,  ///< says what apply would do
    check  ///< says what differs, if anything does
};

/// What a run tells while it is at work. It prints nothing itself.
struct Events {
    std::function<void(const Error&)> failed;
    std::function<void(const Message&)> warned;
    /// How many messages to the kernel are done; of a stage that is over, none of none.
    std::function<void(std::size_t done, std::size_t total)> progressed;
    /// All is carried out, and waits to be confirmed, if it is on probation.
    std::function<void()> carried_out;
    /// What this config needs is about to be read in the namespace of that name (empty: that of the
    /// call): whatever the kernel has told until now will be seen. Null where nobody listens.
    std::function<void(const std::string& netns, const Config& config)> reading = {};
};

/// One call, and what it has come to.
struct Call {
    std::string command; ///< its name, and its words, for those who wait for the lock
    std::vector<std::string> words;
    Mode mode = Mode::plan;
    Origin origin = Origin::cli;
    const Kernel& home;   ///< where the call was made, or sent by --netns
    const Config& config; ///< of all namespaces
    PlanOptions options;
    Events events;
    bool overrides_files = false;       ///< the command line may change what a file defines
    bool tells_unnamed = false;         ///< a check, to which Plan::unnamed are differences
    bool names_namespace = false;       ///< the call was sent to another namespace than the shell's
    bool is_several = false;            ///< namespaces
    bool keeps_first = false;           ///< the state before will be needed, whatever is planned
    bool notes_apply = false;           ///< who watches is told when it ran; see LastApply
    const Snapshot* snapshot = nullptr; ///< of the host to plan for; null: it is this one
    bool reads_managed = false;         ///< also what runs of tunnels that the config does not name
    bool reads_files_again = false;     ///< this is not the process's last call: see `watch`
    /// What is known of names already; what is looked up is added. Null: nothing is.
    NameAnswers* names = nullptr;
    /// Asked when all locks are there: an error ends the run, in which nothing has been done then.
    std::function<Result<void>()> locked = {};

    int code = 0;
    bool impossible = false; ///< a wish cannot be fulfilled
    bool wrote = false;

    void report(const Error& error);
    /// On the command line everything named belongs to one wish; tunnels of files are independent.
    bool stops_all() const { return impossible && origin == Origin::cli; }
};

} // namespace vxlanctl
