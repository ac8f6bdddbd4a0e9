#include "vxlanctl/cli/annotation.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("annotation: the place and the code, and what would end them as %XX") {
    Message message(Code::vni_in_use, "vxlan1");
    CHECK(annotation(Annotation::error, message, "50% of it: a, b\r\nand more") ==
          "::error title=vni-in-use::50%25 of it: a, b%0D%0Aand more\n");
    message.place = Place{"./a,b:c%\n.toml", 3, 7, "x"};
    CHECK(annotation(Annotation::warning, message, "m") ==
          "::warning file=a%2Cb%3Ac%25%0A.toml,line=3,col=7,title=vni-in-use::m\n");
    CHECK(annotation(Annotation::notice, message, "").find("::notice file=") == 0);
}

TEST_CASE("annotation: of a file that cannot be read it is at the file") {
    const Message message(Code::cannot_read_file, "hosts/a.toml");
    CHECK(annotation(Annotation::error, message, "m") ==
          "::error file=hosts/a.toml,title=cannot-read-file::m\n");
}
