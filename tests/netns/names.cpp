#include "names.h"

#include "world.h"

#include <fstream>

namespace world {

Names::Names(const std::string& hosts, const std::string& server) {
    // Another /etc, with links to all else: its files may be links or mounts, or not be there.
    const Namespace anywhere;
    sh(anywhere,
       "mkdir -p /run/etc; mount --rbind /etc /run/etc; mount -t tmpfs tmpfs /etc\n"
       "ln -s /run/etc/* /etc; cd /etc; rm -f hosts resolv.conf nsswitch.conf gai.conf\n");
    std::ofstream("/etc/nsswitch.conf") << "hosts: files" << (server.empty() ? "" : " dns") << "\n";
    std::ofstream("/etc/resolv.conf")
        << "nameserver " << server << "\noptions timeout:60 attempts:1\n";
    set_hosts(hosts);
}

Names::~Names() {
    const Namespace anywhere;
    run(anywhere, {"/bin/sh", "-c", "umount /etc; umount -R /run/etc"});
}

void Names::set_hosts(const std::string& hosts) {
    std::ofstream("/etc/hosts") << hosts;
}

} // namespace world
