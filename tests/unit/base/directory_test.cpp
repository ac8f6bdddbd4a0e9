#include "vxlanctl/base/directory.h"

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace vxlanctl;

namespace {

std::string text_of_size(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + i % 23);
    return text;
}

/// A file that has only a descriptor.
FileDescriptor file_of(const std::string& text) {
    FileDescriptor file(memfd_create("text", MFD_CLOEXEC));
    REQUIRE(write_all(file.get(), text));
    REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
    return file;
}

} // namespace

TEST_CASE("files: all of one is read, of whatever size") {
    for (const std::size_t size : {0, 1, 4094, 4095, 4096, 4097, 8192, 200000}) {
        INFO(size);
        const std::string text = text_of_size(size);
        CHECK(read_all(file_of(text).get()) == text);
    }
}

TEST_CASE("files: a pipe is read until its end, in whatever pieces it comes") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const FileDescriptor out(ends[0]);
    const std::string text = text_of_size(30000);
    std::thread writer([&] {
        FileDescriptor in(ends[1]);
        for (std::size_t begin = 0; begin < text.size(); begin += 4096)
            write_all(in.get(), text.substr(begin, 4096));
        for (const char byte : std::string("end"))
            write_all(in.get(), {&byte, 1});
    });
    const std::string read = read_all(out.get());
    writer.join();
    CHECK(read == text + "end");
}

TEST_CASE("files: more than the limit is an error, of a file and of what has no size") {
    const std::string text = text_of_size(10000);
    for (const std::size_t limit : {0, 1, 4095, 4096, 5000, 9999, 10000, 20000}) {
        INFO(limit);
        std::string read = "before";
        const bool fits = limit >= text.size();
        CHECK(read_until_end(file_of(text).get(), limit, read) == (fits ? 0 : EFBIG));
        if (fits) CHECK(read == text);
    }
    const FileDescriptor endless(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    std::string read;
    CHECK(read_until_end(endless.get(), 100000, read) == EFBIG);
}

TEST_CASE("files: what cannot be read is an errno") {
    const FileDescriptor directory(open("/", O_RDONLY | O_CLOEXEC));
    std::string read;
    CHECK(read_until_end(directory.get(), 100, read) == EISDIR);
    CHECK(read_all(directory.get()).empty());
    CHECK(read_all(-1).empty());
}
