#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/cli/command.h"

namespace vxlanctl {

/// How to talk to the user.
struct OutputStyle {
    bool color = false; ///< terminal escape sequences
    bool json = false;
    bool quiet = false; ///< errors alone
    bool verbose = false;
};

/// From the options, NO_COLOR and what standard output is.
Result<OutputStyle> output_style(const Arguments& arguments);

enum class Ink { plain, added, removed, changed, warning, faint };
/// `text` in a colour, if the style has any.
std::string painted(const OutputStyle& style, Ink ink, std::string_view text);

/// Text for standard output, at once; a write error (a full disk) is reported by finish_output().
void print(std::string_view text);
/// False when not all output could be written.
bool finish_output();
/// Whether the codes of messages are printed behind them.
enum class Codes : std::uint8_t { hidden, shown };
/// Shown with --verbose.
Codes codes(const Arguments& arguments);
Codes codes(const OutputStyle& style);
/// ` [code, code of what follows]`, or nothing.
std::string code_list(const Message& message, Codes codes);
/// `vxlanctl: warning: … [code]` on standard error.
void print_warning(const Message& message, Codes codes);
/// `vxlanctl: … [code]` on standard error, with the line of a file that it is about.
void print_error(const Error& error, Codes codes);

/// A progress bar on standard error, if that is a terminal and the work takes longer than half a
/// second. Call it with every progress; it draws at most ten times a second, and clears itself when
/// all is done.
class ProgressBar {
public:
    explicit ProgressBar(const OutputStyle& style);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    void show(std::size_t done, std::size_t total);

private:
    void clear();
    bool enabled_;
    bool drawn_ = false;
    long long began_ = 0, last_ = 0; ///< milliseconds
};

} // namespace vxlanctl
