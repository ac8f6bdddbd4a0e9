#include "vxlanctl/tunnel_file.h"

#include "vxlanctl/closest.h"
#include "vxlanctl/lists.h"
#include "vxlanctl/route_words.h"
#include "vxlanctl/toml_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <map>

// toml++ asserts what texts such as "[}" break, and with NDEBUG makes clang assume it. The code
// behind these assertions tells the error, if it is only let.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16 // ours are three deep, and it parses by recursion
#include <toml++/toml.h>

namespace vxlanctl {
namespace {

// Even then toml++ would need 400 MB for the worst text. A peers file may be larger.
constexpr std::size_t longest_text = 8 << 20;
constexpr std::size_t most_errors = 100;      // of one file
constexpr std::size_t longest_excerpt = 1000; // bytes; a longer line is not shown
constexpr std::size_t longest_message = 300;  // bytes of one part of it
constexpr TunnelKind kinds[] = {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl};

using ReadPath = std::function<Result<std::string>(const std::string& path)>;

struct Position {
    std::size_t line = 0, column = 0; ///< from 1, in characters
    auto operator<=>(const Position&) const = default;
};

Position position_of(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}
Position position_of(const toml::node& node) {
    return position_of(node.source());
}

/// At most so many bytes of `text`, and no half characters.
std::string shortened(std::string text) {
    if (text.size() <= longest_message) return text;
    std::size_t end = longest_message;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end) + "...";
}

/// The errors of one text.
class FileErrors {
public:
    explicit FileErrors(const SourceText& source) : source_(source) {}

    void add(Error error, Position position) {
        if (++count_ > most_errors) return;
        error.subject = shortened(std::move(error.subject));
        error.doing = shortened(std::move(error.doing));
        std::string text = line(position.line);
        if (!text.empty()) // toml++ may place the end of the text behind it
            position.column = std::min(position.column, character_count(text) + 1);
        error.place = Place{source_.path, position.line, position.column, std::move(text)};
        errors_.emplace_back(position, std::move(error));
    }

    std::size_t count() const { return count_; }

    std::string place_text(Position position) const {
        return fmt::format("{}:{}:{}", source_.path, position.line, position.column);
    }

    /// The line without its end; empty where it is too long to be shown.
    std::string line(std::size_t number) {
        if (source_.text.size() > longest_text) return "";
        if (starts_.empty()) find_lines();
        if (number == 0 || number > starts_.size()) return "";
        const std::size_t begin = starts_[number - 1];
        std::string_view text = std::string_view(source_.text).substr(begin);
        text = text.substr(0, text.find('\n'));
        if (text.ends_with('\r')) text.remove_suffix(1);
        return text.size() > longest_excerpt ? "" : std::string(text);
    }

    /// In the order of places.
    std::vector<Error> take() {
        std::stable_sort(errors_.begin(), errors_.end(), [](const auto& one, const auto& other) {
            return one.first < other.first;
        });
        std::vector<Error> result;
        for (auto& [position, error] : errors_)
            result.push_back(std::move(error));
        if (count_ > most_errors)
            result.push_back(
                usage_error(source_.path, fmt::format("has {} errors more", count_ - most_errors))
                    .value());
        return result;
    }

private:
    void find_lines() {
        const std::string_view text = source_.text;
        starts_.push_back(text.starts_with("\xef\xbb\xbf") ? 3 : 0); // a byte order mark
        for (auto end = text.find('\n'); end != std::string_view::npos;
             end = text.find('\n', end + 1))
            starts_.push_back(end + 1);
    }

    const SourceText& source_;
    std::vector<std::size_t> starts_; ///< of the lines
    std::vector<std::pair<Position, Error>> errors_;
    std::size_t count_ = 0;
};

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date or a time";
    }
}

/// What reads values out of a table, and tells what is wrong with them.
class TableReader {
public:
    TableReader(const toml::table& table, Position place, FileErrors& errors)
        : table_(table), place_(place), errors_(errors) {}

protected:
    const toml::node* find(std::string_view key) const { return table_.get(key); }

    void check_keys(const std::vector<std::string>& known) {
        for (const auto& [key, value] : table_) {
            if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
            const std::string near = closest(key.str(), known);
            errors_.add(usage_error("", fmt::format("unknown key '{}'", key.str()),
                                    near.empty() ? "See vxlanctl.toml(5)."
                                                 : fmt::format("Did you mean '{}'?", near))
                            .value(),
                        position_of(key.source()));
        }
    }

    /// The value of a key that has to be there; `subject` is who misses it.
    const toml::node* required(std::string_view key, std::string_view subject) {
        const toml::node* const node = find(key);
        if (node == nullptr)
            errors_.add(
                usage_error(std::string(subject), fmt::format("the key '{}' is missing", key))
                    .value(),
                place_);
        return node;
    }

    void refuse(Error error, std::string_view key, const toml::node& node) {
        refuse(std::move(error), key, position_of(node));
    }
    void refuse(Error error, std::string_view key, Position position) {
        if (!error.subject.starts_with(key)) error = with_subject(std::move(error), key).value();
        errors_.add(std::move(error), position);
    }

    /// The value, or none after its error was told.
    template<class T>
    std::optional<T> accept(Result<T> result, std::string_view key, const toml::node& node) {
        if (result) return std::move(*result);
        refuse(std::move(result.error()), key, node);
        return std::nullopt;
    }

    void wrong_type(std::string_view key, const toml::node& node, std::string_view expected) {
        refuse(usage_error("", fmt::format("{} is expected, this is {}", expected, type_name(node)))
                   .value(),
               key, node);
    }

    const std::string* string_of(std::string_view key, const toml::node& node) {
        if (const auto* value = node.as_string()) return &value->get();
        wrong_type(key, node, "a string");
        return nullptr;
    }

    std::optional<bool> boolean_of(std::string_view key, const toml::node& node) {
        if (const auto* value = node.as_boolean()) return value->get();
        wrong_type(key, node, "a boolean");
        return std::nullopt;
    }
    /// The same of a key that may be absent.
    std::optional<bool> boolean_of(std::string_view key) {
        const toml::node* const node = find(key);
        return node == nullptr ? std::nullopt : boolean_of(key, *node);
    }

    const toml::array* list_of(std::string_view key, const toml::node& node) {
        if (const auto* list = node.as_array()) return list;
        wrong_type(key, node, "a list");
        return nullptr;
    }

    std::optional<std::string> number_of(std::string_view key, const toml::node& node) {
        if (const auto* number = node.as_integer()) return std::to_string(number->get());
        wrong_type(key, node, "an integer");
        return std::nullopt;
    }
    /// A number, or a word that stands for one.
    std::optional<std::string> number_or_word_of(std::string_view key, const toml::node& node) {
        const auto* const word = node.as_string();
        const bool is_number = word != nullptr && !word->get().empty() && word->get()[0] >= '0' &&
                               word->get()[0] <= '9';
        if (word != nullptr && !is_number) return word->get();
        if (word != nullptr || node.is_integer()) return number_of(key, node);
        wrong_type(key, node, "an integer or a word");
        return std::nullopt;
    }

    const toml::table& table_;
    Position place_; ///< of the table itself
    FileErrors& errors_;
};

/// `{ dst, port, vni, via }`.
class PeerReader : TableReader {
public:
    using TableReader::TableReader;

    std::optional<Peer> read() {
        check_keys(element_keys("peers"));
        std::optional<Peer> peer;
        if (const auto* dst = required("dst", "peer"))
            if (const auto* text = string_of("dst", *dst))
                peer = accept(parse_peer_or_name(*text), "dst", *dst);
        TunnelAttributes numbers;
        for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
            if (row.name != "port" && row.name != "vni") continue;
            const auto* const node = find(row.name);
            if (node == nullptr) continue;
            if (const auto text = number_of(row.name, *node))
                if (auto set = set_value(numbers, row, *text); !set)
                    refuse(set.error(), row.name, *node);
        }
        std::string via;
        if (const auto* node = find("via"))
            if (const auto* text = string_of("via", *node)) {
                if (auto good = check_link_name(*text); !good)
                    refuse(good.error(), "via", *node);
                else
                    via = *text;
            }
        const auto complete = [&](auto& stated) {
            stated.port = numbers.port;
            stated.vni = numbers.vni;
            stated.via = via;
        };
        if (peer) std::visit(complete, *peer);
        return peer;
    }
};

/// `{ to, via, dev, table, metric }` or `{ from, to, table, priority }`.
template<class Builder> class RouteReader : TableReader {
public:
    using TableReader::TableReader;

    auto read(std::string_view list) {
        check_keys(element_keys(list));
        const std::size_t errors_before = errors_.count();
        Builder builder;
        for (const auto word : Builder::words) {
            const toml::node* const node = find(word);
            if (node == nullptr) continue;
            const auto text = text_of(word, *node);
            if (!text) continue;
            if (auto taken = builder.take(word, *text); !taken) refuse(taken.error(), word, *node);
        }
        auto built = builder.finish();
        std::optional<typename decltype(built)::value_type> result;
        if (errors_.count() != errors_before) return result;
        if (built)
            result = std::move(*built);
        else
            refuse(built.error(), list.substr(0, list.size() - 1), place_);
        return result;
    }

private:
    std::optional<std::string> text_of(std::string_view word, const toml::node& node) {
        if (word == "table") return number_or_word_of(word, node);
        if (word == "metric" || word == "priority") return number_of(word, node);
        const auto* const text = string_of(word, node);
        return text == nullptr ? std::nullopt : std::optional(*text);
    }
};

/// A router of a list as it stands there.
struct NamedRouter {
    IsatapRouter router;
    std::optional<bool> default_route;
    std::optional<std::uint32_t> metric;
    Position place, default_route_place, metric_place;
};

/// `{ address, prl_default, default_route, metric }`.
class RouterReader : TableReader {
public:
    using TableReader::TableReader;

    std::optional<NamedRouter> read(const std::optional<IpAddress>& local) {
        check_keys(element_keys("routers"));
        const std::size_t errors_before = errors_.count();
        NamedRouter named;
        named.place = named.default_route_place = named.metric_place = place_;
        if (const auto* address = required("address", "router"))
            if (const auto* text = string_of("address", *address))
                if (const auto router = accept(parse_router(*text, local), "address", *address))
                    named.router.address = *router;
        named.router.prl_default = boolean_of("prl_default").value_or(true);
        named.default_route = boolean_of("default_route");
        if (const auto* node = find("default_route"))
            named.default_route_place = position_of(*node);
        if (const auto* node = find("metric")) {
            named.metric_place = position_of(*node);
            if (const auto text = number_of("metric", *node))
                named.metric = accept(parse_positive("metric", *text), "metric", *node);
        }
        return errors_.count() == errors_before ? std::optional(named) : std::nullopt;
    }
};

/// The path of a file that the file `path` names.
std::string beside(const std::string& path, const std::string& named) {
    const auto slash = path.rfind('/');
    if (named.starts_with('/') || slash == std::string::npos) return named;
    return path.substr(0, slash + 1) + named;
}

/// A whole section.
class SectionReader : TableReader {
public:
    SectionReader(const toml::table& table, Position place, FileErrors& errors, TunnelKind kind,
                  const std::string& name)
        : TableReader(table, place, errors), kind_(kind), tunnel_(blank_tunnel(kind)) {
        tunnel_.name = name;
    }

    std::optional<Tunnel> read(const std::string& path, const ReadPath& read_peers_file) {
        const std::size_t errors_before = errors_.count();
        check_keys(section_keys(kind_));
        read_attributes(tunnel_.link, link_attributes());
        read_attributes(tunnel_.tunnel, tunnel_attributes(kind_));
        if (tunnel_.link.master && tunnel_.link.vrf)
            refuse(
                usage_error("", "vrf and master contradict each other: a VRF is a master").value(),
                "", *find("vrf"));
        if (const auto* node = required("local", tunnel_.name))
            if (const auto* text = string_of("local", *node))
                tunnel_.tunnel.local = accept(parse_local(*text, kind_), "local", *node);
        complete(tunnel_.tunnel);
        read_routes();
        read_rules();
        read_forward_from();
        read_placement();
        switch (kind_) {
        case TunnelKind::vxlan:
            read_dev();
            read_addresses();
            read_peers(path, read_peers_file);
            break;
        case TunnelKind::sit: read_isatap(); break;
        case TunnelKind::ip6tnl:
            read_remote();
            read_addresses();
            break;
        }
        check_for_doubled_routes();
        if (auto good = check_ipv6_mtu(tunnel_); !good) refuse(good.error(), "mtu", *find("mtu"));
        if (errors_.count() != errors_before) return std::nullopt;
        return std::move(tunnel_);
    }

private:
    template<class Attributes>
    void read_attributes(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows) {
        for (const auto& row : rows) {
            if (!is_option(row, kind_)) continue;
            const toml::node* const node = find(row.name);
            if (node == nullptr) continue;
            const auto text = attribute_text(row, *node);
            if (!text) continue;
            if (auto set = state_value(attributes, row, *text, kind_); !set) {
                Error error = set.error();
                error.subject = fmt::format("{} '{}'", row.name, *text);
                refuse(std::move(error), row.name, *node);
            }
        }
    }

    /// The value as set_value() takes it, once it has the type that the attribute has.
    template<class Row>
    std::optional<std::string> attribute_text(const Row& row, const toml::node& node) {
        return std::visit(
            [&]<class A, class T>(std::optional<T> A::*) -> std::optional<std::string> {
                if constexpr (std::is_same_v<T, bool>) {
                    const auto value = boolean_of(row.name, node);
                    if (!value) return std::nullopt;
                    return *value ? "yes" : "no";
                } else if constexpr (std::is_integral_v<T>) {
                    return row.word.word.empty() ? number_of(row.name, node)
                                                 : number_or_word_of(row.name, node);
                } else {
                    const auto* const text = string_of(row.name, node);
                    return text == nullptr ? std::nullopt : std::optional(*text);
                }
            },
            row.member);
    }

    void read_dev() {
        const toml::node* const node = find("dev");
        if (node == nullptr) return;
        if (const auto* text = string_of("dev", *node))
            tunnel_.tunnel.dev = accept(parse_dev(*text), "dev", *node);
    }

    void read_remote() {
        if (const auto* node = required("remote", tunnel_.name))
            if (const auto* text = string_of("remote", *node))
                tunnel_.tunnel.remote =
                    accept(parse_remote(*text, tunnel_.tunnel.local), "remote", *node);
        check_end("local", tunnel_.tunnel.local);
        check_end("remote", tunnel_.tunnel.remote);
    }

    void check_end(std::string_view key, const std::optional<IpAddress>& address) {
        if (!address) return;
        if (auto good = check_scope(*address, tunnel_.tunnel); !good)
            refuse(good.error(), key, *find(key));
    }

    void read_addresses() {
        const toml::node* const node = find("addresses");
        if (node == nullptr) return;
        const toml::array* const list = list_of("addresses", *node);
        if (list == nullptr) return;
        auto& addresses = tunnel_.addresses.emplace();
        std::vector<const toml::node*> nodes;
        for (const auto& element : *list) {
            const auto* const text = string_of("address", element);
            if (text == nullptr) continue;
            const auto address = accept(parse_inner_address(*text), "inner address", element);
            if (!address) continue;
            if (auto good = check_inner_family(*address, *text, kind_); !good) {
                refuse(good.error(), "inner address", element);
                continue;
            }
            addresses.push_back(*address);
            nodes.push_back(&element);
        }
        for (auto& [index, error, earlier] : check_addresses(addresses))
            refuse(error, fmt::format("inner address '{}'", nodes[index]->as_string()->get()),
                   *nodes[index]);
    }

    void read_peers(const std::string& path, const ReadPath& read_peers_file) {
        const toml::node* const list_node = find("peers");
        const toml::node* const file_node = find("peers_file");
        if (list_node == nullptr && file_node == nullptr) return;
        std::vector<FloodEntry> peers;
        std::vector<NamedPeer> names;
        std::vector<PeerPlace> places, name_places; // in the order of these
        std::vector<std::string> files;
        const auto take = [&](Peer peer, PeerPlace place) {
            if (auto* name = std::get_if<NamedPeer>(&peer)) {
                names.push_back(std::move(*name));
                name_places.push_back(place);
            } else {
                peers.push_back(std::get<FloodEntry>(peer));
                places.push_back(place);
            }
        };
        if (list_node != nullptr)
            if (const auto* list = list_of("peers", *list_node))
                for (const auto& element : *list)
                    if (auto peer = peer_of(element))
                        take(std::move(*peer), {position_of(element)});
        if (file_node != nullptr)
            for_each_peers_file(*file_node, [&](const std::string& name, const toml::node& node) {
                const std::string& file = files.emplace_back(beside(path, name));
                const auto text = read_peers_file(file);
                const auto refuse_line = [&](Error error) {
                    errors_.add(std::move(error), position_of(node));
                };
                const auto take_line = [&](Peer peer, std::size_t line) {
                    take(std::move(peer), {position_of(node), files.size() - 1, line});
                };
                if (text)
                    vxlanctl::read_peers(*text, file, take_line, refuse_line);
                else
                    refuse_line(text.error());
            });
        const auto settle = [&](auto& peer) { // else one peer could be written in two ways
            if (peer.port == tunnel_.tunnel.port) peer.port.reset();
            if (peer.vni == tunnel_.tunnel.vni) peer.vni.reset();
        };
        std::for_each(peers.begin(), peers.end(), settle);
        std::for_each(names.begin(), names.end(), settle);
        sort_with(peers, places);
        if (tunnel_.tunnel.local)
            refuse_peers(check_peers(peers, *tunnel_.tunnel.local), places, files);
        refuse_peers(check_names(names), name_places, files);
        std::sort(names.begin(), names.end());
        tunnel_.peers = std::move(peers);
        tunnel_.named_peers = std::move(names);
    }

    /// Where a peer stands: in the text, or in a line of a file that is named there.
    struct PeerPlace {
        Position position;
        std::size_t file = 0, line = 0; ///< of the peers file; no line is none
    };

    void refuse_peers(const std::vector<BadElement>& bad, const std::vector<PeerPlace>& places,
                      const std::vector<std::string>& files) {
        for (const auto& [index, error, earlier] : bad) {
            const auto& [position, file, line] = places[index];
            auto told = error;
            if (earlier) told.doing += ", first at " + place_text(places[*earlier], files);
            if (line != 0)
                told = with_subject(told, place_text(places[index], files) + ":").value();
            errors_.add(std::move(told), position);
        }
    }

    std::string place_text(const PeerPlace& place, const std::vector<std::string>& files) const {
        return place.line == 0 ? errors_.place_text(place.position)
                               : fmt::format("{}:{}", files[place.file], place.line);
    }

    std::optional<Peer> peer_of(const toml::node& element) {
        if (const auto* text = element.as_string())
            return accept(parse_peer_or_name(text->get()), "peer", element);
        if (const auto* table = element.as_table())
            return PeerReader(*table, position_of(element), errors_).read();
        wrong_type("peer", element, "a string or a table");
        return std::nullopt;
    }

    template<class Take> void for_each_peers_file(const toml::node& node, Take take) {
        const auto take_name = [&](const toml::node& element) {
            const auto* const name = string_of("peers_file", element);
            if (name == nullptr) return;
            if (*name == "-")
                refuse(usage_error("'-'", "only the command line can name standard input").value(),
                       "peers_file", element);
            else if (name->empty() || name->find('\0') != std::string::npos)
                refuse(usage_error(fmt::format("'{}'", *name), "not a file's name").value(),
                       "peers_file", element);
            else
                take(*name, element);
        };
        if (const auto* list = node.as_array())
            for (const auto& element : *list)
                take_name(element);
        else if (node.is_string())
            take_name(node);
        else
            wrong_type("peers_file", node, "a string or a list");
    }

    void read_routes() {
        read_tables(
            "routes",
            [&](const toml::table& table, Position place) {
                if (auto route = RouteReader<RouteBuilder>(table, place, errors_).read("routes")) {
                    if (auto good = check_route_family(*route, tunnel_); !good)
                        refuse(good.error(), "route", place);
                    tunnel_.routes->push_back(std::move(*route));
                    route_places_.push_back(place);
                }
            },
            tunnel_.routes);
    }

    void read_rules() {
        std::vector<Position> places;
        read_tables(
            "rules",
            [&](const toml::table& table, Position place) {
                if (const auto rule =
                        RouteReader<RuleBuilder>(table, place, errors_).read("rules")) {
                    tunnel_.rules->push_back(*rule);
                    places.push_back(place);
                }
            },
            tunnel_.rules);
        if (!tunnel_.rules) return;
        for (auto& [index, error, earlier] : doubled_rules(*tunnel_.rules))
            refuse(error, "rule", places[index]);
    }

    void read_placement() {
        Placement& placement = tunnel_.placement;
        if (const auto* node = find("netns"))
            if (const auto* text = string_of("netns", *node)) {
                placement.netns = *text;
                if (auto good = check_netns(*text); !good) refuse(good.error(), "netns", *node);
            }
        placement.create = boolean_of("create_netns").value_or(false);
        placement.move_dev = boolean_of("move_dev").value_or(false);
        for (const std::string_view key : {"create_netns", "move_dev"})
            if (find("netns") == nullptr && find(key) != nullptr)
                refuse(usage_error("", "has no meaning without netns").value(), key, *find(key));
        if (placement.move_dev && find("dev") == nullptr)
            refuse(usage_error("", "has no meaning without dev").value(), "move_dev",
                   *find("move_dev"));
    }

    void read_forward_from() {
        const toml::node* const node = find("forward_from");
        if (node == nullptr || kind_ == TunnelKind::sit) return;
        const toml::array* const list = list_of("forward_from", *node);
        if (list == nullptr) return;
        auto& devices = tunnel_.forward_from.emplace();
        std::vector<const toml::node*> nodes;
        for (const auto& element : *list)
            if (const auto* text = string_of("forward_from", element))
                if (auto device = accept(parse_forward_from(*text), "forward_from", element)) {
                    devices.push_back(std::move(*device));
                    nodes.push_back(&element);
                }
        for (auto& [index, error, earlier] : check_forward_from(devices))
            refuse(error, fmt::format("forward_from '{}'", devices[index]), *nodes[index]);
    }

    /// Calls `take` for each table of the list, once `result` is there.
    template<class Take, class T>
    void read_tables(std::string_view key, Take take, std::optional<std::vector<T>>& result) {
        const toml::node* const node = find(key);
        if (node == nullptr) return;
        const toml::array* const list = list_of(key, *node);
        if (list == nullptr) return;
        result.emplace();
        for (const auto& element : *list) {
            if (const auto* table = element.as_table())
                take(*table, position_of(element));
            else
                wrong_type(key.substr(0, key.size() - 1), element, "a table");
        }
    }

    void check_for_doubled_routes() {
        if (!tunnel_.routes || tunnel_.routes->size() != route_places_.size()) return;
        for (auto& [index, error, earlier] : doubled_routes(*tunnel_.routes))
            refuse(error, "route", route_places_[index]);
    }

    void read_isatap() {
        const std::size_t errors_before = errors_.count();
        IsatapWish wish;
        if (const auto* node = required("prefix", tunnel_.name))
            if (const auto* text = string_of("prefix", *node))
                if (const auto prefix = accept(parse_isatap_prefix(*text), "prefix", *node))
                    wish.prefix = *prefix;
        wish.global_id = boolean_of("global_id");
        const auto default_route = boolean_of("default_route");
        tunnel_.overrides_default_route = default_route.value_or(false);
        std::optional<std::uint32_t> metric;
        if (const auto* node = find("metric"))
            if (const auto text = number_of("metric", *node))
                metric = accept(parse_positive("metric", *text), "metric", *node);
        auto routers = read_routers();
        if (errors_.count() != errors_before) return; // else more would be told that follows
        if (routers) {
            give_default_routes(*routers, default_route, metric);
            if (errors_.count() != errors_before) return;
            for (const auto& named : *routers) {
                if (!wish.routers) wish.routers.emplace();
                wish.routers->push_back(named.router);
            }
            std::vector<Position> places;
            for (const auto& named : *routers)
                if (named.router.metric) places.push_back(named.place);
            route_places_.insert(route_places_.begin(), places.begin(), places.end());
        } else {
            constexpr std::string_view no_meaning = "has no meaning without routers";
            if (metric)
                refuse(usage_error("", std::string(no_meaning)).value(), "metric", *find("metric"));
            if (default_route == false)
                refuse(usage_error("", std::string(no_meaning)).value(), "default_route",
                       *find("default_route"));
        }
        if (tunnel_.tunnel.local) state_isatap(tunnel_, std::move(wish));
    }

    std::optional<std::vector<NamedRouter>> read_routers() {
        const toml::node* const node = find("routers");
        if (node == nullptr) return std::nullopt;
        const toml::array* const list = list_of("routers", *node);
        if (list == nullptr) return std::nullopt;
        if (list->empty())
            refuse(usage_error("", "no router is named", "Name at least one, or leave the key out.")
                       .value(),
                   "routers", *node);
        std::vector<NamedRouter> routers;
        std::vector<IsatapRouter> addresses;
        for (const auto& element : *list)
            if (auto named = router_of(element)) {
                routers.push_back(*named);
                addresses.push_back(named->router);
            }
        for (auto& [index, error, earlier] : check_routers(addresses))
            refuse(error, fmt::format("router {}", to_string(addresses[index].address)),
                   routers[index].place);
        return routers;
    }

    std::optional<NamedRouter> router_of(const toml::node& element) {
        if (const auto* table = element.as_table())
            return RouterReader(*table, position_of(element), errors_).read(tunnel_.tunnel.local);
        const auto* const text = element.as_string();
        if (text == nullptr) {
            wrong_type("router", element, "a string or a table");
            return std::nullopt;
        }
        const auto address =
            accept(parse_router(text->get(), tunnel_.tunnel.local), "router", element);
        if (!address) return std::nullopt;
        NamedRouter named;
        named.router.address = *address;
        named.place = named.default_route_place = named.metric_place = position_of(element);
        return named;
    }

    /// Decides by which routers there are default routes, and with which metrics.
    void give_default_routes(std::vector<NamedRouter>& routers, std::optional<bool> default_route,
                             std::optional<std::uint32_t> metric) {
        const auto first =
            std::find_if(routers.begin(), routers.end(),
                         [](const NamedRouter& named) { return named.router.prl_default; });
        std::vector<NamedRouter*> by; // those with a default route
        for (auto& named : routers) {
            const bool is_first = first != routers.end() && &named == &*first;
            if (named.default_route.value_or(is_first && default_route != false))
                by.push_back(&named);
            else if (named.metric)
                refuse(
                    usage_error("", "is that of a default route, and this router has none").value(),
                    "metric", named.metric_place);
            if (default_route == false && named.default_route == true)
                refuse(usage_error("", "contradicts the section's default_route = false").value(),
                       "default_route", named.default_route_place);
        }
        if (metric && by.empty())
            refuse(usage_error("", "is that of a default route, and there is none").value(),
                   "metric", *find("metric"));
        else if (metric && by.front()->metric)
            refuse(usage_error("", "the first router with a default route has its own").value(),
                   "metric", *find("metric"));
        else if (metric)
            by.front()->metric = metric;
        std::vector<std::uint32_t> metrics;
        for (auto* const named : by) {
            named->router.metric = named->metric.value_or(1);
            metrics.push_back(*named->router.metric);
        }
        for (auto& [index, error, earlier] : check_metrics(metrics))
            refuse(error, fmt::format("metric {}", metrics[index]), by[index]->metric_place);
    }

    TunnelKind kind_;
    Tunnel tunnel_;
    std::vector<Position> route_places_; ///< in the order of tunnel_.routes
};

/// A section of one file.
struct Section {
    TunnelKind kind = TunnelKind::vxlan;
    std::string name;
    Position name_place;
    const toml::table* table = nullptr;
};

/// A tunnel that is defined, wherever that was.
struct Definition {
    TunnelKind kind = TunnelKind::vxlan;
    std::string place;
};

/// The sections of a text in their order; whatever else there is becomes errors.
std::vector<Section> sections_of(const toml::table& root, FileErrors& errors) {
    std::vector<Section> sections;
    std::vector<std::string> known;
    for (const auto kind : kinds)
        known.emplace_back(section_name(kind));
    for (const auto& [key, value] : root) {
        const auto found = std::find(known.begin(), known.end(), key.str());
        const toml::table* const table = value.as_table();
        if (found == known.end()) {
            const std::string near = closest(key.str(), known);
            const bool is_key = table == nullptr && near.empty();
            errors.add(
                usage_error(
                    "", fmt::format("unknown {} '{}'", is_key ? "key" : "section", key.str()),
                    is_key         ? "Keys belong into a section, such as [vxlan.vxlan0]."
                    : near.empty() ? "There are [vxlan.NAME], [isatap.NAME] and [ipip6.NAME]."
                                   : fmt::format("Did you mean '{}'?", near))
                    .value(),
                position_of(key.source()));
            continue;
        }
        const auto no_tunnel = [&](const std::string& name, Position place) {
            errors.add(usage_error(name, "not a tunnel",
                                   fmt::format("A tunnel is a section, such as [{}.NAME].", *found))
                           .value(),
                       place);
        };
        if (table == nullptr) {
            no_tunnel(*found, position_of(key.source()));
            continue;
        }
        for (const auto& [name, section] : *table) {
            if (const auto* keys = section.as_table())
                sections.push_back({kinds[found - known.begin()], std::string(name.str()),
                                    position_of(name.source()), keys});
            else
                no_tunnel(std::string(name.str()), position_of(name.source()));
        }
    }
    std::sort(sections.begin(), sections.end(), [](const Section& one, const Section& other) {
        return one.name_place < other.name_place;
    });
    return sections;
}

std::string without_blanks(std::string text) {
    std::erase_if(text, [](char character) { return character == ' ' || character == '\t'; });
    return text.substr(0, text.find(']'));
}

/// The line that opened the table which the line `second` opens again; 0 where it is not found.
std::size_t first_header(FileErrors& errors, std::size_t second) {
    const std::string header = without_blanks(errors.line(second));
    for (std::size_t line = 1; line < second; ++line)
        if (without_blanks(errors.line(line)) == header) return line;
    return 0;
}

/// What toml++ says, in words for somebody who does not know its grammar.
void add_syntax_error(const toml::parse_error& problem, FileErrors& errors) {
    constexpr std::string_view prefix = "Error while parsing ",
                               redefined = "cannot redefine existing ";
    std::string_view text = problem.description();
    const Position place = position_of(problem.source());
    std::string_view part;
    if (text.starts_with(prefix)) {
        text.remove_prefix(prefix.size());
        part = text.substr(0, text.find(": "));
        text.remove_prefix(std::min(text.size(), part.size() + 2));
    }
    if (text.starts_with(redefined)) {
        const auto quote = text.find('\'');
        const std::string name(text.substr(quote + 1, text.rfind('\'') - quote - 1));
        const std::size_t first = part == "table header" ? first_header(errors, place.line) : 0;
        errors.add(usage_error(name, first == 0 ? "stated twice"
                                                : fmt::format("defined twice, first at {}",
                                                              errors.place_text({first, 1})))
                       .value(),
                   place);
        return;
    }
    text = text.substr(0, text.find(" (TOML_"));
    if (part.ends_with("string")) {
        const std::string line = errors.line(place.line);
        const bool at_end = !line.empty() && place.column > character_count(line);
        if (at_end && text.find("control characters") != std::string_view::npos)
            text = "a string is not closed on its line", part = "";
        else if (text.starts_with("encountered end-of-file"))
            text = "a string is not closed", part = "";
    }
    const bool is_bare = part == "value" || part == "floating-point" || part == "boolean" ||
                         part.ends_with(" integer");
    errors.add(usage_error("",
                           part.empty() ? fmt::format("not TOML: {}", text)
                                        : fmt::format("not TOML: {} (in the {})", text, part),
                           is_bare ? "Addresses, names and words stand in quotes." : "")
                   .value(),
               place);
}

std::string_view obstacle_text(TomlObstacle obstacle) {
    switch (obstacle) {
    case TomlObstacle::too_many_dots: return "not TOML: too many dots outside of quotes";
    case TomlObstacle::not_ascii: return "not TOML: a character outside of quotes is not ASCII";
    case TomlObstacle::not_ascii_behind_backslash:
        return "not TOML: the character behind a backslash is not ASCII";
    }
    return "";
}

/// One file's way into the result.
void parse_file(const SourceText& source, std::size_t index, const ReadText& read_peers_file,
                std::map<std::string, Definition>& defined, FileErrors& errors,
                std::vector<DefinedTunnel>& tunnels) {
    if (source.text.size() > longest_text) {
        errors.add(usage_error("", fmt::format("the text has more than {} MiB", longest_text >> 20),
                               "A peers_file may be larger.")
                       .value(),
                   {1, 1});
        return;
    }
    if (const auto found = find_toml_obstacle(source.text)) {
        errors.add(usage_error("", std::string(obstacle_text(found->obstacle))).value(),
                   {found->line, found->column});
        return;
    }
    const auto parsed = toml::parse(std::string_view(source.text));
    if (!parsed) {
        add_syntax_error(parsed.error(), errors);
        return;
    }
    const ReadPath read = [&](const std::string& path) { return read_peers_file(index, path); };
    for (const auto& section : sections_of(parsed.table(), errors)) {
        const std::size_t errors_before = errors.count();
        if (auto good = check_tunnel_name(section.name, section.kind); !good)
            errors.add(good.error(), section.name_place);
        const auto [first, is_new] = defined.try_emplace(
            section.name, Definition{section.kind, errors.place_text(section.name_place)});
        if (!is_new)
            errors.add(usage_error(section.name,
                                   fmt::format("defined twice, first at {}{}", first->second.place,
                                               first->second.kind == section.kind
                                                   ? ""
                                                   : fmt::format(" as {}",
                                                                 section_name(first->second.kind))))
                           .value(),
                       section.name_place);
        const Position header =
            section.table->source().begin ? position_of(*section.table) : section.name_place;
        auto tunnel = SectionReader(*section.table, header, errors, section.kind, section.name)
                          .read(source.path, read);
        if (tunnel && errors.count() == errors_before)
            tunnels.push_back({std::move(*tunnel), index});
    }
}

} // namespace

ParsedFiles parse_files(std::span<const SourceText> files, const ReadText& read_peers_file) {
    ParsedFiles result;
    std::map<std::string, Definition> defined;
    for (std::size_t i = 0; i < files.size(); ++i) {
        FileErrors errors(files[i]);
        parse_file(files[i], i, read_peers_file, defined, errors, result.tunnels);
        for (auto& error : errors.take())
            result.errors.push_back(std::move(error));
    }
    return result;
}

std::string_view section_name(TunnelKind kind) {
    switch (kind) {
    case TunnelKind::vxlan: return "vxlan";
    case TunnelKind::sit: return "isatap";
    case TunnelKind::ip6tnl: return "ipip6";
    }
    return "";
}

std::vector<std::string> section_keys(TunnelKind kind) {
    std::vector<std::string> keys;
    switch (kind) {
    case TunnelKind::vxlan: keys = {"dev", "local", "addresses", "peers", "peers_file"}; break;
    case TunnelKind::sit:
        keys = {"local", "prefix", "routers", "default_route", "metric", "global_id"};
        break;
    case TunnelKind::ip6tnl: keys = {"local", "remote", "addresses"}; break;
    }
    for (const auto& row : tunnel_attributes(kind))
        if (is_option(row, kind)) keys.emplace_back(row.name);
    for (const auto& row : link_attributes())
        if (is_option(row, kind)) keys.emplace_back(row.name);
    if (kind != TunnelKind::sit) keys.emplace_back("forward_from");
    keys.insert(keys.end(), {"routes", "rules", "netns", "create_netns", "move_dev"});
    return keys;
}

std::vector<std::string> element_keys(std::string_view list) {
    if (list == "peers") return {"dst", "port", "vni", "via"};
    if (list == "routers") return {"address", "prl_default", "default_route", "metric"};
    if (list == "routes") return {std::begin(RouteBuilder::words), std::end(RouteBuilder::words)};
    if (list == "rules") return {std::begin(RuleBuilder::words), std::end(RuleBuilder::words)};
    return {};
}

} // namespace vxlanctl
