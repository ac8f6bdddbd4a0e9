#pragma once

#include <cstdint>
#include <vector>

namespace vxlanctl {

/// Which sizes of packets to try so that the largest one is found that passes: first a small one,
/// then the largest, and if that is not answered either time, sizes between, several in a round.
class SizeSearch {
public:
    /// In bytes; with `wanted` not above `small` nothing else is tried.
    SizeSearch(std::uint32_t small, std::uint32_t wanted)
        : small_(small), wanted_(wanted), fails_(wanted) {}

    /// What to send in the next round; nothing where there is no more to find out.
    std::vector<std::uint32_t> next();
    /// May come late, or twice.
    void note_answer(std::uint32_t size);
    /// The largest that was answered; 0: none was.
    std::uint32_t passes() const { return passes_; }
    /// Whether all that was sent in this round was answered.
    bool is_settled() const { return open_.empty(); }

private:
    std::uint32_t small_, wanted_;
    std::uint32_t fails_; ///< the smallest that was not answered, larger ones aside
    std::uint32_t passes_ = 0;
    int small_tries_ = 0, full_tries_ = 0;
    std::vector<std::uint32_t> open_; ///< sent in this round and not answered
};

} // namespace vxlanctl
