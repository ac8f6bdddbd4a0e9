// Writes docs/messages.md anew: the target `messages`.
#include "vxlanctl/base/messages.h"

#include <cstdio>
#include <fstream>

int main(int count, char** words) {
    if (count != 2) {
        std::fputs("usage: write_messages FILE\n", stderr);
        return 2;
    }
    std::ofstream file(words[1]);
    file << vxlanctl::messages_page();
    return file.flush() ? 0 : 1;
}
