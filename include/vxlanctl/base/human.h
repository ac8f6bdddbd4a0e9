#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

/// Quantities as people say them.
namespace vxlanctl {

/// How long ago: `3 s`, `2 min`, `5 h`, `4 d`, rounded down.
std::string age_text(std::chrono::seconds age);
/// `512 B`, `1.5 kB`, `23 MB`, in powers of 1000, rounded down.
std::string bytes_text(std::uint64_t bytes);
/// A moment in UTC, to the second: `2026-11-30T13:00:00Z`.
std::string utc_text(std::time_t time);

} // namespace vxlanctl
