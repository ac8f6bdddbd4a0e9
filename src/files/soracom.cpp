#include "vxlanctl/files/soracom.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/files/json_objects.h"
#include "vxlanctl/files/vxlan.h"

#include <algorithm>
#include <span>

namespace vxlanctl {
namespace {

constexpr std::string_view outer_key = "outerIpAddress", inner_key = "innerIpAddress",
                           netmask_key = "netmask", owned_key = "ownedByCustomer",
                           vni_key = "gateVxlanId", opened_key = "gateOpened", id_key = "vpgId";
// The second one is the older name.
constexpr std::string_view subnet_keys[] = {"deviceSubnetCidrRange", "ueSubnetCidrRange"};
constexpr std::string_view all_keys[] = {outer_key,      inner_key,      netmask_key,
                                         owned_key,      vni_key,        opened_key,
                                         subnet_keys[0], subnet_keys[1], id_key};
constexpr std::size_t most_listed = 16;

/// An object with the text that it is in.
struct Entry {
    const SourceText* source;
    JsonObject object;
};

/// The value of a key; null where there is none.
const JsonValue* find(const Entry& entry, std::string_view key) {
    const auto found = entry.object.values.find(key);
    const bool is_there =
        found != entry.object.values.end() && found->second.type != JsonType::null;
    return is_there ? &found->second : nullptr;
}

bool is_text(const JsonValue* value) {
    return value != nullptr && (value->type == JsonType::string || value->type == JsonType::number);
}

/// What the value says, for people.
std::string shown(const Entry& entry, std::string_view key) {
    const JsonValue* const value = find(entry, key);
    return value == nullptr || value->text.empty() ? "none" : value->text;
}

tl::unexpected<Error> refuse(Error error, const Entry& entry, std::size_t offset) {
    error.place = place_of(*entry.source, offset);
    return tl::unexpected(std::move(error));
}

tl::unexpected<Error> refuse(Error error, const Entry& entry, std::string_view key) {
    const JsonValue* const value = find(entry, key);
    if (!error.subject.starts_with(key)) error = with_subject(std::move(error), key).value();
    return refuse(std::move(error), entry, value == nullptr ? entry.object.offset : value->offset);
}

/// The text of a value that has to be there.
Result<std::string> required(const Entry& entry, std::string_view key, std::string_view expected) {
    const JsonValue* const value = find(entry, key);
    if (is_text(value)) return value->text;
    return refuse(value == nullptr
                      ? Error(Code::value_missing)
                      : Error(Code::wrong_type, "",
                              {{"expected", expected}, {"found", type_name(value->type)}}),
                  entry, key);
}

std::optional<IpAddress> outer_of(const Entry& entry) {
    const JsonValue* const value = find(entry, outer_key);
    const auto address = parse_address(is_text(value) ? value->text : "");
    return address ? std::optional(*address) : std::nullopt;
}

/// Whether it is the customer's; empty where the entry does not say it.
std::optional<bool> is_owned(const Entry& entry) {
    const JsonValue* const value = find(entry, owned_key);
    if (value == nullptr || value->type != JsonType::boolean) return std::nullopt;
    return value->text == "true";
}

std::string listed(const std::vector<std::string>& texts) {
    if (texts.empty()) return "none";
    const auto shown = std::min(texts.size(), most_listed);
    std::string text = joined(std::span(texts).first(shown), ", ");
    return shown == texts.size() ? text : formatted("{} and {} more", text, texts.size() - shown);
}

/// `172.21.0.100 (inner 10.225.194.171, the customer's)`
std::string entries_text(const std::vector<const Entry*>& entries) {
    std::vector<std::string> texts;
    std::transform(entries.begin(), entries.end(), std::back_inserter(texts),
                   [](const Entry* entry) {
                       const auto owned = is_owned(*entry);
                       return formatted("{} (inner {}, {})", shown(*entry, outer_key),
                                        shown(*entry, inner_key),
                                        !owned   ? "of nobody"
                                        : *owned ? "the customer's"
                                                 : "the VPG's");
                   });
    return listed(texts);
}

/// `172.21.0.100 on eth0`
std::string host_text(std::span<const HostAddress> host) {
    std::vector<std::string> texts;
    for (const auto& address : host)
        if (!is_loopback(address.prefix.address) && !is_link_local(address.prefix.address))
            texts.push_back(formatted("{} on {}", to_string(address.prefix.address), address.link));
    return listed(texts);
}

std::string count_text(std::size_t count, std::string_view singular, std::string_view plural) {
    return formatted("{} {}", count, count == 1 ? singular : plural);
}

/// The way from the texts to the tunnel.
class Importer {
public:
    Importer(const SoracomTexts& texts, const SoracomChoice& choice,
             std::span<const HostAddress> host)
        : texts_(texts), choice_(choice), host_(host) {}

    Result<SoracomTunnel> run() {
        for (auto step : {&Importer::read_texts, &Importer::find_self, &Importer::state_name,
                          &Importer::state_dev, &Importer::state_peers, &Importer::choose_vpg,
                          &Importer::state_address, &Importer::state_vni})
            if (const auto done = (this->*step)(); !done) return tl::unexpected(done.error());
        return std::move(result_);
    }

private:
    static Result<std::vector<Entry>> entries_of(const SourceText& source) {
        auto objects = parse_objects(source, all_keys);
        if (!objects) return tl::unexpected(objects.error());
        std::vector<Entry> entries;
        for (auto& object : *objects)
            entries.push_back({&source, std::move(object)});
        return entries;
    }

    Result<void> read_texts() {
        if (texts_.vpg) {
            auto vpgs = entries_of(*texts_.vpg);
            if (!vpgs) return tl::unexpected(vpgs.error());
            vpgs_ = std::move(*vpgs);
            if (auto good = check_vpgs(); !good) return good;
        }
        if (texts_.gate_peers.empty())
            return error(texts_.vpg ? Error(Code::gate_peers_missing).also(Code::vpg_names_no_ends)
                                    : Error(Code::gate_peers_missing));
        for (const auto& source : texts_.gate_peers) {
            auto entries = entries_of(source);
            if (!entries) return tl::unexpected(entries.error());
            std::move(entries->begin(), entries->end(), std::back_inserter(entries_));
        }
        return check_entries();
    }

    Result<void> check_vpgs() const {
        if (vpgs_.empty()) return error(Code::vpg_empty, texts_.vpg->path);
        for (const auto& vpg : vpgs_)
            if (vpg.object.values.contains(outer_key))
                return refuse(Error(Code::gate_peer_instead_of_vpg), vpg, vpg.object.offset);
        const bool says_nothing = std::none_of(vpgs_.begin(), vpgs_.end(), [](const Entry& vpg) {
            const auto& values = vpg.object.values;
            return values.contains(vni_key) || values.contains(opened_key) ||
                   values.contains(subnet_keys[0]) || values.contains(subnet_keys[1]);
        });
        if (says_nothing)
            return refuse(Error(Code::not_a_vpg, "",
                                {{"keys", formatted("{}, {}, {} and {}", vni_key, opened_key,
                                                    subnet_keys[0], subnet_keys[1])}}),
                          vpgs_[0], vpgs_[0].object.offset);
        return {};
    }

    Result<void> check_entries() const {
        if (entries_.empty()) return error(Code::no_gate_peer, texts_.gate_peers[0].path);
        for (const auto& entry : entries_) {
            const auto& values = entry.object.values;
            if (values.contains(outer_key) || values.contains(owned_key)) continue;
            const bool is_vpg = values.contains(vni_key) || values.contains(subnet_keys[0]) ||
                                values.contains(subnet_keys[1]);
            return refuse(is_vpg ? Error(Code::vpg_instead_of_gate_peer)
                                 : Error(Code::not_a_gate_peer, "",
                                         {{"one", outer_key}, {"other", owned_key}}),
                          entry, entry.object.offset);
        }
        return {};
    }

    bool is_here(const IpAddress& address) const {
        return std::any_of(host_.begin(), host_.end(),
                           [&](const HostAddress& one) { return one.prefix.address == address; });
    }

    Result<void> find_self() {
        std::vector<const Entry*> fitting;
        for (const auto& entry : entries_) {
            const auto outer = outer_of(entry);
            const bool fits = outer && (choice_.self ? outer == choice_.self
                                                     : is_owned(entry) == true && is_here(*outer));
            // The same one may be in several texts.
            if (fits && std::none_of(fitting.begin(), fitting.end(), [&](const Entry* other) {
                    return outer_of(*other) == outer &&
                           shown(*other, inner_key) == shown(entry, inner_key);
                }))
                fitting.push_back(&entry);
        }
        if (fitting.empty()) return none_fits();
        if (fitting.size() > 1) {
            const bool can_choose =
                std::any_of(fitting.begin(), fitting.end(), [&](const Entry* entry) {
                    return outer_of(*entry) != outer_of(*fitting[0]);
                });
            return error(Error(Code::several_own_entries, texts_.gate_peers[0].path,
                               {{"count", fitting.size()}, {"entries", entries_text(fitting)}})
                             .also(can_choose ? Code::choose_self : Code::unregister_one));
        }
        self_ = fitting[0];
        if (is_owned(*self_) == false)
            return refuse(
                Error(Code::self_is_end_of_vpg, "", {{"outer", shown(*self_, outer_key)}}), *self_,
                owned_key);
        auto local = parse_local(shown(*self_, outer_key), TunnelKind::vxlan);
        if (!local) return refuse(local.error(), *self_, outer_key);
        result_.tunnel.tunnel.local = *local;
        return {};
    }

    Result<void> none_fits() const {
        std::vector<const Entry*> all;
        for (const auto& entry : entries_)
            all.push_back(&entry);
        if (!choice_.self)
            return error(Code::no_own_entry, texts_.gate_peers[0].path,
                         {{"entries", entries_text(all)}, {"addresses", host_text(host_)}});
        const std::string self = to_string(*choice_.self);
        const auto inner = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
            return shown(entry, inner_key) == self;
        });
        Error missing(Code::self_not_in_list, "--self " + self, {{"entries", entries_text(all)}});
        return error(inner != entries_.end()
                         ? std::move(missing).also(Code::self_is_inner,
                                                   {{"outer", shown(*inner, outer_key)}})
                         : std::move(missing).also(Code::give_outer_address));
    }

    Result<void> state_name() {
        result_.tunnel.name = choice_.name;
        auto good = check_tunnel_name(choice_.name, TunnelKind::vxlan);
        if (good) good = check_utf8(choice_.name);
        return good ? good : with_subject(good.error(), "--name");
    }

    /// A file can have nothing else.
    static Result<void> check_utf8(const std::string& name) {
        if (as_utf8(name) == name) return {};
        return error(Code::name_not_utf8, quote(as_utf8(name)));
    }

    Result<void> state_dev() {
        auto& dev = result_.tunnel.tunnel.dev;
        dev = choice_.dev;
        if (!dev) {
            const auto links = links_of(*result_.tunnel.tunnel.local);
            const std::string local = shown(*self_, outer_key);
            if (links.empty())
                return error(Code::outer_address_not_here, local,
                             {{"addresses", host_text(host_)}});
            if (links.size() > 1)
                return error(Code::outer_address_on_several, local,
                             {{"interfaces", listed(links)}});
            dev = links[0];
        }
        Result<void> good = dev->empty() ? Result<void>() : check_link_name(*dev);
        if (good) good = check_utf8(*dev);
        return good ? good : with_subject(good.error(), "dev");
    }

    std::vector<std::string> links_of(const IpAddress& address) const {
        std::vector<std::string> links;
        for (const auto& one : host_)
            if (one.prefix.address == address && !one.link.empty() &&
                std::find(links.begin(), links.end(), one.link) == links.end())
                links.push_back(one.link);
        return links;
    }

    Result<void> state_peers() {
        std::map<IpAddress, const Entry*> ends; // in the order of a flood list
        for (const auto& entry : entries_) {
            if (&entry == self_) continue;
            const auto owned = is_owned(entry);
            if (!owned)
                return refuse(find(entry, owned_key) == nullptr
                                  ? Error(Code::value_missing)
                                  : Error(Code::not_one_of, "", {{"words", "true or false"}}),
                              entry, owned_key);
            if (*owned) continue;
            const auto text = required(entry, outer_key, "an address");
            if (!text) return tl::unexpected(text.error());
            const auto peer = parse_peer(*text);
            if (!peer) return refuse(peer.error(), entry, outer_key);
            ends.emplace(peer->dst, &entry);
        }
        if (ends.empty())
            return error(Code::no_end_of_vpg, texts_.gate_peers[0].path,
                         {{"entries", count_text(entries_.size(), "entry", "entries")}});
        auto& peers = result_.tunnel.peers.emplace();
        for (const auto& [address, entry] : ends)
            peers.push_back({address, std::nullopt, std::nullopt, ""});
        if (auto bad = check_peers(peers, *result_.tunnel.tunnel.local); !bad.empty()) {
            const IpAddress& peer = peers[bad[0].index].dst;
            bad[0].error.subject = quote(to_string(peer));
            return refuse(bad[0].error, *ends.at(peer), outer_key);
        }
        return {};
    }

    static std::optional<Prefix> subnet_of(const Entry& vpg) {
        for (const auto key : subnet_keys)
            if (const JsonValue* const value = find(vpg, key); is_text(value))
                if (const auto subnet = parse_prefix(value->text)) return *subnet;
        return std::nullopt;
    }

    Result<void> choose_vpg() {
        const auto inner = required(*self_, inner_key, "an address");
        if (!inner) return tl::unexpected(inner.error());
        const auto address = parse_address(*inner);
        if (!address) return refuse(address.error(), *self_, inner_key);
        inner_ = *inner;
        if (vpgs_.empty()) return {};
        std::vector<const Entry*> fitting;
        std::vector<std::string> texts;
        for (const auto& vpg : vpgs_) {
            const auto subnet = subnet_of(vpg);
            if (subnet && contains(*subnet, *address)) fitting.push_back(&vpg);
            texts.push_back(formatted("{} ({})", shown(vpg, id_key),
                                      subnet ? to_string(*subnet) : "no device subnet"));
        }
        if (vpgs_.size() == 1) {
            vpg_ = &vpgs_[0];
            if (const auto subnet = subnet_of(*vpg_); subnet && fitting.empty())
                result_.warnings.emplace_back(
                    Code::inner_outside_device_subnet, result_.tunnel.name,
                    Values{{"inner", inner_}, {"subnet", to_string(*subnet)}});
            return {};
        }
        if (fitting.size() != 1)
            return error(Code::vpg_ambiguous, texts_.vpg->path,
                         {{"count", fitting.empty() ? "none" : std::to_string(fitting.size())},
                          {"all", vpgs_.size()},
                          {"inner", inner_},
                          {"vpgs", listed(texts)}});
        vpg_ = fitting[0];
        return {};
    }

    /// The netmask of an entry as a length for `inner_`; empty where it does not state one.
    Result<std::optional<std::uint8_t>> length_of(const Entry& entry) const {
        const JsonValue* const value = find(entry, netmask_key);
        const bool is_stated =
            value != nullptr && !(value->type == JsonType::string && value->text.empty());
        if (!is_stated) return std::optional<std::uint8_t>();
        if (!is_text(value))
            return refuse(Error(Code::wrong_type, "",
                                {{"expected", "a mask or a prefix length"},
                                 {"found", type_name(value->type)}}),
                          entry, netmask_key);
        const auto prefix = parse_prefix(formatted("{}/{}", inner_, value->text));
        if (!prefix) return refuse(prefix.error(), entry, netmask_key);
        return std::optional(prefix->length);
    }

    Result<std::uint8_t> prefix_length() const {
        const auto own = length_of(*self_);
        if (!own) return tl::unexpected(own.error());
        if (*own) return **own;
        std::set<std::uint8_t> lengths; // what is malformed there need not be known
        for (const auto& entry : entries_)
            if (const auto length = length_of(entry); length && *length) lengths.insert(**length);
        if (lengths.size() == 1) return *lengths.begin();
        if (vpg_ == nullptr)
            return refuse(lengths.empty()
                              ? Error(Code::netmask_missing, "netmask")
                              : Error(Code::netmasks_disagree, "netmask",
                                      {{"lengths", formatted("/{}", fmt::join(lengths, ", /"))}}),
                          *self_, self_->object.offset);
        return length_of_subnet();
    }

    Result<std::uint8_t> length_of_subnet() const {
        if (const auto subnet = subnet_of(*vpg_)) return subnet->length;
        for (const auto key : subnet_keys)
            if (const JsonValue* const value = find(*vpg_, key)) {
                const auto bad = parse_prefix(value->text);
                if (!bad) return refuse(bad.error(), *vpg_, key);
            }
        return refuse(Error(Code::device_subnet_missing, "", {{"key", subnet_keys[0]}}), *vpg_,
                      vpg_->object.offset);
    }

    Result<void> state_address() {
        const auto length = prefix_length();
        if (!length) return tl::unexpected(length.error());
        const auto address = parse_inner_address(formatted("{}/{}", inner_, *length));
        if (!address) return refuse(address.error(), *self_, inner_key);
        result_.tunnel.addresses = {{*address}};
        return {};
    }

    Result<void> state_vni() {
        if (vpg_ == nullptr) return {};
        if (const JsonValue* const opened = find(*vpg_, opened_key);
            opened != nullptr && opened->type == JsonType::boolean && opened->text == "false")
            result_.warnings.emplace_back(Code::gate_closed, result_.tunnel.name);
        if (find(*vpg_, vni_key) == nullptr) return {};
        const auto text = required(*vpg_, vni_key, "a number");
        if (!text) return tl::unexpected(text.error());
        const auto rows = tunnel_attributes(TunnelKind::vxlan);
        const auto row = std::find_if(rows.begin(), rows.end(),
                                      [](const auto& one) { return one.name == "vni"; });
        if (auto good = set_value(result_.tunnel.tunnel, *row, *text); !good) {
            good.error().subject = formatted("{} '{}'", vni_key, *text);
            return refuse(good.error(), *vpg_, vni_key);
        }
        return {};
    }

    const SoracomTexts& texts_;
    const SoracomChoice& choice_;
    std::span<const HostAddress> host_;
    std::vector<Entry> entries_, vpgs_;
    const Entry* self_ = nullptr;
    const Entry* vpg_ = nullptr; ///< null where none is given
    std::string inner_;          ///< an address
    SoracomTunnel result_{blank_tunnel(TunnelKind::vxlan), {}};
};

} // namespace

Result<SoracomTunnel> tunnel_from_soracom(const SoracomTexts& texts, const SoracomChoice& choice,
                                          std::span<const HostAddress> host) {
    return Importer(texts, choice, host).run();
}

} // namespace vxlanctl
