// Random histories: files are applied, others disturb what they made, and other files are applied.
//
//   VXLANCTL_HISTORIES=N       how many; 500, or 20 where a program takes longer
//   VXLANCTL_HISTORY_SEED=N    the seed of the first one, the others' follow; else a random one
#include "history.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <optional>
#include <random>
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

/// How often what happened, to see that histories are not all alike.
using Tally = std::map<std::string, int>;

/// One history, as it happens.
class Happening {
public:
    explicit Happening(const History& history) : history_(history) {
        batch({"ip", history_host});
        without_duplicate_detection(space_);
    }

    /// Throws Broken.
    void run(Tally& tally) {
        tally["first " + apply(history_.first, "", Thoroughly::no)]++;
        for (const auto& program : {"ip", "bridge"}) {
            Disturbance all{program, ""};
            for (const auto& item : history_.between)
                if (item.program == program) all.lines += item.lines + "\n";
            if (!all.lines.empty()) batch(all);
        }
        const auto options = fmt::format("{}", fmt::join(history_.options, " "));
        const auto came = apply(history_.second, options, Thoroughly::yes);
        tally["second " + came]++;
        const std::string prune = options.find("--prune") != std::string::npos ? " --prune" : "";
        const auto all = everything_allowed + prune;
        if (came != "0") tally["allowed " + apply(history_.second, all, Thoroughly::no)]++;
        tally["back " + apply(history_.first, all, Thoroughly::no)]++;
    }

    std::string log() const { return log_; }

private:
    /// `plan` and `check` as well: each run of a program takes its time.
    enum class Thoroughly { no, yes };
    /// The exit code.
    std::string apply(const Wish& wish, const std::string& options, Thoroughly thoroughly);
    static void check_errors(const nlohmann::json& document, int code);
    void check_untouched(const nlohmann::json& before, const nlohmann::json& document) const;
    void check_foreign(const nlohmann::json& before, const nlohmann::json& document,
                       const std::string& options) const;
    void check_settled(const std::string& text, const std::string& options);

    void batch(const Disturbance& disturbance) {
        RunOptions lines;
        lines.input = disturbance.lines;
        (void)world::run(space_, {disturbance.program, "-force", "-batch", "-"}, lines);
    }

    const History& history_;
    Namespace space_;
    std::string log_;
};

bool result_of(const nlohmann::json& document, const char* result);
nlohmann::json reduced(const nlohmann::json& state, const std::set<std::string>& links);
Tally foreign_objects(const nlohmann::json& state, const std::set<std::string>& without);

std::string Happening::apply(const Wish& wish, const std::string& options, Thoroughly thoroughly) {
    const auto text = to_toml(wish);
    const bool has_prune = options.find("--prune") != std::string::npos;
    const auto before = snapshot(space_);
    RunOptions file;
    file.input = text;
    std::optional<Finished> planned;
    if (thoroughly == Thoroughly::yes) planned = vxlanctl(space_, "plan - -q " + options, file);
    const auto finished = vxlanctl(space_, "apply - --json " + options, file);
    log_ += fmt::format("apply - {}: {}\n{}", options, finished.code, finished.err);
    const auto document = nlohmann::json::parse(finished.out, nullptr, false);
    demand(!document.is_discarded(), "there is a document", finished.out);
    if (finished.code == 2) {
        const auto changed = difference(before, snapshot(space_));
        demand(changed.empty(), "with exit code 2 nothing is touched", changed);
    } else {
        check_errors(document, finished.code);
        check_untouched(before, document);
        check_foreign(before, document, options);
        if (finished.code == 0) check_settled(text, options);
    }
    if (!planned) return std::to_string(finished.code);
    const bool as_planned = planned->code == finished.code || result_of(document, "failed");
    demand(as_planned, "plan ends with the exit code of apply",
           fmt::format("{}\n{}", planned->code, planned->err));
    if (finished.code != 0) return std::to_string(finished.code);
    const auto checked = check_text(space_, text, has_prune ? "--prune" : "");
    demand(checked.code == 0, "it is in sync then", checked.out + checked.err);
    return std::to_string(finished.code);
}

/// The kernel refuses nothing that was planned, except what only it can know.
void Happening::check_errors(const nlohmann::json& document, int code) {
    static const std::regex known("Nexthop has invalid gateway|the UDP port is in use");
    bool impossible = false, failed = false;
    for (const auto& tunnel : document.at("tunnels"))
        for (const auto& error : tunnel.at("errors")) {
            const std::string kind = error.at("kind"), message = error.at("message");
            impossible = impossible || kind == "usage";
            if (kind == "usage" || kind == "refused") continue;
            demand(code == 1, "an error has its exit code", message);
            demand(std::regex_search(message, known), "the kernel accepts what was planned",
                   message);
            failed = true;
        }
    // One that cannot be keeps the others from nothing.
    const bool has_reason = code == 0 || code == 4 || (code == 1 && (impossible || failed));
    demand(has_reason, "an exit code has its reason", document.dump(1));
}

/// What was refused, or failed, is as it was.
void Happening::check_untouched(const nlohmann::json& before,
                                const nlohmann::json& document) const {
    std::set<std::string> refused;
    bool all = true;
    for (const auto& tunnel : document.at("tunnels"))
        if (const auto& result = tunnel.at("result"); result == "refused" || result == "failed")
            refused.insert(tunnel.at("name"));
        else
            all = false;
    if (refused.empty()) return;
    const auto after = snapshot(space_);
    const auto changed = all ? difference(before, after)
                             : difference(reduced(before, refused), reduced(after, refused));
    demand(changed.empty(), "what is refused or fails is not touched", changed);
}

/// What others made is there still, except on links that were removed, or replaced without it.
void Happening::check_foreign(const nlohmann::json& before, const nlohmann::json& document,
                              const std::string& options) const {
    const auto has = [&](const char* option) { return options.find(option) != std::string::npos; };
    std::set<std::string> gone;
    for (const auto& tunnel : document.at("tunnels"))
        for (const auto& step : tunnel.at("steps"))
            if (step.at("operation") == "delete_link" &&
                (has("--drop-foreign") || tunnel.at("result") == "removed"))
                gone.insert({step.at("link"), "f5", "f6"}); // these may stand on it
    auto left = foreign_objects(snapshot(space_), gone);
    std::string missing;
    for (const auto& [object, count] : foreign_objects(before, gone))
        if (left[object] < count && !(has("--exclusive") && object.starts_with("on tunnel")))
            missing += object + "\n";
    demand(missing.empty(), "what others made stays", missing);
}

void Happening::check_settled(const std::string& text, const std::string& options) {
    const auto again = vxlanctl_counted(space_, "apply - " + options, {}, text);
    demand(again.writes == 0 && again.finished.code == 0, "a second run writes nothing",
           fmt::format("{} writes\n{}{}", again.writes, again.finished.out, again.finished.err));
}

bool result_of(const nlohmann::json& document, const char* result) {
    return document.at("summary").contains(result);
}

/// What the links of these names have.
nlohmann::json reduced(const nlohmann::json& state, const std::set<std::string>& links) {
    nlohmann::json part;
    for (const char* kind : {"links", "addresses", "settings"})
        if (state.contains(kind))
            for (const auto& [name, item] : state.at(kind).items())
                if (links.count(name) != 0) part[kind][name] = item;
    const auto add = [&](const std::string& kind, const nlohmann::json& list) {
        for (const auto& item : list)
            if (links.count(item.at("dev")) != 0) part[kind].push_back(item);
    };
    for (const auto& [family, list] : state.at("routes").items())
        add("routes" + family, list);
    add("fdb", state.at("fdb"));
    add("neighbours", state.at("neighbours"));
    return part;
}

bool is_ours_by_name(const std::string& link) {
    static const std::regex names("(v|is|ip)[0-9]|.*x");
    return std::regex_match(link, names);
}

/// Each that is not on these links, as text.
Tally foreign_objects(const nlohmann::json& state, const std::set<std::string>& without) {
    static const std::regex pattern(foreign_pattern);
    Tally objects;
    const auto add = [&](const char* what, const std::string& dev, nlohmann::json item) {
        if (without.count(dev) != 0) return;
        if (is_ours_by_name(dev) && !std::regex_search(item.dump(), pattern)) return;
        item.erase("flags"); // whether it is a secondary one follows from the others
        ++objects[fmt::format("{}{} {} {}", is_ours_by_name(dev) ? "on tunnel " : "", what, dev,
                              item.dump())];
    };
    for (const auto& [name, item] : state.at("links").items())
        if (!is_ours_by_name(name) && without.count(name) == 0) ++objects["link " + name];
    if (state.contains("addresses"))
        for (const auto& [name, list] : state.at("addresses").items())
            for (const auto& item : list)
                add("address", name, item);
    for (const auto& [family, list] : state.at("routes").items())
        for (const auto& item : list)
            if (const int protocol = item.at("kind").at(1); protocol != 2 && protocol != 147)
                add("route", item.at("dev"), item);
    for (const auto& [family, list] : state.at("rules").items())
        for (const auto& item : list)
            if (item.value("21", "") != "93") add("rule", "", item);
    for (const auto& item : state.at("fdb"))
        add("FDB entry", item.at("dev"), item);
    for (const auto& item : state.at("neighbours"))
        add("neighbour", item.at("dev"), item);
    return objects;
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

/// Without everything that it does not need to fail.
History shrunk(History history, Failure& failure) {
    Tally ignored;
    for (int tries = 0; tries < 300;) {
        bool found = false;
        for (auto& candidate : smaller(history)) {
            ++tries;
            const auto still = failure_of(candidate, ignored);
            if (!still || still->promise != failure.promise) continue;
            history = std::move(candidate);
            failure = *still;
            found = true;
            break;
        }
        if (!found) break;
    }
    return history;
}

unsigned number(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

std::set<std::string> kinds_here() {
    const Namespace space;
    std::set<std::string> kinds;
    for (const std::string kind : {"sit", "ip6tnl", "vrf"})
        if (run(space, {"ip", "link", "add", "x0", "type", kind, kind == "vrf" ? "table" : "local",
                        kind == "vrf"   ? "9"
                        : kind == "sit" ? "192.0.2.1"
                                        : "2001:db8::1"})
                .code == 0) {
            kinds.insert(kind);
            sh(space, "ip link del x0");
        }
    return kinds;
}

} // namespace

TEST_CASE("history: files and what others do, in any order, end as the files say") {
    const unsigned seed = number("VXLANCTL_HISTORY_SEED", std::random_device()());
    const unsigned count = number("VXLANCTL_HISTORIES", is_slow() ? 20 : 500);
    const auto kinds = kinds_here();
    Tally tally;
    int failed = 0;
    for (unsigned i = 0; i < count; ++i) {
        const auto history = random_history(seed + i, kinds);
        auto failure = failure_of(history, tally);
        if (!failure) continue;
        const auto small = shrunk(history, *failure);
        FAIL_CHECK("VXLANCTL_HISTORY_SEED=" << seed + i << "\n"
                                            << to_script(small) << failure->what);
        if (++failed == 5) break; // each takes a while
    }
    std::cout << fmt::format("{} histories from VXLANCTL_HISTORY_SEED={}\n", count, seed);
    for (const auto& [what, times] : tally)
        std::cout << fmt::format("{:6} {}\n", times, what);
}
