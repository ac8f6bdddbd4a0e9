#include "vxlanctl/command.h"
#include "vxlanctl/output.h"

#include <exception>

int main(int argc, char** argv) {
    try {
        return vxlanctl::run_program({argv + (argc > 0 ? 1 : 0), argv + argc});
    } catch (const std::exception& problem) {
        vxlanctl::print_error({vxlanctl::ErrorKind::kernel, "", "internal error", problem.what(), 0,
                               "This is a bug: please report it."});
        return 1;
    }
}
