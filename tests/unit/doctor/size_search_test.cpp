#include "vxlanctl/doctor/size_search.h"

#include <algorithm>
#include <catch2/catch.hpp>

using vxlanctl::SizeSearch;
using Sizes = std::vector<std::uint32_t>;

namespace {

/// What a path lets pass that answers every packet up to a size, and how many rounds that takes.
std::pair<std::uint32_t, int> search(std::uint32_t wanted, std::uint32_t passes) {
    SizeSearch search(84, wanted);
    int rounds = 0;
    for (auto sizes = search.next(); !sizes.empty(); sizes = search.next()) {
        ++rounds;
        CHECK(std::is_sorted(sizes.begin(), sizes.end()));
        CHECK(sizes.size() <= 6);
        for (const auto size : sizes)
            if (size <= passes) search.note_answer(size);
    }
    return {search.passes(), rounds};
}

} // namespace

TEST_CASE("size search: the largest size that passes is found to the byte in ten rounds") {
    for (const std::uint32_t wanted : {1280, 1450, 8951, 65535})
        for (const std::uint32_t passes :
             {84U, 85U, 576U, 1279U, 1280U, wanted / 2, wanted - 2, wanted - 1}) {
            if (passes >= wanted) continue;
            INFO(wanted << " " << passes);
            const auto [found, rounds] = search(wanted, passes);
            CHECK(found == passes);
            CHECK(rounds <= 10);
        }
}

TEST_CASE("size search: where everything passes, two packets are enough") {
    CHECK(search(8951, 9000) == std::pair{8951U, 2});
}

TEST_CASE("size search: who does not answer a small packet is asked for it twice") {
    CHECK(search(8951, 0) == std::pair{0U, 2});
}

TEST_CASE("size search: a small packet alone, if nothing larger is wanted") {
    SizeSearch search(84, 84);
    CHECK(search.next() == Sizes{84});
    CHECK_FALSE(search.is_settled());
    search.note_answer(84);
    CHECK(search.is_settled());
    CHECK(search.next().empty());
    CHECK(search.passes() == 84);
}

TEST_CASE("size search: a lost packet is sent again, and a late answer counts") {
    SizeSearch search(84, 1450);
    CHECK(search.next() == Sizes{84});
    CHECK(search.next() == Sizes{84});
    search.note_answer(84);
    CHECK(search.next() == Sizes{1450});
    CHECK(search.next() == Sizes{1450});
    CHECK(search.next().size() == 6);
    search.note_answer(1450); // to the first one
    CHECK(search.next().empty());
    CHECK(search.passes() == 1450);
}
