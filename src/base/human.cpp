#include "vxlanctl/base/human.h"

#include "vxlanctl/base/format.h"

#include <array>
#include <string_view>

namespace vxlanctl {

std::string age_text(std::chrono::seconds age) {
    using namespace std::chrono;
    if (age < minutes(1)) return formatted("{} s", age.count());
    if (age < hours(1)) return formatted("{} min", duration_cast<minutes>(age).count());
    if (age < days(2)) return formatted("{} h", duration_cast<hours>(age).count());
    return formatted("{} d", duration_cast<days>(age).count());
}

std::string utc_text(std::time_t time) {
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, sizeof "2026-11-30T13:00:00Z"> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 1000) return formatted("{} B", bytes);
    constexpr std::array<std::string_view, 6> units{"kB", "MB", "GB", "TB", "PB", "EB"};
    std::size_t unit = 0;
    std::uint64_t tenths = bytes / 100;
    for (; tenths >= 10'000; tenths /= 1000)
        ++unit;
    return tenths < 100 ? formatted("{}.{} {}", tenths / 10, tenths % 10, units.at(unit))
                        : formatted("{} {}", tenths / 10, units.at(unit));
}

} // namespace vxlanctl
