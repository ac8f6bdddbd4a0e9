#pragma once

/// Runs the test cases that the words of the command line name; 0 when all of them passed.
int run_test_cases(int argc, char** argv);
