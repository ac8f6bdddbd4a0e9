// Random histories: files are applied, others disturb what they made, other files are applied, and
// then the first ones again.
//
//   VXLANCTL_HISTORIES=N       how many
//   VXLANCTL_HISTORY_SEED=N    the seed of the first one; the others' follow
#include "chance.h"
#include "history.h"
#include "world.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <regex>

using namespace world;

namespace {

/// What vxlanctl did otherwise than it promises.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void demand(bool kept, const std::string& promise, const std::string& detail = "") {
    if (!kept) throw Broken(promise + "\n" + detail);
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// How often what happened, to see that histories are not all alike.
using Tally = std::map<std::string, int>;

/// One history, as it happens.
class Happening {
public:
    explicit Happening(const History& history) : history_(history) {
        batch("ip", history_host);
        without_duplicate_detection(space_);
        state_ = snapshot(space_);
    }

    /// Throws Broken.
    void run(Tally& tally) {
        const auto tell = [&](const char* when, int code) {
            ++tally[fmt::format("{} {}", when, code)];
        };
        tell("first", apply(history_.first, ""));
        for (const auto* program : {"ip", "bridge"}) {
            std::string lines;
            for (const auto& item : history_.between)
                if (item.program == program) lines += item.lines + "\n";
            if (!lines.empty()) batch(program, lines);
        }
        state_ = snapshot(space_);
        const auto options = fmt::format("{}", fmt::join(history_.options, " "));
        const auto planned = vxlanctl(space_, "plan - --source test --allow-empty -q " + options,
                                      file_of(history_.second));
        plan_elsewhere(options);
        const int code = apply(history_.second, options);
        tell("second", code);
        demand(planned.code == code || code == 1, "plan ends with the exit code of apply",
               fmt::format("{}\n{}", planned.code, planned.err));
        const auto all =
            fmt::format("{}{}", everything_allowed, contains(options, "--prune") ? " --prune" : "");
        if (code != 0) tell("allowed", apply(history_.second, all));
        tell("back", apply(history_.first, all));
    }

    std::string log() const { return log_; }

private:
    /// Somebody who has nothing but a snapshot of this host plans the same.
    void plan_elsewhere(const std::string& options) {
        const auto taken = vxlanctl(space_, "snapshot");
        demand(taken.code == 0, "a snapshot can be made", taken.err);
        write_text("/run/snapshot.json", taken.out);
        const Namespace elsewhere;
        const auto there = vxlanctl(
            elsewhere, "plan - --source test --allow-empty --state /run/snapshot.json " + options,
            file_of(history_.second));
        const auto here = vxlanctl(space_, "plan - --source test --allow-empty " + options,
                                   file_of(history_.second));
        demand(there.code == here.code && comparable(there.out) == comparable(here.out) &&
                   comparable(there.err) == comparable(here.err),
               "the plan for a snapshot is that on the host",
               fmt::format("{} here:\n{}{}\n{} there:\n{}{}", here.code, here.out, here.err,
                           there.code, there.out, there.err));
    }

    /// Without the IDs of new marks, and the MAC addresses of new interfaces.
    static std::string comparable(const std::string& text) {
        static const std::regex random("vx[0-9a-f]{13}|[0-9a-f]{16}|, mac [0-9a-f:]{17}");
        return std::regex_replace(text, random, "");
    }

    /// The exit code.
    int apply(const Wish& wish, const std::string& options);
    static void check_errors(const nlohmann::json& document, int code);
    static void check_untouched(const nlohmann::json& before, const nlohmann::json& after,
                                const nlohmann::json& document);
    static void check_foreign(const nlohmann::json& before, const nlohmann::json& after,
                              const nlohmann::json& document, const std::string& options);

    void batch(const char* program, const std::string& lines) {
        RunOptions input;
        input.input = lines;
        (void)world::run(space_, {program, "-force", "-batch", "-"}, input);
    }
    static RunOptions file_of(const Wish& wish) {
        RunOptions file;
        file.input = to_toml(wish);
        return file;
    }

    const History& history_;
    Namespace space_;
    nlohmann::json state_; ///< as the last one left it
    std::string log_;
};

int Happening::apply(const Wish& wish, const std::string& options) {
    const auto finished =
        vxlanctl(space_, "apply --source test --allow-empty - --json " + options, file_of(wish));
    log_ += fmt::format("apply --source test --allow-empty - {}: {}\n{}", options, finished.code,
                        finished.err);
    const auto document = nlohmann::json::parse(finished.out, nullptr, false);
    demand(!document.is_discarded(), "there is a document", finished.out);
    const auto before = std::exchange(state_, snapshot(space_));
    if (finished.code == 2) {
        const auto changed = difference(before, state_);
        demand(changed.empty(), "with exit code 2 nothing is touched", changed);
        return 2;
    }
    check_errors(document, finished.code);
    check_untouched(before, state_, document);
    check_foreign(before, state_, document, options);
    if (finished.code != 0) return finished.code;
    const auto again = vxlanctl_counted(space_, "apply --source test --allow-empty - " + options,
                                        {}, to_toml(wish));
    demand(again.writes == 0 && again.finished.code == 0, "a second run writes nothing",
           fmt::format("{} writes\n{}{}", again.writes, again.finished.out, again.finished.err));
    return 0;
}

/// The kernel refuses nothing that was planned, except for what only it can know.
void Happening::check_errors(const nlohmann::json& document, int code) {
    bool has_reason = code == 0 || code == 4, has_failed = false;
    std::string follows;
    for (const auto& tunnel : document.at("tunnels"))
        for (const auto& error : tunnel.at("errors")) {
            const std::string kind = error.at("kind"), word = error.at("code"),
                              message = error.at("message");
            // A wish that cannot be keeps the others from nothing.
            if (code == 1 && kind == "usage") has_reason = true;
            if (kind == "usage" || kind == "refused") continue;
            demand(code == 1, "an error has its exit code", message);
            has_reason = true;
            if (word == "not-in-effect") { // it was another tunnel's as well
                follows = message;
                continue;
            }
            demand(contains(message, "Nexthop has invalid gateway") || word == "udp-port-in-use" ||
                       contains(message, "Device or resource busy"), // a macvlan's lower device
                   "the kernel accepts what was planned", message);
            has_failed = true;
        }
    demand(has_reason, "an exit code has its reason", document.dump(1));
    demand(follows.empty() || has_failed, "what was accepted is in effect", follows);
}

/// Of a snapshot what the links of these names have.
nlohmann::json part_of(const nlohmann::json& state, const std::set<std::string>& links) {
    nlohmann::json part;
    for (const auto& [kind, objects] : state.items())
        if (kind == "links" || kind == "addresses" || kind == "settings") {
            for (const auto& [name, item] : objects.items())
                if (links.count(name) != 0) part[kind][name] = item;
        } else if (kind == "fdb" || kind == "neighbours") {
            for (const auto& item : objects)
                if (links.count(item.at("dev")) != 0) part[kind].push_back(item);
        } else if (kind == "routes") {
            for (const auto& [family, list] : objects.items())
                for (const auto& item : list)
                    if (links.count(item.at("dev")) != 0) part[kind][family].push_back(item);
        }
    return part;
}

/// What was refused, or failed, is as it was.
void Happening::check_untouched(const nlohmann::json& before, const nlohmann::json& after,
                                const nlohmann::json& document) {
    std::set<std::string> kept;
    for (const auto& tunnel : document.at("tunnels"))
        if (const auto& result = tunnel.at("result"); result == "refused" || result == "failed")
            kept.insert(tunnel.at("name"));
    const bool is_all = kept.size() == document.at("tunnels").size();
    const auto changed = is_all ? difference(before, after)
                                : difference(part_of(before, kept), part_of(after, kept));
    demand(changed.empty(), "what is refused or fails is not touched", changed);
}

/// The prefix that a route of a snapshot leads to.
std::string destination(const nlohmann::json& route) {
    const std::string hex = route.value(std::to_string(RTA_DST), "");
    std::array<unsigned char, 16> bytes{};
    for (std::size_t i = 0; i < hex.size() / 2; ++i)
        bytes.at(i) = static_cast<unsigned char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(hex.size() == 8 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
    return fmt::format("{}/{}", text.data(), route.at("length").get<int>());
}

constexpr int our_protocol = 147; // of routes and rules that vxlanctl made

/// What of others' a run was told to drop, or says that it cannot keep.
struct Exempt {
    bool on_tunnels = false;
    std::set<std::string> links;
    std::set<std::string> objects; ///< on tunnels: destinations of routes, MACs of FDB entries
};

/// What else others made, each as text.
Tally foreign_objects(const nlohmann::json& state, const Exempt& exempt) {
    Tally objects;
    const auto is_marked = [](const nlohmann::json& item) {
        return std::any_of(item.begin(), item.end(), [](const auto& value) {
            return value.is_string() && is_foreign(value.template get_ref<const std::string&>());
        });
    };
    const auto add = [&](const char* what, const std::string& dev, nlohmann::json item) {
        if (exempt.links.count(dev) != 0) return;
        if (is_tunnel(dev) && (exempt.on_tunnels || !is_marked(item))) return;
        item.erase("flags"); // whether it is a secondary one follows from the others
        ++objects[fmt::format("{} {} {}", what, dev, item.dump())];
    };
    for (const auto& [name, item] : state.at("links").items())
        if (!is_tunnel(name)) add("link", name, nlohmann::json::object());
    for (const auto& [name, list] : state.at("addresses").items())
        for (const auto& item : list)
            add("address", name, item);
    for (const auto& [family, list] : state.at("routes").items())
        for (const auto& item : list) {
            const int protocol = item.at("kind").at(1);
            const std::string dev = item.at("dev");
            if (protocol != RTPROT_KERNEL && protocol != our_protocol &&
                !(is_tunnel(dev) && exempt.objects.count(destination(item)) != 0))
                add("route", dev, item);
        }
    for (const auto& [family, list] : state.at("rules").items())
        for (const auto& item : list)
            if (item.value(std::to_string(FRA_PROTOCOL), "") != fmt::format("{:x}", our_protocol))
                add("rule", "", item);
    for (const auto& item : state.at("fdb"))
        if (exempt.objects.count(item.at(std::to_string(NDA_LLADDR))) == 0)
            add("FDB entry", item.at("dev"), item);
    for (const auto& item : state.at("neighbours"))
        add("neighbour", item.at("dev"), item);
    return objects;
}

/// What others made is there still.
void Happening::check_foreign(const nlohmann::json& before, const nlohmann::json& after,
                              const nlohmann::json& document, const std::string& options) {
    Exempt exempt;
    exempt.on_tunnels = contains(options, "--exclusive");
    for (const auto& tunnel : document.at("tunnels")) {
        for (const auto& step : tunnel.at("steps"))
            if (step.at("operation") == "delete_link" &&
                (contains(options, "--drop-foreign") || tunnel.at("result") == "removed"))
                exempt.links.insert({step.at("link"), "f5", "f6"}); // these may stand on it
        for (const auto& warning : tunnel.at("warnings")) {
            const auto named = [&](const char* code, const char* name) {
                return warning.at("code") == code ? warning.at("values").at(name).get<std::string>()
                                                  : "";
            };
            exempt.objects.insert(named("route-goes-with-address", "route"));
            std::string mac = named("fdb-entry-not-restorable", "mac");
            std::erase(mac, ':');
            exempt.objects.insert(mac);
        }
    }
    auto left = foreign_objects(after, exempt);
    std::string missing;
    for (const auto& [object, count] : foreign_objects(before, exempt))
        if (left[object] < count) missing += object + "\n";
    demand(missing.empty(), "what others made stays", missing);
}

struct Failure {
    std::string promise, what;
};

std::optional<Failure> failure_of(const History& history, Tally& tally) {
    Happening happening(history);
    try {
        happening.run(tally);
    } catch (const Broken& broken) {
        const std::string what = broken.what();
        return Failure{what.substr(0, what.find('\n')), what + "\n" + happening.log()};
    }
    return std::nullopt;
}

/// Without what it does not need to break the same promise.
History shrunk(History history, Failure& failure) {
    Tally ignored;
    const auto still_fails = [&](const History& candidate) {
        const auto still = failure_of(candidate, ignored);
        if (still && still->promise == failure.promise) failure = *still;
        return still && still->promise == failure.promise;
    };
    while (true) {
        auto candidates = smaller(history);
        const auto found = std::find_if(candidates.begin(), candidates.end(), still_fails);
        if (found == candidates.end()) return history;
        history = std::move(*found);
    }
}

unsigned number(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

} // namespace

TEST_CASE("history: files and what others do, in any order, end as the files say") {
    const unsigned seed = number("VXLANCTL_HISTORY_SEED", first_seed());
    const unsigned count = number("VXLANCTL_HISTORIES", is_sanitized() ? 20
                                                        : is_brief()   ? 50
                                                                       : 1000);
    const auto kinds = kinds_here();
    Tally tally;
    unsigned done = 0, failed = 0;
    for (; done < count && failed < 5; ++done) { // to make one smaller takes a while
        const auto history = random_history(seed + done, kinds);
        auto failure = failure_of(history, tally);
        if (!failure) continue;
        ++failed;
        const auto small = shrunk(history, *failure);
        FAIL_CHECK("VXLANCTL_HISTORY_SEED=" << seed + done << "\n"
                                            << to_script(small) << failure->what);
    }
    std::cout << fmt::format("{} histories from VXLANCTL_HISTORY_SEED={} on\n", done, seed);
    for (const auto& [what, times] : tally)
        std::cout << fmt::format("{:6} {}\n", times, what);
    CHECK(done > 0);
}
