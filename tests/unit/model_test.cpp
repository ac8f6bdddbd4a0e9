#include "vxlanctl/model.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

Link link_named(const std::string& name, int index) {
    Link link;
    link.name = name;
    link.index = index;
    return link;
}

int index_of(const State& state, std::string_view name) {
    const Link* link = find_link(state, name);
    return link == nullptr ? 0 : link->index;
}

} // namespace

TEST_CASE("model: a link is found by its name, whatever happened to the links before") {
    State state;
    CHECK(index_of(state, "b") == 0);
    state.links.push_back(link_named("c", 3));
    state.links.push_back(link_named("a", 1));
    state.links.push_back(link_named("b", 2));
    CHECK(index_of(state, "a") == 1);
    CHECK(index_of(state, "b") == 2);
    CHECK(index_of(state, "c") == 3);
    CHECK(index_of(state, "aa") == 0);
    CHECK(index_of(state, "d") == 0);
    CHECK(index_of(state, "") == 0);

    state.links.find("b")->name = "z";
    CHECK(index_of(state, "b") == 0);
    CHECK(index_of(state, "z") == 2);
    for (auto& link : state.links)
        if (link.name == "c") link.name = "b";
    CHECK(index_of(state, "b") == 3);
    state.links[0].name = "y";
    CHECK(index_of(state, "y") == 3);
    state.links.put(link_named("b", 8));
    state.links.put(link_named("y", 9));
    CHECK(index_of(state, "b") == 8);
    CHECK(index_of(state, "y") == 9);
    state.links.truncate(1);
    CHECK(index_of(state, "a") == 0);
    CHECK(index_of(state, "y") == 9);
    CHECK(state.links.begin()->name == "y"); // they keep their order
}

TEST_CASE("model: a copy of a state finds its own links") {
    State state;
    state.links.push_back(link_named("a", 1));
    CHECK(index_of(state, "a") == 1);
    State copy = state;
    copy.links.find("a")->index = 7;
    CHECK(index_of(copy, "a") == 7);
    CHECK(index_of(state, "a") == 1);
}
