#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace vxlanctl {

/// Who started this process and wants to know how it fares: sd_notify(3), as datagrams of lines
/// `NAME=VALUE` to the socket that NOTIFY_SOCKET names. Nobody is told where there is none.
class ServiceManager {
public:
    /// By the environment.
    static ServiceManager of_environment();

    /// `READY=1`, `STATUS=...`, several separated by newlines. Never waits, and a manager that
    /// cannot be told is no error.
    void tell(std::string_view lines) const;
    /// How often `WATCHDOG=1` is to be told: twice as often as the manager demands. Empty where it
    /// does not.
    std::optional<std::chrono::microseconds> watchdog_interval() const { return interval_; }

private:
    std::string address_; ///< a path, or with '@' for its first byte, of the abstract namespace
    std::optional<std::chrono::microseconds> interval_;
};

} // namespace vxlanctl
