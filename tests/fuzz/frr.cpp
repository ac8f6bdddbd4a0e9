// What vtysh prints: any bytes are values, and can be compared with a link.
#include "vxlanctl/run/frr.h"
#include "vxlanctl/doctor/evpn.h"

#include <cstdint>
#include <string_view>

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)frr_directories(text);
    const Evpn evpn = parse_evpn(frr_answers(text));
    Link link;
    link.name = "vxlan100";
    link.tunnel.vni = 100;
    (void)compare(evpn, link, nullptr);
    return 0;
}
