#pragma once

#include <algorithm>
#include <iterator>
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

/// Elements of sorted `one` that are not in sorted `other`.
template<class T> std::vector<T> minus(const std::vector<T>& one, const std::vector<T>& other) {
    std::vector<T> result;
    if (one == other) return result; // the usual case, and cheaper to find out
    std::set_difference(one.begin(), one.end(), other.begin(), other.end(),
                        std::back_inserter(result));
    return result;
}

} // namespace vxlanctl
