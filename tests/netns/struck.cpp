#include "struck.h"

#include <unistd.h>

namespace world {

Struck run_struck(const Namespace& space, const std::string& words, const Strike& strike,
                  std::map<std::string, std::string> environment) {
    const std::string calls = "/run/struck";
    environment["LD_PRELOAD"] = STRIKE_LIBRARY;
    environment["ASAN_OPTIONS"] = "verify_asan_link_order=0";
    environment["VXLANCTL_FAULT"] = strike.fault;
    environment["VXLANCTL_STRIKE"] = std::to_string(strike.number);
    environment["VXLANCTL_STRIKE_ON"] = strike.goes_on ? "1" : "";
    environment["VXLANCTL_STRUCK"] = calls;
    unlink(calls.c_str());
    Struck struck{vxlanctl(space, words, {std::move(environment), "", false, patience}), ""};
    if (access(calls.c_str(), F_OK) != 0) return struck;
    const std::string text = text_of(calls);
    struck.call = text.substr(0, text.find('\n'));
    return struck;
}

} // namespace world
