#include "vxlanctl/base/file_events.h"

#include "text_files.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

using namespace vxlanctl;
using text_files::write_text;
namespace fs = std::filesystem;

namespace {

/// A directory that goes with this object.
struct Scratch {
    Scratch() {
        std::string name = (fs::temp_directory_path() / "vxlanctl-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~Scratch() { fs::remove_all(path); }
    std::string operator/(const std::string& name) const { return path + "/" + name; }
    std::string path;
};

} // namespace

TEST_CASE("file events: a file that is written in place, replaced, or removed") {
    const Scratch scratch;
    write_text(scratch / "gate.toml", "1");
    auto events = FileEvents::open().value();
    CHECK(events.watch({scratch / "gate.toml"}).value());
    CHECK_FALSE(events.watch({scratch / "gate.toml"}).value()); // nothing new
    CHECK_FALSE(events.read());
    write_text(scratch / "other.toml", "1");
    CHECK_FALSE(events.read());
    write_text(scratch / "gate.toml", "2");
    CHECK(events.read());
    CHECK_FALSE(events.read());
    fs::rename(scratch / "other.toml", scratch / "gate.toml");
    CHECK(events.read());
    fs::remove(scratch / "gate.toml");
    CHECK(events.read());
    CHECK(events.watch({scratch / "gate.toml"}).has_value());
    write_text(scratch / "gate.toml", "3");
    CHECK(events.read());
}

TEST_CASE("file events: a file that is being written is not looked at before it is closed") {
    const Scratch scratch;
    auto events = FileEvents::open().value();
    REQUIRE(events.watch({scratch.path}));
    FileDescriptor file(open((scratch / "a.toml").c_str(), O_CREAT | O_WRONLY, 0600));
    REQUIRE(write(file.get(), "1", 1) == 1);
    CHECK_FALSE(events.read());
    file = FileDescriptor();
    CHECK(events.read());
    fs::create_symlink("a.toml", scratch / "b.toml"); // nothing else comes of that
    CHECK(events.read());
    write_text(scratch / ".a.toml.swp", "1");
    CHECK_FALSE(events.read());
    fs::permissions(scratch / "a.toml", fs::perms::owner_read);
    CHECK(events.read());
}

TEST_CASE("file events: what is not there yet, behind links that change") {
    const Scratch scratch;
    const std::string path = scratch / "current/hosts/gate.toml";
    auto events = FileEvents::open().value();
    REQUIRE(events.watch({path}));
    fs::create_directories(scratch / "release-7/hosts");
    CHECK_FALSE(events.read());
    fs::create_symlink("release-7", scratch / "current");
    CHECK(events.read());
    CHECK(events.watch({path}).value());
    write_text(scratch / "release-7/hosts/gate.toml", "1");
    CHECK(events.read());
    fs::create_directories(scratch / "release-8/hosts");
    fs::create_symlink("release-8", scratch / "next");
    CHECK_FALSE(events.read());
    fs::rename(scratch / "next", scratch / "current"); // as `ln -sfT` and deployments do
    CHECK(events.read());
    CHECK(events.watch({path}).value());
    write_text(scratch / "release-8/hosts/gate.toml", "1");
    CHECK(events.read());
    (void)events.watch({path});
    write_text(scratch / "release-7/hosts/gate.toml", "2");
    CHECK_FALSE(events.read());
}

TEST_CASE("file events: a directory that is replaced") {
    const Scratch scratch;
    fs::create_directory(scratch / "files");
    auto events = FileEvents::open().value();
    REQUIRE(events.watch({scratch / "files"}));
    fs::rename(scratch / "files", scratch / "old");
    CHECK(events.read());
    fs::create_directory(scratch / "files");
    CHECK(events.watch({scratch / "files"}).value());
    write_text(scratch / "files/a.toml", "1");
    CHECK(events.read());
}
