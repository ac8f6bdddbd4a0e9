#pragma once

#include <chrono>

/// Signals that ask the program to end, at a moment that suits it.
namespace vxlanctl {

/// From here on SIGINT, SIGTERM and SIGHUP do not end the process: caught_signal() tells them to
/// whoever works, who ends in an order of its own.
void catch_signals();
/// The signal that came, or 0.
int caught_signal();
/// From here on SIGHUP asks for no end, but for another look at everything: it makes this
/// descriptor readable, an eventfd(2) that lives as long as the process. Before catch_signals(),
/// which leaves SIGHUP so. -1 where it is ignored, as under nohup(1).
int hangup_descriptor();
/// Waits for one of the events of poll(2), at most until `end`, and tells whether there is one. A
/// signal that is caught ends the wait, also one that comes just before it.
bool wait_for(int descriptor, short events, std::chrono::steady_clock::time_point end);

} // namespace vxlanctl
