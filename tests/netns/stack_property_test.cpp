// Random stacks of tunnels on the kernel: whatever is refused, interrupted or not confirmed on the
// way from one to another, each tunnel is as it was, or as it shall be, or what is left is told.
#include "faults.h"
#include "stacks.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <sys/wait.h>

using namespace world;

namespace {

const char* const file = "/run/stacks.toml";
const std::string apply_words = std::string("apply --prune --allow-empty --allow-recreate "
                                            "--keep-foreign --allow-overlap --allow-flap ") +
                                file;

enum class Mode { whole, unconfirmed, one_refused, refused_from };

/// As iproute2 lists it, by names: what was made anew has another number, and another mark.
nlohmann::json state_of(const Namespace& space) {
    auto state = listed(space);
    for (auto& link : state.at("links"))
        for (const char* key : {"ifalias", "tso_max_size", "tso_max_segs"}) // of the lower device's
            link.erase(key);
    return state;
}

/// What a tunnel is and has. What it has elsewhere is compared in whole states.
nlohmann::json part_of(const nlohmann::json& state, const std::string& name) {
    return {state.at("links").value(name, nlohmann::json()),
            state.at("addresses").value(name, nlohmann::json())};
}

std::map<std::string, std::string> results_of(const Finished& finished) {
    std::map<std::string, std::string> results;
    const auto document = nlohmann::json::parse(finished.out);
    for (const auto& tunnel : document.at("tunnels"))
        results[tunnel.at("name")] = tunnel.at("result");
    return results;
}

bool is_done(const std::string& result) {
    return result != "failed" && result != "refused" && result != "untouched";
}

/// A host with the first of two stacks, on the way to the second one.
class Trial {
public:
    Trial(const stacks::Stack& first, const stacks::Stack& second) {
        without_duplicate_detection(space_);
        pristine_ = state_of(space_);
        write_text(file, stacks::to_toml(first));
        (void)vxlanctl(space_, apply_words); // of a random stack, some can be impossible
        before_ = state_of(space_);
        records_ = record_files();
        write_text(file, stacks::to_toml(second));
        planned_ = vxlanctl(space_, "plan --json" + apply_words.substr(5));
    }

    /// Returns whether write `number` was one that was refused.
    bool run(Mode mode, long number) {
        INFO("planned:\n" << planned_.out << planned_.err);
        if (mode == Mode::unconfirmed) {
            check_unconfirmed();
            return true;
        }
        std::map<std::string, std::string> environment;
        if (mode == Mode::one_refused) environment["VXLANCTL_BREAK_WRITE"] = std::to_string(number);
        if (mode == Mode::refused_from) environment["VXLANCTL_BREAK_FROM"] = std::to_string(number);
        const auto counted = vxlanctl_counted(space_, "--json " + apply_words, environment);
        const auto& applied = counted.finished;
        INFO("applied: " << applied.code << "\n" << applied.out << applied.err);
        const bool is_broken = !environment.empty() && counted.writes >= number;
        if (!is_broken)
            CHECK(applied.code == planned_.code);
        else
            check_broken(applied);
        finish_by_hand(applied);
        check_end();
        return is_broken;
    }

private:
    void check_unconfirmed() {
        Process process(space_, command_of(apply_words + " --confirm 600"));
        if (!awaits_confirmation(process)) {
            const auto nothing_done = process.wait();
            INFO(nothing_done.out << nothing_done.err);
            CHECK(difference(before_, state_of(space_)) == "");
            return;
        }
        kill(process.pid(), SIGTERM);
        const auto applied = process.wait();
        INFO("applied: " << applied.code << "\n" << applied.out << applied.err);
        CHECK(told(applied, "not-confirmed, restored"));
        CHECK(difference(before_, state_of(space_)) == "");
        CHECK(record_files().size() == records_.size());
        check_end();
    }

    /// Whether it does so, and has not ended.
    bool awaits_confirmation(const Process& process) const {
        while (true) {
            if (told(vxlanctl(space_, "down nosuch --lock-timeout 0"),
                     "locked, holder-unconfirmed"))
                return true;
            siginfo_t what{};
            waitid(P_PID, static_cast<id_t>(process.pid()), &what, WEXITED | WNOWAIT | WNOHANG);
            if (what.si_pid != 0) return false;
        }
    }

    void check_broken(const Finished& applied) const {
        const auto now = state_of(space_);
        // Those of a sweep are no tunnel's; 0: what was refused is not needed any more.
        CHECK((applied.code == 0 || applied.code == 1 || applied.code == 5));
        const auto planned =
            nlohmann::json::parse(vxlanctl(space_, "plan --json" + apply_words.substr(5)).out);
        std::set<std::string> left; // differ from what is wanted
        for (const auto& tunnel : planned.at("tunnels"))
            if ((!tunnel.at("steps").empty() || !tunnel.at("errors").empty()) &&
                tunnel.dump().find("\"lower device\"") == std::string::npos) // goes with another
                left.insert(tunnel.at("name").get<std::string>());
        bool any_told = false;
        const auto document = nlohmann::json::parse(applied.out);
        for (const auto& tunnel : document.at("tunnels")) {
            const std::string name = tunnel.at("name"), result = tunnel.at("result");
            const bool is_as_before = part_of(before_, name) == part_of(now, name);
            const std::string errors = tunnel.at("errors").dump();
            const auto has = [&](const char* code) {
                return errors.find(code) != std::string::npos;
            };
            const bool is_told = has("rollback-failed") || has("removed-meanwhile") ||
                                 has("rollback-unknown") || has("lost-with-lower");
            any_told = any_told || is_told;
            INFO(name << " " << result << "\n"
                      << difference(part_of(before_, name), part_of(now, name)));
            if (is_done(result))
                CHECK_FALSE(left.contains(name));
            else
                CHECK((is_as_before || is_told));
        }
        CHECK(any_told == (applied.code == 5));
        for (const auto& link : now.at("links")) { // nothing is left that nobody has told of
            const std::string name = link.at("ifname");
            const bool is_known =
                before_.at("links").contains(name) || results_of(applied).contains(name);
            CHECK((is_known || applied.out.find(name) != std::string::npos));
        }
    }

    /// A replacement that could be neither marked nor removed is left to do by hand.
    void finish_by_hand(const Finished& applied) const {
        const auto now = state_of(space_);
        for (const auto& link : now.at("links")) {
            const std::string name = link.at("ifname");
            if (!before_.at("links").contains(name) && !results_of(applied).contains(name) &&
                applied.out.find("remove '" + name + "'") != std::string::npos)
                sh(space_, "ip link del " + name);
        }
    }

    /// From wherever it has come to, the next runs do all, and take all away.
    void check_end() const {
        const auto again = vxlanctl(space_, apply_words);
        INFO("again: " << again.out << again.err);
        const bool only_refuses = again.code == 2 && planned_.code == 1; // all else was done
        CHECK((again.code == planned_.code || only_refuses));
        if (again.code == 0) CHECK(vxlanctl_counted(space_, apply_words).writes == 0);
        write_text(file, "");
        const auto emptied = vxlanctl(space_, apply_words);
        INFO("emptied: " << emptied.out << emptied.err);
        CHECK(emptied.code == 0);
        CHECK(difference(pristine_, state_of(space_)) == "");
        CHECK(record_files().empty());
    }

    const Host host_;
    const Namespace& space_ = host_.space;
    nlohmann::json pristine_, before_;
    std::map<std::string, std::string> records_;
    Finished planned_;
};

unsigned number(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

} // namespace

TEST_CASE("stack property: from any stack to any other one each tunnel is as it was, as it shall "
          "be, or named",
          "[kernel]") {
    std::set<stacks::Kind> kinds{stacks::Kind::vxlan};
    const auto here = kinds_here();
    if (here.contains("sit")) kinds.insert(stacks::Kind::isatap);
    if (here.contains("ip6tnl")) kinds.insert(stacks::Kind::ipip6);
    const bool is_slow = is_sanitized() || std::getenv("VM_GUEST") != nullptr;
    const unsigned first = number("VXLANCTL_STACK_SEED", first_seed()),
                   count = number("VXLANCTL_STACKS", is_slow      ? 15
                                                     : is_brief() ? 50
                                                                  : 1000);
    unsigned trials = 0;
    for (unsigned seed = first; seed < first + count; ++seed) {
        Chance chance(seed);
        const auto a = stacks::random_stack(chance, kinds);
        const auto b = stacks::changed(a, chance, kinds);
        const auto mode = static_cast<Mode>(chance.below(4));
        INFO("VXLANCTL_STACK_SEED=" << seed << " " << static_cast<int>(mode) << "\n"
                                    << stacks::to_toml(a) << "---\n"
                                    << stacks::to_toml(b));
        const long from = 1 + chance.below(8), stride = is_brief() ? 1000 : 3;
        for (long write = from;; write += stride) {
            ++trials;
            INFO("write " << write);
            if (!Trial(a, b).run(mode, write) || mode == Mode::whole || mode == Mode::unconfirmed ||
                is_brief())
                break;
        }
    }
    std::cout << fmt::format("{} stacks from VXLANCTL_STACK_SEED={} on, {} runs\n", count, first,
                             trials);
    CHECK(trials >= count);
}
