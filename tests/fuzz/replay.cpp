// In place of the fuzzer, where there is none: feeds a target with the files that are named, and
// with each cut short and with single bits turned over, always the same ones.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

long inputs = 0;

void feed(const std::string& bytes) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++inputs;
}

void feed_with_faults(const std::string& bytes) {
    constexpr std::size_t moments = 40; // spread over the file
    feed(bytes);
    for (std::size_t i = 0; i < moments && i < bytes.size(); ++i) {
        const std::size_t at = bytes.size() * i / moments;
        feed(bytes.substr(0, at));
        std::string broken = bytes;
        broken[at] = static_cast<char>(broken[at] ^ (1 << i % 8));
        feed(broken);
    }
}

} // namespace

int main(int count, char** paths) {
    for (int i = 1; i < count; ++i)
        for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i])) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            feed_with_faults({std::istreambuf_iterator<char>(file), {}});
        }
    std::printf("%ld inputs\n", inputs);
    return inputs == 0;
}
