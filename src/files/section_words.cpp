#include "vxlanctl/files/section_words.h"

#include "vxlanctl/files/section_reader.h"

#include <algorithm>

namespace vxlanctl {

Written SectionWords::word_of(std::string_view key, std::string name, const std::string& word) {
    return {Written::Type::word, word, {0, ++last_}, std::move(name), std::string(key)};
}

void SectionWords::add(std::string_view key, std::string name, const std::string& word) {
    table_.elements.push_back(word_of(key, std::move(name), word));
}

void SectionWords::add_element(std::string_view key, std::string name, const std::string& word) {
    list(key).push_back(word_of("", std::move(name), word));
}

std::vector<Written>& SectionWords::list(std::string_view key) {
    auto& all = table_.elements;
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const Written& value) { return value.key == key; });
    if (found == all.end())
        found = all.insert(found, {Written::Type::list, "", {0, ++last_}, "", std::string(key)});
    return found->elements;
}

Result<Tunnel> SectionWords::tunnel(PeerList given) {
    for (auto* places : {&given.entry_places, &given.name_places})
        for (auto& place : *places)
            place.position = {0, last_ + 1};
    SectionReader reader(kind_, ifname_, table_, errors_, {nullptr, std::move(given)});
    auto tunnel = reader.read_section();
    if (errors_.count() != 0) return tl::unexpected(errors_.take().front());
    tunnel->implied = stated_keys(blank_tunnel(kind_));
    for (const auto& value : table_.elements)
        tunnel->implied.erase(value.key);
    return std::move(*tunnel);
}

} // namespace vxlanctl
