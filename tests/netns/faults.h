#pragma once

#include "world.h"

#include <catch2/catch.hpp>

namespace world {

/// A run of vxlanctl that stops before its N-th write, or by another variable of fault.cpp, and
/// goes on when it is told to.
class StoppedRun {
public:
    StoppedRun(const Namespace& space, const std::string& words, long write,
               const std::string& variable = "VXLANCTL_STOP_BEFORE");
    /// Whether there was such a moment; if not, the run has ended.
    bool is_stopped() const { return stopped_; }
    int pid() const { return process_.pid(); }
    Finished resume();

private:
    Process process_;
    bool stopped_ = false;
};

/// Waits until the change of a run without a terminal is made, and its confirmation awaited.
void await_pending(const Namespace& space);

/// The files of /run/vxlanctl that hold records, and their texts without the index of an interface:
/// one that is made again in a rollback has another.
std::map<std::string, std::string> record_files();

/// Runs `words` again and again, each time with another of its writes broken and on another
/// `Place`, on which `first_words` were carried out before; checks that each leaves what was there;
/// then once whole. `prepare` is shell that comes first; what it writes to /run/after-first comes
/// behind `first_words`. Where the tests are brief, every third write has to do.
template<class Place>
void break_every_write(const std::string& first_words, const std::string& words,
                       const std::string& prepare = "") {
    const long stride = is_brief() ? 3 : 1;
    for (long broken = 1;; broken += stride) {
        const Place place;
        const Namespace& space = place.space;
        if (!prepare.empty()) sh(space, prepare);
        if (!first_words.empty()) REQUIRE(vxlanctl(space, first_words).code == 0);
        if (!prepare.empty()) sh(space, "sh /run/after-first 2>/dev/null || true");
        const auto before = snapshot(space);
        const auto records = record_files();
        const auto counted =
            vxlanctl_counted(space, words, {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
        INFO("broken write " << broken << "\n" << counted.finished.out << counted.finished.err);
        if (counted.finished.code == 0) {
            CHECK(counted.writes < broken); // there was no such write
            CHECK(counted.writes >= broken - stride);
            REQUIRE(broken > 1);
            return;
        }
        REQUIRE(counted.finished.code == 1); // anything else may be so for ever
        const bool is_refused =              // by netlink, or as an ioctl
            counted.finished.err.find("Operation not supported") != std::string::npos ||
            counted.finished.err.find("Invalid argument") != std::string::npos;
        CHECK(is_refused);
        CHECK((told(counted.finished, "restored") ||
               told(counted.finished, "restored-without-routes") ||
               told(counted.finished, "restored-on-new-interface")));
        CHECK(difference(before, snapshot(space)) == "");
        CHECK(record_files() == records);
    }
}

} // namespace world
