#include "vxlanctl/files/json_tokens.h"

#include "vxlanctl/base/utf8.h"

namespace vxlanctl {

std::optional<JsonProblem> obstacle_to_json(std::string_view text) {
    if (text.size() > longest_text)
        return JsonProblem{Error(Code::text_too_large, "", {{"mib", longest_text >> 20}}), 0};
    // The parser takes it for the end.
    if (const auto at = text.find('\0'); at != std::string_view::npos)
        return JsonProblem{Error(Code::json_nul_byte), at};
    return std::nullopt;
}

JsonProblem json_syntax_problem(std::string_view text, std::size_t position,
                                const nlohmann::json::exception& problem) {
    constexpr std::string_view intro = "syntax error while parsing ";
    constexpr std::size_t longest_quote = 300; // bytes
    std::string_view words = problem.what();
    words.remove_prefix(std::min(words.size(), words.find("] ") + 2));
    if (const auto at = words.find(intro); at != std::string_view::npos)
        words.remove_prefix(at + intro.size());
    if (const auto at = words.find(" - "); at < words.find('\'')) words.remove_prefix(at + 3);
    constexpr int number_overflow = 406; // of nlohmann's: JSON, but no double
    words = words.substr(0, words.find("; last read: "));
    const std::size_t at_end = text.find_last_not_of(" \t\r\n") + 1;
    if (at_end == 0) words = "unexpected end of input"; // newer versions say more of this
    return {Error(problem.id == number_overflow ? Code::json_number_too_large : Code::not_json, "",
                  {{"problem", shortened(as_utf8(words), longest_quote)}}),
            std::min(position == 0 ? 0 : position - 1, at_end)};
}

} // namespace vxlanctl
