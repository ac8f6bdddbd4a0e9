#include "stacks.h"

#include <algorithm>
#include <fmt/format.h>

namespace stacks {
namespace {

constexpr int most_tunnels = 6, most_depth = 4;

const Layer* find(const Stack& stack, int number) {
    const auto found = std::find_if(stack.begin(), stack.end(),
                                    [&](const Layer& layer) { return layer.number == number; });
    return found == stack.end() ? nullptr : &*found;
}

int depth_of(const Stack& stack, int number) {
    int depth = 0;
    for (const Layer* layer = find(stack, number); layer != nullptr && depth < 10;
         layer = find(stack, layer->lower))
        ++depth;
    return depth;
}

/// What a tunnel on this one can be: ISATAP needs an IPv4 address, ipip6 one of IPv6.
std::vector<Kind> kinds_on(const Layer* lower, const std::set<Kind>& kinds) {
    std::vector<Kind> possible{Kind::vxlan};
    const bool has_ipv4 = lower == nullptr || lower->kind != Kind::isatap,
               has_ipv6 = lower == nullptr || lower->kind != Kind::ipip6;
    if (has_ipv4 && kinds.contains(Kind::isatap)) possible.push_back(Kind::isatap);
    if (has_ipv6 && kinds.contains(Kind::ipip6)) possible.push_back(Kind::ipip6);
    return possible;
}

std::string ipv4_of(int number) {
    return number < 0 ? "172.21.0.100" : fmt::format("10.{}.0.1", number);
}

std::string ipv6_of(const Layer* layer, const Stack& stack) {
    if (layer == nullptr) return "2001:db8:21::100";
    if (layer->kind == Kind::isatap) // RFC 5214, of a private address
        return layer->lower < 0
                   ? fmt::format("2001:db8:{}::5efe:ac15:64", layer->number)
                   : fmt::format("2001:db8:{}::5efe:{:x}:1", layer->number, 0x0a00 + layer->lower);
    (void)stack;
    return fmt::format("2001:db8:{}::1", layer->number);
}

/// Above one another they fit; 0 leaves it to the kernel.
void set_mtus(Stack& stack, Chance& chance) {
    const int base = chance.pick(std::vector{0, 0, 2000, 4000, 8000});
    for (auto& layer : stack) {
        layer.mtu.reset();
        if (base != 0) layer.mtu = base - 100 * depth_of(stack, layer.number);
    }
}

void add_layer(Stack& stack, int number, Chance& chance, const std::set<Kind>& kinds) {
    Layer layer;
    layer.number = layer.vni_number = number;
    if (!stack.empty() && !chance.one_in(4)) {
        const Layer lower = chance.pick(stack);
        if (depth_of(stack, lower.number) < most_depth) layer.lower = lower.number;
    }
    layer.kind = chance.pick(kinds_on(find(stack, layer.lower), kinds));
    layer.names_dev = layer.kind == Kind::vxlan ? !chance.one_in(5) : chance.one_in(2);
    layer.rule = chance.one_in(4);
    layer.route_elsewhere = chance.one_in(5);
    layer.second_address = chance.one_in(4);
    layer.forwards = layer.kind != Kind::isatap && chance.one_in(6);
    stack.push_back(layer);
}

/// Without one, and what stands on it.
void drop(Stack& stack, int number) {
    for (const auto& layer : Stack(stack))
        if (layer.lower == number && find(stack, layer.number) != nullptr)
            drop(stack, layer.number);
    std::erase_if(stack, [&](const Layer& layer) { return layer.number == number; });
}

void change(Layer& layer, Stack& stack, Chance& chance) {
    switch (chance.below(8)) {
    case 0:
    case 1: ++layer.variant; break;
    case 2: layer.ttl = 5 + chance.below(20); break;
    case 3: layer.rule = !layer.rule; break;
    case 4: layer.route_elsewhere = !layer.route_elsewhere; break;
    case 5: layer.second_address = !layer.second_address; break;
    case 6: layer.names_dev = layer.kind != Kind::vxlan || !layer.names_dev; break;
    case 7: // onto another one, which has the same families
        for (const auto& other : stack)
            if (other.number < layer.number && layer.kind == Kind::vxlan &&
                depth_of(stack, other.number) < 2)
                layer.lower = other.number;
        break;
    }
}

/// Two VXLANs have each other's VNI then.
void swap_vnis(Stack& stack, Chance& chance) {
    Layer &one = stack[static_cast<std::size_t>(chance.below(static_cast<int>(stack.size())))],
          &other = stack[static_cast<std::size_t>(chance.below(static_cast<int>(stack.size())))];
    if (one.kind != Kind::vxlan || other.kind != Kind::vxlan) return;
    std::swap(one.vni_number, other.vni_number);
    std::swap(one.variant, other.variant);
}

} // namespace

std::string name_of(int number) {
    return fmt::format("t{}", number);
}

Stack random_stack(Chance& chance, const std::set<Kind>& kinds) {
    Stack stack;
    const int count = 1 + chance.below(most_tunnels);
    for (int number = 1; number <= count; ++number)
        add_layer(stack, number, chance, kinds);
    set_mtus(stack, chance);
    return stack;
}

Stack changed(const Stack& stack, Chance& chance, const std::set<Kind>& kinds) {
    if (chance.one_in(8)) return random_stack(chance, kinds);
    Stack result = stack;
    for (int changes = 1 + chance.below(3); changes > 0; --changes) {
        if (result.empty()) break;
        const int number = chance.pick(result).number;
        if (chance.one_in(4)) {
            drop(result, number);
        } else {
            Layer layer = *find(result, number);
            change(layer, result, chance);
            *std::find_if(result.begin(), result.end(),
                          [&](const Layer& other) { return other.number == number; }) = layer;
        }
    }
    for (int swaps = chance.one_in(4) ? 1 + chance.below(2) : 0; swaps > 0 && !result.empty();
         --swaps)
        swap_vnis(result, chance);
    if (chance.one_in(3)) add_layer(result, most_tunnels + 1, chance, kinds);
    if (chance.one_in(3)) set_mtus(result, chance);
    for (auto& layer : result) // a new one
        if (layer.mtu && layer.number > most_tunnels) layer.mtu.reset();
    return result;
}

std::string to_toml(const Stack& stack) {
    std::string text;
    for (const auto& layer : stack) {
        const Layer* lower = find(stack, layer.lower);
        const bool over_ipv6 =
            layer.kind == Kind::ipip6 || (lower != nullptr && lower->kind == Kind::isatap);
        const std::string local = over_ipv6 ? ipv6_of(lower, stack) : ipv4_of(layer.lower);
        const int below = std::max(layer.lower, 0), n = layer.number;
        const std::string remote = over_ipv6 ? fmt::format("2001:db8:{}::2", below + 100)
                                             : fmt::format("10.{}.0.2", below);
        const char* kinds[] = {"vxlan", "isatap", "ipip6"};
        text += fmt::format("[{}.{}]\nlocal = \"{}\"\n", kinds[static_cast<int>(layer.kind)],
                            name_of(n), local);
        if (layer.names_dev)
            text += fmt::format("dev = \"{}\"\n", layer.lower < 0 ? "eth0" : name_of(layer.lower));
        if (layer.kind == Kind::vxlan)
            text +=
                fmt::format("vni = {}\naddresses = [\"10.{}.0.1/24\", \"2001:db8:{}::1/64\"{}]\n"
                            "peers = [\"{}\"]\n",
                            100 * layer.vni_number + layer.variant, n, n,
                            layer.second_address ? fmt::format(", \"10.{}.0.9/24\"", n) : "",
                            over_ipv6 ? remote : fmt::format("10.{}.0.2", below + 200));
        if (layer.kind == Kind::isatap)
            text +=
                fmt::format("prefix = \"2001:db8:{}::/64\"\nrouters = [\"192.0.2.{}\"]\n", n, n);
        if (layer.kind == Kind::ipip6)
            text += fmt::format("remote = \"2001:db8:{}::{}\"\naddresses = [\"10.{}.0.1/24\"{}]\n",
                                100 + n, 2 + layer.variant, n,
                                layer.second_address ? fmt::format(", \"10.{}.0.9/24\"", n) : "");
        if (layer.mtu) text += fmt::format("mtu = {}\n", *layer.mtu);
        if (layer.ttl) text += fmt::format("ttl = {}\n", *layer.ttl);
        if (layer.rule)
            text +=
                fmt::format("rules = [{{ from = \"10.{}.66.0/24\", table = {} }}]\n", n, 1000 + n);
        if (layer.route_elsewhere)
            text += fmt::format("routes = [{{ to = \"10.99.{}.0/24\", dev = \"eth0\" }}]\n", n);
        if (layer.forwards) text += "forward_from = [\"eth0\"]\n";
    }
    return text;
}

} // namespace stacks
