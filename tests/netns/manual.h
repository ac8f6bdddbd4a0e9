#pragma once

#include "world.h"

/// The examples of the manual pages.
namespace world {

/// Where an example can run: it needs the kinds sit and ip6tnl, or nf_tables.
enum class Needs { nothing, kinds, nft };

/// What an example of a page stands on, in the order of the page.
struct ExampleSetting {
    std::string about; ///< a part of the example, so that none is taken for another
    Needs needs;
    std::string setup; ///< lines of shell before it, on a host as in world.h
    std::string proof; ///< and behind it: they have to succeed
};

/// `.Bd -literal` blocks in the section EXAMPLES of a page in man/, as the reader sees them.
std::vector<std::string> manual_examples(const std::string& page);
const std::vector<ExampleSetting>& example_settings(const std::string& page);

/// Runs the examples of both pages that need this. Returns how many there were.
std::size_t run_manual_examples(Needs needs);

} // namespace world
