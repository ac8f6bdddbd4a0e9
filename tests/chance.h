#pragma once

#include <cstdlib>
#include <random>
#include <vector>

/// What a seed decides.
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

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED
#endif
#endif

inline bool is_long() {
    return std::getenv("VXLANCTL_LONG") != nullptr;
}

/// How many seeds a test of properties tries: all of them with VXLANCTL_LONG (tools/test long),
/// else a fifth; under sanitizers, which take ten times as long and look for something else, that
/// always.
inline unsigned seeds(unsigned many) {
#ifdef IS_SANITIZED
    return many / 5;
#else
    return is_long() ? many : many / 5;
#endif
}

/// The first of a test's seeds: 1, or with VXLANCTL_LONG another one each time.
inline unsigned first_seed() {
    return is_long() ? std::random_device{}() : 1;
}
