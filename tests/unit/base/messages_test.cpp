// The table of messages: the only tests that look at sentences.
#include "text_files.h"
#include "told.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <regex>
#include <set>

using namespace vxlanctl;
using Names = std::set<std::string>;

namespace {

/// What stands in braces in a pattern.
Names placeholders(std::string_view pattern) {
    Names names;
    for (auto open = pattern.find('{'); open != std::string_view::npos;
         open = pattern.find('{', open + 1)) {
        const auto close = pattern.find('}', open);
        REQUIRE(close != std::string_view::npos);
        names.emplace(pattern.substr(open + 1, close - open - 1));
    }
    return names;
}

Names placeholders(const MessageRow& row) {
    Names names = placeholders(row.text);
    names.merge(placeholders(row.remedy));
    return names;
}

/// The C++ files of the program.
std::vector<std::filesystem::path> sources() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(SOURCE_DIRECTORY "/src"))
        if (entry.path().extension() == ".cpp") files.push_back(entry.path());
    return files;
}

Names matches(const std::string& text, const std::regex& pattern) {
    Names names;
    for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
        names.insert((*match)[1]);
    return names;
}

std::optional<MessageRow> find_row(const std::string& word) {
    for (const auto& row : message_rows())
        if (row.word == word) return row;
    return std::nullopt;
}

} // namespace

TEST_CASE("messages: codes are words, and each is there once") {
    std::set<std::string> seen;
    for (const auto& row : message_rows()) {
        const auto code = code_word(row.code);
        INFO(code);
        CHECK(std::regex_match(code, std::regex("[a-z][a-z0-9]*(-[a-z0-9]+)*")));
        CHECK(seen.insert(code).second);
        CHECK(row_of(row.code).word == row.word);
    }
}

TEST_CASE("messages: each row has a sentence as such are written, and what to do") {
    for (const auto& row : message_rows()) {
        INFO(code_word(row.code));
        const bool is_sentence = row.severity == Severity::note;
        CHECK(row.text.ends_with('.') + row.text.ends_with('?') == (is_sentence ? 1 : 0));
        const bool needs_advice =
            row.severity == Severity::error || row.severity == Severity::warning;
        if (needs_advice) CHECK((row.remedy.empty() != row.advice.empty()));
        for (const auto part : {row.text, row.remedy, row.advice}) {
            CHECK(part.find("  ") == std::string_view::npos);
            CHECK_FALSE(part.ends_with(' '));
            CHECK_FALSE(part.ends_with(','));
        }
    }
}

TEST_CASE("messages: every pattern is rendered whole with its values") {
    for (const auto& row : message_rows()) {
        INFO(code_word(row.code));
        const auto names = placeholders(row);
        Values values;
        for (const auto& name : names)
            values.emplace_back(name, "<" + name + ">");
        const Message message(row.code, "", values);
        const std::string text = to_string(message);
        CHECK(text.find_first_of("{}") == std::string::npos);
        for (const auto& name : names)
            CHECK(text.find("<" + name + ">") != std::string::npos);
        CHECK(message.kind == row.kind);
    }
}

TEST_CASE("messages: a value that is missing leaves its name, and nothing is thrown") {
    CHECK(rendered("{a}{b} {", {{"b", 7}}) == "{a}7 {");
    CHECK(rendered("{", {}) == "{");
    CHECK(rendered("}{a", {}) == "}{a");
    CHECK(rendered("", {}) == "");
    CHECK(rendered("{a}", {{"a", "{a}"}}) == "{a}"); // a value is no pattern
}

TEST_CASE("messages: the parts of one, in their order") {
    Error error =
        Error(Code::named_twice, "peer 192.0.2.1").also(Code::first_named_at, {{"place", "p:2"}});
    CHECK(to_string(error) == "peer 192.0.2.1: named twice. It is first named at p:2.");
    error.place = Place{"a.toml", 3, 4, "x"};
    CHECK(to_string(error) == "a.toml:3:4: peer 192.0.2.1: named twice. It is first named at p:2.");
    const Error refused =
        Error(Code::kernel_refused, "vxlan0", {{"step", "add peer 192.0.2.1"}}).with(EBUSY, "Busy");
    CHECK(to_string(refused) ==
          "vxlan0: cannot add peer 192.0.2.1: Busy (Device or resource busy)");
    CHECK(to_string(Error(Code::udp_port_in_use, "v\033", {{"step", "set 'v' up"}})) ==
          "v\\x1b: cannot set 'v' up: the UDP port is in use by another program, or by a VXLAN "
          "with other flags. 'ss -ulnp' lists who uses it.");
}

// That none is missing is checked with every message that a test looks at, see require_whole().
TEST_CASE("messages: what sites give a name to stands in their rows, and each row has a site") {
    const std::regex code(R"(Code::([a-z][a-z0-9_]*))"), value(R"re(\{"([a-z_]+)",)re");
    Names used;
    for (const auto& path : sources()) {
        const std::string text = text_files::text_of(path.string());
        for (std::size_t begin = 0; begin < text.size();) {
            const auto end = std::min(text.find(";\n", begin), text.size());
            const std::string statement = text.substr(begin, end - begin);
            begin = end + 1;
            const auto codes = matches(statement, code);
            INFO(path.string() << "\n" << statement);
            Names known;
            for (const auto& word : codes)
                if (const auto row = find_row(word)) known.merge(placeholders(*row));
            if (!codes.empty())
                for (const auto& name : matches(statement, value))
                    CHECK(known.count(name) == 1);
            used.insert(codes.begin(), codes.end());
        }
    }
    for (const auto& row : message_rows()) {
        INFO(row.word);
        CHECK(used.count(std::string(row.word)) == 1);
    }
}

TEST_CASE("messages: docs/messages.md is the table") {
    // 'cmake --build build --target messages' writes it anew.
    const bool is_current =
        text_files::text_of(SOURCE_DIRECTORY "/docs/messages.md") == messages_page();
    CHECK(is_current);
    for (const auto& row : message_rows())
        CHECK(messages_page().find("| `" + code_word(row.code) + "` |") != std::string::npos);
}
