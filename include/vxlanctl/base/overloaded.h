#pragma once

namespace vxlanctl {

/// One function object out of a lambda per alternative, for std::visit.
template<class... Handlers> struct Overloaded : Handlers... { using Handlers::operator()...; };
template<class... Handlers> Overloaded(Handlers...) -> Overloaded<Handlers...>;

} // namespace vxlanctl
