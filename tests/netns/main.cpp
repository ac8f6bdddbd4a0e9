// The tests need a network of their own: as root, or in a user namespace where the kernel lets an
// ordinary user make one. /run is private too, since locks and records live there, and so is
// /etc/machine-id, which the MAC addresses of new tunnels are made of; examples/ is
// copied to it, since who may write to the sources is none of the tests' business.
#include "catch.h"
#include "world.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace {

constexpr int skip_code = 77; // SKIP_RETURN_CODE in CMakeLists.txt

void write_file(const char* path, const std::string& text) {
    const int fd = open(path, O_WRONLY);
    if (fd < 0) return;
    if (write(fd, text.data(), text.size()) < 0) std::perror(path);
    close(fd);
}

bool become_root() {
    const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER) != 0) return false;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + uid + " 1");
    write_file("/proc/self/gid_map", "0 " + gid + " 1");
    return geteuid() == 0;
}

void copy_examples() {
    namespace fs = std::filesystem;
    fs::copy(SOURCE_DIRECTORY "/examples", EXAMPLES, fs::copy_options::recursive);
    constexpr auto others = fs::perms::group_write | fs::perms::others_write;
    fs::permissions(EXAMPLES, others, fs::perm_options::remove);
    for (const auto& entry : fs::recursive_directory_iterator(EXAMPLES))
        fs::permissions(entry, others, fs::perm_options::remove);
}

/// A machine ID of the tests' own, which a bare tree has none of, and where nobody sees it.
bool give_machine_id() {
    std::ofstream("/run/machine-id") << "00112233445566778899aabbccddeeff\n";
    if (std::filesystem::exists("/etc/machine-id"))
        return mount("/run/machine-id", "/etc/machine-id", nullptr, MS_BIND, nullptr) == 0;
    for (const char* directory : {"/run/etc", "/run/etc-work"})
        std::filesystem::create_directory(directory);
    if (mount("overlay", "/etc", "overlay", 0,
              "lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work") != 0)
        return false;
    std::filesystem::copy("/run/machine-id", "/etc/machine-id");
    return true;
}

bool lists_only(int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
        if (std::strncmp(argv[i], "--list", 6) == 0) return true;
    return false;
}

} // namespace

int main(int argc, char** argv) {
    if (!lists_only(argc, argv)) {
        const bool ready =
            (geteuid() == 0 || become_root()) && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
            mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0 &&
            mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=755") == 0 && give_machine_id();
        if (!ready) {
            std::perror("SKIPPED: this kernel does not give us a network namespace");
            return skip_code;
        }
        copy_examples();
    }
    const int failed = run_test_cases(argc, argv);
    return failed == 0 && world::skipped_cases > 0 ? skip_code : failed;
}
