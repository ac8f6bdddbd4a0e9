#include "vxlanctl/base/closest.h"

#include <algorithm>
#include <numeric>

namespace vxlanctl {

std::string closest(std::string_view text, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_distance =
        std::min(std::max<std::size_t>(2, text.size() / 3), text.size() / 2) + 1;
    for (const auto& candidate : candidates) {
        const std::size_t longer = std::max(candidate.size(), text.size());
        const std::size_t shorter = std::min(candidate.size(), text.size());
        if (longer - shorter >= best_distance) continue; // and no time for a text of megabytes
        // Levenshtein's distance, a row at a time.
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < text.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i + 1;
            for (std::size_t j = 0; j < candidate.size(); ++j) {
                const std::size_t replaced = diagonal + (text[i] == candidate[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
            }
        }
        if (row.back() < best_distance) best_distance = row.back(), best = candidate;
    }
    return best;
}

} // namespace vxlanctl
