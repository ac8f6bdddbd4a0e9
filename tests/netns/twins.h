#pragma once

#include "world.h"

namespace world {

/// Two equal hosts: what --ip-commands prints, run by a shell in the one, has to make what the
/// program makes in the other one. What is random the one is given by the other.
class Twins {
public:
    Twins();

    /// Something that others do on both.
    void both(const std::string& line);
    /// The words here, the commands that they stand for there, and everything is the same then,
    /// marks apart. Gives the commands.
    std::string run(const std::string& words);

    const Host ours, theirs;

private:
    void equalize();
};

} // namespace world
