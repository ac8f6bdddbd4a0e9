#include "vxlanctl/base/messages.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace vxlanctl {
namespace {

// The texts stand in one block of bytes without a pointer: in a table of pointers, of which a
// position-independent program has to correct each when it starts, they would cost every run a
// dozen pages that it never reads.
#define MSG_ERROR(code, kind, text, remedy, advice) MSG_ROW(code, error, kind, text, remedy, advice)
#define MSG_WARNING(code, text, remedy, advice) MSG_ROW(code, warning, kernel, text, remedy, advice)
#define MSG_NOTE(code, text, advice) MSG_ROW(code, note, kernel, text, "", advice)
#define MSG_FINDING(code, text, advice) MSG_ROW(code, finding, kernel, text, "", advice)
#define MSG_REASON(code, text) MSG_ROW(code, reason, kernel, text, "", "")

/// All texts of a row, each with its null byte.
struct Texts {
#define MSG_ROW(code, severity, kind, text, remedy, advice)                                        \
    char code##_word[sizeof #code];                                                                \
    char code##_text[sizeof(text)];                                                                \
    char code##_remedy[sizeof(remedy)];                                                            \
    char code##_advice[sizeof(advice)];
#include "vxlanctl/base/messages/all.def"
#undef MSG_ROW
};

constexpr Texts texts = {
#define MSG_ROW(code, severity, kind, text, remedy, advice) #code, text, remedy, advice,
#include "vxlanctl/base/messages/all.def"
#undef MSG_ROW
};

/// Where the word of a row stands in `texts`, behind which its other texts follow.
struct PackedRow {
    std::uint32_t offset;
    std::array<std::uint16_t, 4> sizes; ///< with the null byte
    Severity severity;
    ErrorKind kind;
};

constexpr auto packed_rows = std::to_array<PackedRow>({
#define MSG_ROW(code, severity, kind, text, remedy, advice)                                        \
    {offsetof(Texts, code##_word),                                                                 \
     {sizeof #code, sizeof(text), sizeof(remedy), sizeof(advice)},                                 \
     Severity::severity,                                                                           \
     ErrorKind::kind},
#include "vxlanctl/base/messages/all.def"
#undef MSG_ROW
});

constexpr bool has_texts() {
    return std::all_of(packed_rows.begin(), packed_rows.end(),
                       [](const PackedRow& row) { return row.sizes[1] > 1; });
}
static_assert(has_texts(), "each row has a text");

} // namespace

MessageRow row_of(Code code) {
    const auto& packed = packed_rows[static_cast<std::size_t>(code)];
    const char* next = reinterpret_cast<const char*>(&texts) + packed.offset;
    std::array<std::string_view, 4> views;
    for (std::size_t i = 0; i < views.size(); ++i) {
        views[i] = {next, packed.sizes[i] - std::size_t{1}};
        next += packed.sizes[i];
    }
    return {code, views[0], packed.severity, packed.kind, views[1], views[2], views[3]};
}

std::vector<MessageRow> message_rows() {
    std::vector<MessageRow> rows;
    for (std::size_t i = 0; i < packed_rows.size(); ++i)
        rows.push_back(row_of(static_cast<Code>(i)));
    return rows;
}

std::string code_word(Code code) {
    std::string word(row_of(code).word);
    std::replace(word.begin(), word.end(), '_', '-');
    return word;
}

} // namespace vxlanctl
