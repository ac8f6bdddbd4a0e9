#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

/// What has to hold whatever the input is: a fuzzer keeps an input for which it does not.
inline void require(bool holds) {
    if (!holds) std::abort();
}
