#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <vector>

/// What the planner does with lists time and again.
namespace vxlanctl {

template<class T> void append(std::vector<T>& to, std::vector<T> from) {
    if (to.empty()) return to.swap(from);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

template<class T> bool is_in(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

template<class T, class Equal> bool is_in(const std::vector<T>& list, const T& value, Equal equal) {
    return std::any_of(list.begin(), list.end(),
                       [&](const T& other) { return equal(other, value); });
}

/// Sorts `list`, equal ones in the order that they had, and what goes with each in the same way.
template<class T, class Companion>
void sort_with(std::vector<T>& list, std::vector<Companion>& companions) {
    if (std::is_sorted(list.begin(), list.end())) return;
    std::vector<std::size_t> order(list.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t one, std::size_t other) { return list[one] < list[other]; });
    const auto reorder = [&](auto& elements) {
        auto sorted = elements;
        for (std::size_t i = 0; i < order.size(); ++i)
            sorted[i] = std::move(elements[order[i]]);
        elements = std::move(sorted);
    };
    reorder(list);
    reorder(companions);
}

/// Elements of sorted `one` that are not in sorted `other`.
template<class T> std::vector<T> minus(const std::vector<T>& one, const std::vector<T>& other) {
    std::vector<T> result;
    if (other.empty()) return one;
    if (one == other) return result; // the usual case, and cheaper to find out
    std::set_difference(one.begin(), one.end(), other.begin(), other.end(),
                        std::back_inserter(result));
    return result;
}

} // namespace vxlanctl
