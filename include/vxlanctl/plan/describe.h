#pragma once

#include "vxlanctl/plan/operation.h"

#include <functional>

namespace vxlanctl {

/// A named value, as it is for machines; text may hold any bytes.
struct Field {
    std::string_view name;
    std::variant<std::string, std::uint64_t, bool> value;
};

/// One thing that an operation makes, changes or removes.
struct Item {
    std::string text;          ///< all that there is to say: `100.64.158.4 port 4790 via eth0`
    std::string name;          ///< what tells it from others of its kind: `100.64.158.4`
    std::vector<Field> fields; ///< the same for machines
};

enum class Sign : char { added = '+', removed = '-', changed = '~' };

/// How an operation is told of, whoever tells: text and JSON of a plan, messages of what failed,
/// the commands of an old script. It refers to the step that it was made of.
struct Description {
    Sign sign = Sign::changed;
    std::string operation; ///< the word for machines: `add_peers`
    std::string_view verb; ///< for people: `add`
    std::string_view noun; ///< `peer`; empty where the item's text says all
    std::string_view key;  ///< under which machines find the items; empty: beside `operation`
    bool has_many = false; ///< the items are a list
    std::size_t count = 0; ///< of items
    std::function<Item(std::size_t)> item = {};
};

/// The items of a step that differences tell of (Step::changes) are for machines alone. The
/// description refers to `names` too.
Description describe(const Step& step, const PeerNames& names = {});

/// With the peer's name behind its address.
Item item_of(const FloodEntry& entry, const PeerNames& names = {});
Item item_of(const MacEntry& entry);
Item item_of(const PrlEntry& entry);
Item item_of(const Address& address);
Item item_of(const Neighbour& neighbour);
Item item_of(const Route& route);
Item item_of(const Rule& rule);

/// Everything that is stated: numbers and booleans as such, the rest as text.
std::vector<Field> fields_of(const TunnelAttributes& attributes);
std::vector<Field> fields_of(const LinkAttributes& attributes);

/// What a step does, in the imperative: `set mtu: 1450 -> 1400`, `add peer 100.64.158.4`. `element`
/// is the message's index within the step.
std::string imperative(const Step& step, std::size_t element);
/// The same of all elements of all steps.
std::vector<std::string> imperatives(const std::vector<Step>& steps);

} // namespace vxlanctl
