#pragma once

#include "vxlanctl/run/name_service.h"

#include <chrono>

namespace vxlanctl {

/// Looks up all names at once, as the host is configured to (nsswitch.conf(5)), and in the network
/// namespace that the program was called in. Each query has its answer; one that takes longer than
/// `time` is that it took too long. An error of kind kernel when a signal came that
/// catch_signals() catches; one of kind usage when getent is to be asked and is missing.
Result<NameAnswers> resolve(const std::set<NameQuery>& queries, std::chrono::seconds time,
                            NameService service = usual_name_service());

} // namespace vxlanctl
