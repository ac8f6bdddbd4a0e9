// What `nft -j list ruleset` says: any bytes are a ruleset or an error, and packets can be judged.
#include "vxlanctl/run/nft.h"
#include "property.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto ruleset = parse_ruleset(std::string(reinterpret_cast<const char*>(data), size));
    if (!ruleset) return 0;
    Packet packet;
    packet.link = "eth0";
    packet.source = *parse_address("100.64.158.4");
    packet.destination = *parse_address("172.21.0.100");
    packet.protocol = 17;
    packet.port = 4789;
    packet.vni = 10;
    packet.is_new = true;
    (void)judge(*ruleset, packet);
    packet.incoming = false;
    packet.port.reset();
    (void)judge(*ruleset, packet);
    return 0;
}
