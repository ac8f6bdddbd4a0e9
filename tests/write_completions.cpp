// Writes the files of completions/ into the folder that is named.
#include "vxlanctl/completion.h"

#include <fstream>

int main(int, char** argv) {
    const std::string folder = argv[1];
    std::ofstream(folder + "/vxlanctl.bash") << vxlanctl::bash_completion();
    std::ofstream(folder + "/_vxlanctl") << vxlanctl::zsh_completion();
    std::ofstream(folder + "/vxlanctl.fish") << vxlanctl::fish_completion();
}
