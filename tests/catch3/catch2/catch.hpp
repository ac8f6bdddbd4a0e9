// The tests are written for Catch2 2 (Debian 12) and 3 (Debian 13): CMakeLists.txt has this found
// before Catch2 3, which has no header of this name.
#pragma once
#include <catch2/catch_all.hpp>

namespace Catch {
using TestEventListenerBase = EventListenerBase;
}
