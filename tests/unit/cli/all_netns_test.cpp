// How `show` tells of other network namespaces.
#include "vxlanctl/cli/all_netns.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace vxlanctl;

TEST_CASE("all-netns: what is said of other namespaces") {
    CHECK(other_namespaces_text({}).empty());
    CHECK(other_namespaces_text({{"blue"}, 0}) ==
          "Tunnels in 1 more network namespace (see --all-netns): blue\n");
    CHECK(other_namespaces_text({{}, 2}) ==
          "Tunnels in 2 more network namespaces without a name in /run/netns.\n");
    CHECK(other_namespaces_text({{"a\033[31m"}, 0}).find('\033') == std::string::npos);
    OtherNamespaces many;
    for (char letter = 'a'; letter <= 'l'; ++letter)
        many.names.push_back("namespace-" + std::string(1, letter));
    const std::string text = other_namespaces_text(many);
    CHECK(text.find("Tunnels in 12 more network namespaces") == 0);
    CHECK(text.find("namespace-h, ...\n") != std::string::npos);
    CHECK(text.find("namespace-i") == std::string::npos);
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
        CHECK(text.find('\n', at) - at <= 80);
    CHECK(other_namespaces_json({{"blue"}, 2}) ==
          nlohmann::json{{"names", {"blue"}}, {"nameless", 2}});
}
