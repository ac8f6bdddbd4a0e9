#pragma once

#include "vxlanctl/model/names.h"

#include <string_view>

namespace vxlanctl {

/// Who is asked for the addresses of one name. It may take as long as it likes: resolve() ends the
/// process that asks. Threads ask at the same time.
using NameService = NameAnswer (*)(const NameQuery& query);

/// getaddrinfo(3). A program that is linked statically with glibc cannot: glibc looks names up by
/// plugins, which are those of the host and its version.
NameAnswer ask_c_library(const NameQuery& query);

/// getent(1), which asks the C library of the host. All that it tells of a failure is that there
/// are no addresses.
NameAnswer ask_getent(const NameQuery& query);
bool has_getent();

/// What this program was built for.
NameService usual_name_service();

/// The addresses of that family in what `getent ahosts` prints: a line for each address and kind of
/// socket that begins with the address. An IPv4 address that it writes as an IPv6 one is none of
/// IPv6. Sorted, each once.
std::vector<IpAddress> addresses_in(std::string_view printed, Family family);

} // namespace vxlanctl
