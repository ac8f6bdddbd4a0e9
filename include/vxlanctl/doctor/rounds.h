#pragma once

#include <chrono>
#include <functional>
#include <vector>

/// Many questions to many hosts at the same time.
namespace vxlanctl {

using ProbeClock = std::chrono::steady_clock;

/// How long an answer is waited for before the question is asked again.
constexpr std::chrono::milliseconds round_time{500};

/// A question over a socket. What it refers to has to live as long as it does.
struct Question {
    int descriptor = -1; ///< -1: nobody waits for its answers, they are taken after each round
    /// Sends what is to be sent in this round; false where nothing is to be asked any more.
    std::function<bool()> ask;
    /// Takes the answers that there are.
    std::function<void()> receive;
    /// Whether no further answer is expected in this round.
    std::function<bool()> is_settled;
};

/// Asks in up to `rounds` rounds, until nobody has anything to ask any more, `end` has come, or a
/// signal. A round ends early when all questions are settled.
void ask_in_rounds(const std::vector<Question>& questions, int rounds, ProbeClock::time_point end);

} // namespace vxlanctl
