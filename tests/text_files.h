#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

/// Files that a test reads or writes. Throws where that does not work.
namespace text_files {

inline std::string text_of(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + " cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    if (!(file << text << std::flush)) throw std::runtime_error(path + " cannot be written");
}

} // namespace text_files
