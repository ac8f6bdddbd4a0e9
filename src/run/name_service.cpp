#include "vxlanctl/run/name_service.h"

#include "vxlanctl/base/program.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#if defined(VXLANCTL_STATIC) && defined(__GLIBC__)
#define VXLANCTL_GETENT_ONLY
#endif

namespace vxlanctl {
namespace {

Family other_family(Family family) {
    return family == Family::ipv4 ? Family::ipv6 : Family::ipv4;
}

/// The C library says of a name without such addresses what it says of one that is not there.
std::string why_only_others(const NameQuery& query) {
    return text_of(query.family == Family::ipv4 ? Code::only_ipv6_addresses
                                                : Code::only_ipv4_addresses);
}

/// The name as it is looked up: a dot at its end only tells that it is one.
std::string looked_up(const NameQuery& query) {
    std::string name = query.name;
    if (name.find('.') + 1 == name.size()) name.pop_back();
    return name;
}

void sort_and_unite(std::vector<IpAddress>& addresses) {
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

/// Exit code 2 of getent(1): nothing was found. Also argp's EX_USAGE.
constexpr int nothing_found = 2;
constexpr int unknown_option = 64;
/// resolve() ends it earlier.
constexpr std::chrono::hours patience(24);

/// What getent prints of the addresses of one family. Without --no-addrconfig, which older
/// versions of glibc do not know, it leaves out a family that no interface has an address of.
Result<ProgramOutput> run_getent(const NameQuery& query) {
    std::vector<std::string> words{"--no-addrconfig",
                                   query.family == Family::ipv4 ? "ahostsv4" : "ahostsv6",
                                   looked_up(query)};
    auto printed = run_system_program("getent", words, "", patience);
    if (!printed || printed->code != unknown_option) return printed;
    words.erase(words.begin());
    return run_system_program("getent", words, "", patience);
}

} // namespace

#ifdef VXLANCTL_GETENT_ONLY

NameAnswer ask_c_library(const NameQuery& query) {
    return ask_getent(query);
}

NameService usual_name_service() {
    return ask_getent;
}

#else
namespace {

IpAddress address_of(const sockaddr& address) {
    std::array<std::uint8_t, 16> bytes{};
    if (address.sa_family == AF_INET) {
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
        return address_from_wire({bytes.data(), 4});
    }
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
    return address_from_wire(bytes);
}

/// What getaddrinfo() says of addresses of one family; else its error.
int look_up(const NameQuery& query, std::vector<IpAddress>& addresses) {
    addrinfo hints{};
    hints.ai_family = query.family == Family::ipv4 ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_DGRAM; // else each address comes once for each kind of socket
    addrinfo* list = nullptr;
    const int problem = getaddrinfo(looked_up(query).c_str(), nullptr, &hints, &list);
    if (problem != 0) return problem;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next)
        if (entry->ai_family == hints.ai_family) addresses.push_back(address_of(*entry->ai_addr));
    sort_and_unite(addresses);
    return 0;
}

} // namespace

NameAnswer ask_c_library(const NameQuery& query) {
    NameAnswer answer;
    const int problem = look_up(query, answer.addresses);
    if (problem == 0) return answer;
    answer.why = problem == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(problem);
    if (problem == EAI_AGAIN || problem == EAI_SYSTEM) return answer;
    std::vector<IpAddress> others;
    if (look_up({query.name, other_family(query.family)}, others) == 0)
        answer.why = why_only_others(query);
    return answer;
}

NameService usual_name_service() {
    return ask_c_library;
}

#endif

NameAnswer ask_getent(const NameQuery& query) {
    const auto printed = run_getent(query);
    if (!printed) return {{}, to_string(printed.error())};
    NameAnswer answer{addresses_in(printed->out, query.family), {}};
    if (!answer.addresses.empty()) return answer;
    if (printed->code != 0 && printed->code != nothing_found) {
        answer.why = text_of(Code::getent_failed, {{"code", printed->code}});
        return answer;
    }
    const Family other = other_family(query.family);
    const auto others = run_getent({query.name, other});
    answer.why = others && !addresses_in(others->out, other).empty()
                     ? why_only_others(query)
                     : text_of(Code::getent_found_nothing);
    return answer;
}

bool has_getent() {
    return has_system_program("getent");
}

std::vector<IpAddress> addresses_in(std::string_view printed, Family family) {
    std::vector<IpAddress> addresses;
    while (!printed.empty()) {
        const auto line = printed.substr(0, printed.find('\n'));
        printed.remove_prefix(std::min(printed.size(), line.size() + 1));
        // A link-local address has the interface behind it, which the peer's `via` tells.
        const auto address = parse_address(line.substr(0, line.find_first_of(" \t%")));
        if (address && address->family == family && !mapped_ipv4(*address))
            addresses.push_back(*address);
    }
    sort_and_unite(addresses);
    return addresses;
}

} // namespace vxlanctl
