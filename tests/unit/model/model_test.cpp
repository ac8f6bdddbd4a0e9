#include "vxlanctl/model/model.h"

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
    const Link* other = find_link(state, "y");
    state.links.erase("b");
    CHECK(index_of(state, "b") == 0);
    CHECK(find_link(state, "y") == other); // where it was: only what goes, goes
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

namespace {

Route route_to(const char* to, std::uint32_t metric = 0, const char* dev = "") {
    Route route;
    route.to = parse_prefix(to).value();
    route.metric = metric;
    route.dev = dev;
    return route;
}

} // namespace

TEST_CASE("model: routes are found by what the kernel tells them apart by, also after changes") {
    Routes routes{route_to("10.0.0.0/8", 0, "a"), route_to("0.0.0.0/0"), route_to("10.0.0.0/8", 5),
                  route_to("10.0.0.0/8", 0, "b")};
    const auto devices = [&] {
        std::vector<std::string> names;
        for (const Route* route : routes.beside(route_to("10.0.0.0/8")))
            names.push_back(route->dev);
        return names;
    };
    CHECK(devices() == std::vector<std::string>{"a", "b"}); // in the order of the list
    CHECK(routes.beside(route_to("10.0.0.0/9")).empty());
    CHECK(routes.defaults().size() == 1);
    CHECK(find_route(routes, route_to("10.0.0.0/8", 5, "c")) == &routes.list()[2]);
    CHECK_FALSE(routes.contains(route_to("10.0.0.0/8", 5, "c")));
    routes.push_back(route_to("10.0.0.0/8", 0, "c"));
    routes.push_back(route_to("::/0"));
    CHECK(devices() == std::vector<std::string>{"a", "b", "c"});
    CHECK(routes.defaults().size() == 2);
    routes.begin()->metric = 9;
    CHECK(devices() == std::vector<std::string>{"b", "c"});
    routes.erase_if([](const Route& route) { return route.dev == "b"; });
    CHECK(devices() == std::vector<std::string>{"c"});
    routes.truncate(1);
    CHECK(devices().empty());
    CHECK(routes.defaults().empty());
    CHECK(routes.beside(route_to("10.0.0.0/8", 9)).size() == 1);
    const Routes copy = routes;
    routes.clear();
    CHECK(copy.beside(route_to("10.0.0.0/8", 9)) == std::vector{&copy.list()[0]});
}

TEST_CASE("model: a link that is erased leaves the others findable") {
    Links links;
    for (const char* name : {"c", "a", "b"}) {
        Link link;
        link.name = name;
        links.push_back(link);
    }
    CHECK(links.find_to_change("a")->name == "a");
    links.find_to_change("b")->index = 5;
    links.erase("a");
    links.erase("nosuch");
    const Links& left = links;
    CHECK(left.find("a") == nullptr);
    CHECK(left.find("b")->index == 5);
    CHECK(left.find("c")->name == "c");
    CHECK(links.find_to_change("a") == nullptr);
}
