#include "vxlanctl/plan/new_mac.h"

#include "vxlanctl/base/sha256.h"

#include <algorithm>
#include <charconv>

namespace vxlanctl {

std::optional<MachineId> parse_machine_id(std::string_view text) {
    MachineId id{};
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() != 2 * id.size()) return std::nullopt;
    for (std::size_t i = 0; i < id.size(); ++i) {
        const char* const digits = text.data() + 2 * i;
        const auto [stop, problem] = std::from_chars(digits, digits + 2, id[i], 16);
        if (problem != std::errc{} || stop != digits + 2) return std::nullopt;
    }
    return id == MachineId{} ? std::nullopt : std::optional(id);
}

MacAddress stable_mac(const MachineId& machine, const std::string& name,
                      const TunnelAttributes& vxlan) {
    // Says what the hash is for, so that no other program's is the same.
    constexpr std::string_view purpose = "vxlanctl: MAC address of a VXLAN, 1";
    std::vector<std::uint8_t> message(purpose.begin(), purpose.end());
    message.push_back(0);
    message.insert(message.end(), name.begin(), name.end());
    message.push_back(0);
    const std::uint32_t vni = vxlan.vni.value_or(0);
    for (const int shift : {24, 16, 8, 0})
        message.push_back(static_cast<std::uint8_t>(vni >> shift));
    if (vxlan.local) {
        const auto local = wire_bytes(*vxlan.local);
        message.insert(message.end(), local.begin(), local.end());
    }
    const Sha256 digest = hmac_sha256(machine, message);
    MacAddress mac;
    std::copy_n(digest.begin(), mac.bytes.size(), mac.bytes.begin());
    return locally_administered(mac);
}

MacAddress locally_administered(MacAddress mac) {
    constexpr std::uint8_t group = 1, local = 2;
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & ~group) | local);
    return mac;
}

} // namespace vxlanctl
