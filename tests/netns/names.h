#pragma once

#include <string>

namespace world {

/// Names as this process, and what it starts, sees them as long as this object lives: /etc/hosts
/// with that text, and then the DNS server at that address, if there is one.
class Names {
public:
    explicit Names(const std::string& hosts, const std::string& server = "");
    ~Names();
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;
    static void set_hosts(const std::string& hosts);
};

} // namespace world
