#include "vxlanctl/cli/command.h"
#include "vxlanctl/cli/output.h"

#include <exception>
#include <malloc.h>

int main(int argc, char** argv) {
#ifdef __GLIBC__
    // A run is short: memory that is given back to the kernel is asked for again at once. Any of
    // these switches off that glibc raises the threshold for mapping a block by itself, so it is
    // set as well, to the most that there may be.
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
    try {
        return vxlanctl::run_program(
            vxlanctl::words_of_call({argv, static_cast<std::size_t>(argc)}));
    } catch (const std::exception& problem) {
        vxlanctl::print_error(
            vxlanctl::Error(vxlanctl::Code::internal_error, "", {{"problem", problem.what()}}),
            vxlanctl::Codes::shown);
        return 1;
    }
}
