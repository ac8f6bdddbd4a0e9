#pragma once

#include "vxlanctl/plan.h"

#include <random>

/// Random wishes, and what happens to links besides: the input of tests of properties.
namespace vxlanctl::test {

class Chance {
public:
    explicit Chance(unsigned seed) : engine_(seed) {}
    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
    bool one_in(int count) { return below(count) == 0; }
    template<class T> T pick(const std::vector<T>& from) {
        return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
    }

private:
    std::mt19937 engine_;
};

/// Named vxlan0, on host_state(); of one kind in all of a seed's rounds.
Tunnel random_tunnel(Chance& chance, unsigned seed);
/// What others do to a link, and what traffic does.
void disturb(Chance& chance, State& state);
/// Under which everything is allowed.
PlanOptions random_options(Chance& chance);

} // namespace vxlanctl::test
