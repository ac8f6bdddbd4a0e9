#include "vxlanctl/files/soracom.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/files/soracom_objects.h"
#include "vxlanctl/files/soracom_vpg.h"
#include "vxlanctl/files/tunnel_words.h"

#include <algorithm>
#include <set>

namespace vxlanctl {
namespace {

constexpr std::string_view peers_file_head =
    "# Written by 'vxlanctl import soracom --peers-only', which may replace this file.\n";

std::optional<IpAddress> outer_of(const ApiObject& entry) {
    const auto address = parse_address(text_in(entry.object, outer_key));
    return address ? std::optional(*address) : std::nullopt;
}

/// `172.21.0.100 (inner 10.225.194.171, the customer's)`
std::string entries_text(const std::vector<const ApiObject*>& entries) {
    std::vector<std::string> texts;
    std::transform(entries.begin(), entries.end(), std::back_inserter(texts),
                   [](const ApiObject* entry) {
                       const auto owned = boolean_of(entry->object, owned_key);
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

/// A file can have nothing else.
Result<void> check_utf8(const std::string& name, std::string_view what) {
    if (as_utf8(name) == name) return {};
    return with_subject(Error(Code::name_not_utf8, quote(as_utf8(name))), what);
}

/// The way from the texts to the keys of a section, of which the tunnel is made.
class Importer {
public:
    Importer(const SoracomTexts& texts, const SoracomChoice& choice,
             std::span<const HostAddress> host)
        : texts_(texts), choice_(choice), host_(host) {}

    Result<SoracomTunnel> run() {
        for (auto step : {&Importer::read_texts, &Importer::find_self, &Importer::add_name,
                          &Importer::add_dev, &Importer::add_peers, &Importer::choose_vpg,
                          &Importer::add_address, &Importer::add_what_vpg_says})
            if (const auto done = (this->*step)(); !done) return tl::unexpected(done.error());
        auto tunnel = section_.tunnel();
        if (!tunnel) return refuse_word(tunnel.error());
        tunnel->implied.clear(); // what a file leaves out is not stated
        result_.tunnel = std::move(*tunnel);
        if (vpg_ != nullptr) result_.comments = comments_on(*vpg_, result_.tunnel);
        return std::move(result_);
    }

private:
    Result<void> read_texts() {
        auto vpgs = read_vpgs(texts_);
        if (!vpgs) return tl::unexpected(vpgs.error());
        vpgs_ = std::move(*vpgs);
        auto entries = read_gate_peers(texts_);
        if (!entries) return tl::unexpected(entries.error());
        entries_ = std::move(*entries);
        return {};
    }

    /// The word that was added last is what that key of the object says.
    void note_place(const ApiObject& object, std::string_view key) {
        places_[section_.last()] = {&object, key};
    }

    tl::unexpected<Error> refuse_word(const Error& error) const {
        const auto place = places_.find(section_.wrong());
        if (place == places_.end()) return tl::unexpected(error);
        const auto& [object, key] = place->second;
        return refuse(error, *object, find(object->object, key)->offset);
    }

    bool is_here(const IpAddress& address) const {
        return std::any_of(host_.begin(), host_.end(),
                           [&](const HostAddress& one) { return one.prefix.address == address; });
    }

    /// The entries that may be this host's; the same one may be in several texts.
    std::vector<const ApiObject*> own_entries() const {
        std::vector<const ApiObject*> fitting;
        for (const auto& entry : entries_) {
            const auto outer = outer_of(entry);
            const bool fits =
                outer &&
                (choice_.self ? outer == choice_.self
                              : boolean_of(entry.object, owned_key) == true && is_here(*outer));
            if (fits && std::none_of(fitting.begin(), fitting.end(), [&](const ApiObject* other) {
                    return outer_of(*other) == outer &&
                           shown(*other, inner_key) == shown(entry, inner_key);
                }))
                fitting.push_back(&entry);
        }
        return fitting;
    }

    Result<void> find_self() {
        const auto fitting = own_entries();
        if (fitting.empty()) return none_fits();
        if (fitting.size() > 1) {
            const bool can_choose =
                std::any_of(fitting.begin(), fitting.end(), [&](const ApiObject* entry) {
                    return outer_of(*entry) != outer_of(*fitting[0]);
                });
            return error(Error(Code::several_own_entries, texts_.gate_peers[0].path,
                               {{"count", fitting.size()}, {"entries", entries_text(fitting)}})
                             .also(can_choose ? Code::choose_self : Code::unregister_one));
        }
        self_ = fitting[0];
        if (boolean_of(self_->object, owned_key) == false)
            return refuse(
                Error(Code::self_is_end_of_vpg, "", {{"outer", shown(*self_, outer_key)}}), *self_,
                owned_key);
        section_.add("local", std::string(outer_key), shown(*self_, outer_key));
        note_place(*self_, outer_key);
        return {};
    }

    Result<void> none_fits() const {
        std::vector<const ApiObject*> all;
        for (const auto& entry : entries_)
            all.push_back(&entry);
        if (!choice_.self)
            return error(Code::no_own_entry, texts_.gate_peers[0].path,
                         {{"entries", entries_text(all)}, {"addresses", host_text(host_)}});
        const std::string self = to_string(*choice_.self);
        const auto inner =
            std::find_if(entries_.begin(), entries_.end(),
                         [&](const ApiObject& entry) { return shown(entry, inner_key) == self; });
        Error missing(Code::self_not_in_list, "--self " + self, {{"entries", entries_text(all)}});
        return error(inner != entries_.end()
                         ? std::move(missing).also(Code::self_is_inner,
                                                   {{"outer", shown(*inner, outer_key)}})
                         : std::move(missing).also(Code::give_outer_address));
    }

    Result<void> add_name() {
        section_.add("", "--name", choice_.name);
        if (!check_link_name(choice_.name)) return {}; // which the reader says
        return check_utf8(choice_.name, "--name");
    }

    Result<void> add_dev() {
        auto dev = choice_.dev;
        if (!dev) {
            const auto links = links_of(*outer_of(*self_));
            const std::string local = shown(*self_, outer_key);
            if (links.empty())
                return error(Code::outer_address_not_here, local,
                             {{"addresses", host_text(host_)}});
            if (links.size() > 1)
                return error(Code::outer_address_on_several, local,
                             {{"interfaces", listed(links)}});
            dev = links[0];
        }
        section_.add("dev", "dev", dev->empty() ? "-" : *dev);
        return check_utf8(*dev, "dev");
    }

    std::vector<std::string> links_of(const IpAddress& address) const {
        std::vector<std::string> links;
        for (const auto& one : host_)
            if (one.prefix.address == address && !one.link.empty() &&
                std::find(links.begin(), links.end(), one.link) == links.end())
                links.push_back(one.link);
        return links;
    }

    Result<void> add_peers() {
        const auto peers = peers_of(entries_, self_, texts_.gate_peers[0].path);
        if (!peers) return tl::unexpected(peers.error());
        section_.list("peers");
        for (const auto& [address, entry] : *peers) {
            section_.add_element("peers", std::string(outer_key), to_string(address));
            note_place(*entry, outer_key);
        }
        return {};
    }

    Result<void> choose_vpg() {
        const auto inner = required(*self_, inner_key, "an address");
        if (!inner) return tl::unexpected(inner.error());
        const auto address = parse_address(*inner);
        if (!address) return refuse(address.error(), *self_, inner_key);
        inner_ = *inner;
        if (vpgs_.empty()) return {};
        std::vector<const ApiObject*> fitting;
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
                    Code::inner_outside_device_subnet, choice_.name,
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
    Result<std::optional<std::uint8_t>> length_of(const ApiObject& entry) const {
        const JsonValue* const value = find(entry.object, netmask_key);
        const bool is_stated =
            value != nullptr && !(value->type == JsonType::string && value->text.empty());
        if (!is_stated) return std::optional<std::uint8_t>();
        const auto text = required(entry, netmask_key, "a mask or a prefix length");
        if (!text) return tl::unexpected(text.error());
        const auto prefix = parse_prefix(formatted("{}/{}", inner_, *text));
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
            if (const JsonValue* const value = find(vpg_->object, key)) {
                const auto bad = parse_prefix(value->text);
                if (!bad) return refuse(bad.error(), *vpg_, key);
            }
        return refuse(Error(Code::device_subnet_missing, "", {{"key", subnet_keys[0]}}), *vpg_,
                      vpg_->object.offset);
    }

    Result<void> add_address() {
        const auto length = prefix_length();
        if (!length) return tl::unexpected(length.error());
        section_.add_element("addresses", std::string(inner_key),
                             formatted("{}/{}", inner_, *length));
        note_place(*self_, inner_key);
        return {};
    }

    Result<void> add_what_vpg_says() {
        if (vpg_ == nullptr) return {};
        if (boolean_of(vpg_->object, opened_key) == false)
            result_.warnings.emplace_back(Code::gate_closed, choice_.name);
        if (redirects_to(*vpg_, *parse_address(inner_))) section_.add("forward", "", "yes");
        if (find(vpg_->object, vni_key) == nullptr) return {};
        const auto text = required(*vpg_, vni_key, "a number");
        if (!text) return tl::unexpected(text.error());
        section_.add("vni", std::string(vni_key), *text);
        note_place(*vpg_, vni_key);
        return {};
    }

    const SoracomTexts& texts_;
    const SoracomChoice& choice_;
    std::span<const HostAddress> host_;
    std::vector<ApiObject> entries_, vpgs_;
    const ApiObject* self_ = nullptr;
    const ApiObject* vpg_ = nullptr; ///< null where none is given
    std::string inner_;              ///< an address
    SectionWords section_{TunnelKind::vxlan};
    /// Of words of the section what says them.
    std::map<std::size_t, std::pair<const ApiObject*, std::string_view>> places_;
    SoracomTunnel result_;
};

} // namespace

Result<SoracomTunnel> tunnel_from_soracom(const SoracomTexts& texts, const SoracomChoice& choice,
                                          std::span<const HostAddress> host) {
    return Importer(texts, choice, host).run();
}

Result<std::string> peers_from_soracom(const SoracomTexts& texts) {
    const auto entries = read_gate_peers(texts);
    if (!entries) return tl::unexpected(entries.error());
    const auto peers = peers_of(*entries, nullptr, texts.gate_peers[0].path);
    if (!peers) return tl::unexpected(peers.error());
    std::string text(peers_file_head);
    for (const auto& [address, entry] : *peers)
        text += formatted("{}\n", to_string(address));
    return text;
}

bool is_imported_peers_file(std::string_view text) {
    return text.starts_with(peers_file_head);
}

} // namespace vxlanctl
