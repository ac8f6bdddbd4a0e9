#include "vxlanctl/base/wrapped.h"

#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {

std::string wrapped(std::string_view text, std::size_t first_column, std::size_t indent,
                    std::size_t width) {
    std::string result;
    std::size_t column = first_column;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        if (column > indent && column + 1 + word.size() > width) {
            result += formatted("\n{:{}}", "", indent);
            column = indent;
        } else if (!result.empty()) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    return result;
}

} // namespace vxlanctl
