#pragma once

#include "vxlanctl/plan/operation.h"

/// What steps make of a state, as far as that can be told beforehand: what other tunnels are
/// planned on, and on what the way back is planned. The kernel has the last word, so that
/// everything is read again before it is believed.
namespace vxlanctl {

/// Changes the state into what it is after the steps. With a link that is deleted the kernel
/// deletes those that stand on it (they are in State::vanished then), and takes its lower device
/// from those that only send through it.
void take_effect(State& state, const std::vector<Step>& steps);

} // namespace vxlanctl
