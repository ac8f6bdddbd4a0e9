#pragma once

#include "vxlanctl/cli/output.h"

#include <string>
#include <vector>

namespace vxlanctl {

struct Column {
    std::string title;
    bool is_number = false; ///< at the right edge of the column
};

/// A row of a table, and lines that belong below it.
struct TableRow {
    std::vector<std::string> cells; ///< one a column; printable UTF-8
    std::string below;              ///< words, which may be broken into lines
};

/// A table with a line of titles, two blanks from the left edge, at most 80 columns wide. Columns
/// without a single cell are left out; other empty cells become `-`. Where a row's first two cells
/// are too wide for the others to fit beside them, they have a line of their own.
std::string table_text(const std::vector<Column>& columns, const std::vector<TableRow>& rows,
                       const OutputStyle& style);

} // namespace vxlanctl
