#include "vxlanctl/doctor/size_search.h"

#include <algorithm>
#include <utility>

namespace vxlanctl {
namespace {

/// Sizes between two others, which are left out, in about equal steps.
std::vector<std::uint32_t> between(std::uint32_t low, std::uint32_t high) {
    constexpr std::uint32_t steps = 7;
    std::vector<std::uint32_t> sizes;
    if (high <= low + 1) return sizes;
    const std::uint32_t step = std::max((high - low) / steps, 1U);
    for (std::uint32_t size = low + step; size < high && sizes.size() + 1 < steps; size += step)
        sizes.push_back(size);
    return sizes;
}

} // namespace

std::vector<std::uint32_t> SizeSearch::next() {
    constexpr int tries = 2; // one packet may get lost
    const auto silent = std::exchange(open_, {});
    if (passes_ == 0) {
        if (small_tries_++ < tries) open_ = {small_};
    } else if (passes_ < wanted_ && full_tries_++ < tries) {
        open_ = {wanted_};
    } else if (passes_ < wanted_) {
        for (const auto size : silent)
            if (size > passes_) fails_ = std::min(fails_, size);
        open_ = between(passes_, fails_);
    }
    return open_;
}

void SizeSearch::note_answer(std::uint32_t size) {
    passes_ = std::max(passes_, size);
    std::erase(open_, size);
}

} // namespace vxlanctl
