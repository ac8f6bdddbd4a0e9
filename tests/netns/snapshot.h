#pragma once

#include <nlohmann/json.hpp>

namespace world {

/// The same as snapshot(), of the network namespace that this process is in.
nlohmann::json snapshot_here();

} // namespace world
