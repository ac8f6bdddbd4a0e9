#include "vxlanctl/base/messages.h"

#include <algorithm>
#include <array>

namespace vxlanctl {
namespace {

#define MSG_ERROR(code, kind, text, remedy, advice)                                                \
    MessageRow{Code::code, #code, Severity::error, ErrorKind::kind, text, remedy, advice},
#define MSG_WARNING(code, text, remedy, advice)                                                    \
    MessageRow{Code::code, #code, Severity::warning, ErrorKind::kernel, text, remedy, advice},
#define MSG_NOTE(code, text, advice)                                                               \
    MessageRow{Code::code, #code, Severity::note, ErrorKind::kernel, text, "", advice},
#define MSG_FINDING(code, text, advice)                                                            \
    MessageRow{Code::code, #code, Severity::finding, ErrorKind::kernel, text, "", advice},
#define MSG_REASON(code, text)                                                                     \
    MessageRow{Code::code, #code, Severity::reason, ErrorKind::kernel, text, "", ""},
constexpr auto all_rows = std::to_array<MessageRow>({
#include "vxlanctl/base/messages/all.def"
});

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < all_rows.size(); ++i)
        if (all_rows[i].code != static_cast<Code>(i) || all_rows[i].text.empty()) return false;
    return true;
}
static_assert(is_in_order(), "each code has exactly one row, and each row a text");

} // namespace

std::span<const MessageRow> message_rows() {
    return all_rows;
}

const MessageRow& row_of(Code code) {
    return all_rows[static_cast<std::size_t>(code)];
}

std::string code_word(Code code) {
    std::string word(row_of(code).word);
    std::replace(word.begin(), word.end(), '_', '-');
    return word;
}

} // namespace vxlanctl
