// Catch2 and the one way into it.
#include "catch.h"

#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int run_test_cases(int argc, char** argv) {
    return Catch::Session().run(argc, argv);
}
