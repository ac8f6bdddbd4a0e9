#include "vxlanctl/doctor/rounds.h"

#include "vxlanctl/base/signals.h"

#include <algorithm>
#include <poll.h>

namespace vxlanctl {
namespace {

bool are_settled(const std::vector<Question>& questions) {
    return std::all_of(questions.begin(), questions.end(),
                       [](const Question& question) { return question.is_settled(); });
}

void await_answers(const std::vector<Question>& questions, ProbeClock::time_point end) {
    std::vector<pollfd> waiting;
    for (const auto& question : questions)
        waiting.push_back({question.descriptor, POLLIN, 0});
    while (!are_settled(questions) && caught_signal() == 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - ProbeClock::now());
        if (left.count() <= 0) return;
        if (poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) <= 0) continue;
        for (std::size_t i = 0; i < waiting.size(); ++i)
            if (waiting[i].revents != 0) questions[i].receive();
    }
}

} // namespace

void ask_in_rounds(const std::vector<Question>& questions, int rounds, ProbeClock::time_point end) {
    for (int round = 0; round < rounds && ProbeClock::now() < end; ++round) {
        bool asked = false;
        for (const auto& question : questions)
            asked = question.ask() || asked;
        if (!asked) return;
        await_answers(questions, std::min(end, ProbeClock::now() + round_time));
        for (const auto& question : questions)
            question.receive();
        if (caught_signal() != 0) return;
    }
}

} // namespace vxlanctl
