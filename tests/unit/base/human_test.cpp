// Quantities as people say them, and how wide a text is.
#include "vxlanctl/base/human.h"

#include "vxlanctl/base/utf8.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace vxlanctl;
using namespace std::chrono_literals;

TEST_CASE("human: an age is in the largest unit that says enough") {
    CHECK(age_text(0s) == "0 s");
    CHECK(age_text(59s) == "59 s");
    CHECK(age_text(60s) == "1 min");
    CHECK(age_text(119s) == "1 min");
    CHECK(age_text(3599s) == "59 min");
    CHECK(age_text(1h) == "1 h");
    CHECK(age_text(47h) == "47 h");
    CHECK(age_text(48h) == "2 d");
    CHECK(age_text(24h * 400) == "400 d");
}

TEST_CASE("human: bytes have two digits or three") {
    CHECK(bytes_text(0) == "0 B");
    CHECK(bytes_text(999) == "999 B");
    CHECK(bytes_text(1000) == "1.0 kB");
    CHECK(bytes_text(1999) == "1.9 kB");
    CHECK(bytes_text(9999) == "9.9 kB");
    CHECK(bytes_text(10'000) == "10 kB");
    CHECK(bytes_text(999'999) == "999 kB");
    CHECK(bytes_text(1'000'000) == "1.0 MB");
    CHECK(bytes_text(1'234'567'890) == "1.2 GB");
    CHECK(bytes_text(std::numeric_limits<std::uint64_t>::max()) == "18 EB");
}

TEST_CASE("human: East Asian characters are two columns wide, and accents none") {
    CHECK(display_width("gate-a") == 6);
    CHECK(display_width("") == 0);
    CHECK(display_width("東京-a") == 6);
    CHECK(display_width("é") == 1);
    CHECK(display_width("e\xcc\x81") == 1); // an accent of its own
    CHECK(display_width("ゲート") == 6);
    CHECK(display_width("\xff\xfe") == 2); // no UTF-8
}
