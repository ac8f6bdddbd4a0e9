#include "told.h"
#include "vxlanctl/base/trust.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <vector>

using namespace vxlanctl;

namespace {

constexpr mode_t file = S_IFREG, directory = S_IFDIR, link_type = S_IFLNK;

std::string refusal(const std::vector<PathStep>& steps, const std::set<unsigned>& users = {0}) {
    const auto good = check_way("/etc/v.toml", steps, users);
    if (good) return "";
    CHECK(good.error().kind == ErrorKind::usage);
    return told(good.error());
}

} // namespace

TEST_CASE("trust: what root and the user alone can write to is read") {
    const PathStep root{"/", 0, 0, directory | 0755};
    CHECK(refusal({root, {"/etc/v.toml", 0, 0, file | 0644}}).empty());
    CHECK(refusal({root, {"/etc/v.toml", 0, 0, file | 0664}}).empty());
    CHECK(refusal({root, {"/etc/v.toml", 1000, 100, file | 0644}}, {0, 1000}).empty());
    CHECK(refusal({root, {"/etc/v.toml", 1000, 1000, file | 0664}}, {0, 1000}).empty());
    CHECK(
        refusal({root, {"/tmp", 0, 0, directory | 01777}, {"/tmp/v", 0, 0, file | 0644}}).empty());
    CHECK(refusal({root, {"/var/l", 0, 0, link_type | 0777}, {"/x", 0, 0, file | 0644}}).empty());
    CHECK(refusal({root, {"/dev/null", 0, 0, S_IFCHR | 0666}}).empty());
}

TEST_CASE("trust: what others can write to is refused, with the reason and the remedy") {
    const PathStep root{"/", 0, 0, directory | 0755}, good{"/etc/v.toml", 0, 0, file | 0644};
    CHECK(refusal({root, {"/etc/v.toml", 0, 0, file | 0666}}) ==
          "/etc/v.toml: file-writable-by-others {what=it, writers=everybody, command=chmod go-w, "
          "path=/etc/v.toml}");
    CHECK(refusal({root, {"/etc/v.toml", 0, 50, file | 0664}}) ==
          "/etc/v.toml: file-writable-by-others {what=it, writers=group 50, command=chmod go-w, "
          "path=/etc/v.toml}");
    CHECK(refusal({root, {"/etc/v.toml", 0, 0, file | 0664, true}}) ==
          "/etc/v.toml: file-writable-by-others {what=it, writers=others, by an access control "
          "list,, command=setfacl -b, path=/etc/v.toml}");
    CHECK(refusal({root, {"/etc/v.toml", 1001, 1001, file | 0644}}) ==
          "/etc/v.toml: file-owner-not-trusted {what=it, owner=1001} + chown-file "
          "{path=/etc/v.toml}");
    CHECK(refusal({root, {"/a b", 0, 0, directory | 0777}, good}) ==
          "/etc/v.toml: file-writable-by-others {what=the directory '/a b', writers=everybody, "
          "command=chmod go-w, path='/a b'}");
    CHECK(refusal({root, {"/d", 1001, 0, directory | 01755}, good})
              .find("what=the directory '/d', owner=1001") != std::string::npos);
    CHECK(refusal({root, {"/l", 1001, 0, link_type | 0777}, good}).find("what=the link '/l'") !=
          std::string::npos);
    CHECK(refusal({root, {"/etc/p", 0, 0, S_IFIFO | 0666}})
              .find("file-writable-by-others {what=it, writers=everybody") != std::string::npos);
}
