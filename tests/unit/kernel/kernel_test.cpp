// Who opens what belongs to a network namespace.
#include "text_files.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>

using text_files::text_of;

namespace {

std::string without_comments(const std::string& text) {
    return std::regex_replace(text, std::regex(R"(//[^\n]*)"), "");
}

} // namespace

TEST_CASE("kernel: nothing else opens sockets or sysctls, looks names up, or enters a namespace") {
    // What a process does with its namespace without saying so; a socket of AF_UNIX is of none.
    const std::regex forbidden(R"(\bsocket\((?!AF_UNIX)|nl_connect|if_nametoindex|if_indextoname|)"
                               R"(\bsetns\(|\bunshare\(|\bopen\(\(?"/proc/(sys/)?net/)");
    std::size_t sources = 0, meetings = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(SOURCE_DIRECTORY "/src")) {
        if (!entry.is_regular_file()) continue;
        ++sources;
        const std::string name = entry.path().filename();
        const std::string text = without_comments(text_of(entry.path()));
        const bool is_allowed = name == "kernel.cpp" || name == "namespaces.cpp";
        for (std::sregex_iterator found(text.begin(), text.end(), forbidden), end; found != end;
             ++found) {
            INFO(name << ": " << found->str());
            const std::string before = found->prefix();
            const bool is_by_kernel = before.ends_with("kernel.") || before.ends_with("kernel_.");
            CHECK((is_allowed || is_by_kernel));
            ++meetings;
        }
    }
    CHECK(sources > 50);
    CHECK(meetings > 3); // it does find what it looks for
}
