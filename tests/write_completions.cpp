// Makes the tables in the files of completions/, the folder that is named, anew.
#include "text_files.h"
#include "vxlanctl/cli/completion.h"

int main(int, char** argv) {
    const auto write = [&](const std::string& name, const std::string& tables) {
        const std::string path = argv[1] + ("/" + name);
        text_files::write_text(path, vxlanctl::with_tables(text_files::text_of(path), tables));
    };
    write("vxlanctl.bash", vxlanctl::bash_tables());
    write("_vxlanctl", vxlanctl::zsh_tables());
    write("vxlanctl.fish", vxlanctl::fish_tables());
}
