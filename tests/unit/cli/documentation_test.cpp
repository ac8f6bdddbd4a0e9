// The pages of docs/, and what they lead to.
#include "text_files.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>
#include <vector>

using text_files::text_of;

namespace {

const std::filesystem::path root = SOURCE_DIRECTORY;

std::vector<std::filesystem::path> pages() {
    std::vector<std::filesystem::path> found;
    for (const auto& folder : {root, root / "docs"})
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().extension() == ".md") found.push_back(entry.path());
    return found;
}

} // namespace

TEST_CASE("documentation: the index has every page and every example") {
    const std::string index = text_of(root / "docs/README.md");
    for (const auto& folder : {root / "docs", root / "examples"})
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string name = entry.path().filename();
            INFO(name);
            // Of keepalived, whose files belong to those with the same name.
            if (name != "README.md" && entry.path().extension() != ".conf")
                CHECK((index.find(name + ")") != std::string::npos ||
                       index.find(name + "/)") != std::string::npos));
        }
}

TEST_CASE("documentation: a link leads to a file that is there") {
    const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))");
    std::size_t links = 0;
    for (const auto& page : pages()) {
        const std::string text = text_of(page);
        for (std::sregex_iterator found(text.begin(), text.end(), link), end; found != end;
             ++found, ++links) {
            INFO(page << ": " << (*found)[1]);
            CHECK(std::filesystem::exists(page.parent_path() / (*found)[1].str()));
        }
    }
    CHECK(links > 50);
}
