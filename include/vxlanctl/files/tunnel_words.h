#pragma once

#include "vxlanctl/files/section_reader.h"
#include "vxlanctl/files/written.h"

#include <map>

/// A wanted tunnel out of the words of a command line: text in, value or error out. Nothing here
/// looks at the host.
namespace vxlanctl {

/// Options as written: name without dashes -> its arguments in order. A bare flag has one empty
/// argument; `--no-learning` is `no-learning`.
using OptionValues = std::map<std::string, std::vector<std::string>, std::less<>>;

/// `DEV LOCAL IFNAME INNER PEER...` and the options of `up`. `peers` are those of peers files.
Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                PeerList peers);

/// `IFNAME LOCAL PREFIX ROUTER...` and the options of `isatap up`. The address, the next hops and
/// the default route follow from them.
Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options);

/// `IFNAME LOCAL6 REMOTE6 [INNER]` and the options of `ipip6 up`.
Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options);

/// What `set` and `peer` change of a tunnel that runs: its kind and ends are the running ones, and
/// Tunnel::named has what the options name.
struct RunningTunnel {
    std::string name;
    TunnelKind kind = TunnelKind::vxlan;
    std::string local, remote; ///< as texts; empty where it has none
};
/// The options of `set`; one at least.
Result<Tunnel> changes_from_words(const RunningTunnel& running, const OptionValues& options);
/// `PEER...`; `change` is add or remove.
Result<Tunnel> peers_from_words(const RunningTunnel& running, std::span<const std::string> words,
                                PeerChange change, PeerList peers);

/// The words of a command line as the keys of a section, in the order in which errors are told of
/// them. Errors call a word `name`.
class SectionWords {
public:
    explicit SectionWords(TunnelKind kind) : kind_(kind) {}

    TunnelKind kind() const { return kind_; }
    /// Without a key it is the tunnel's name.
    void add(std::string_view key, std::string name, const std::string& word);
    /// The first words, each as `NAME` of a key.
    void add_first(std::span<const std::string> words,
                   std::initializer_list<std::pair<const char*, std::string_view>> keys);
    /// One more element of a list.
    void add_element(std::string_view key, std::string name, const std::string& word);
    /// The list of that key, which is there from now on.
    std::vector<Written>& list(std::string_view key);
    /// A value for who puts tables together.
    Written word_of(std::string_view key, std::string name, const std::string& word);
    /// What the options say that tunnels of that kind have in common.
    void add_options(const OptionValues& options);
    /// Which word was added last.
    std::size_t last() const { return last_; }
    /// Something is wrong that no single value shows.
    void refuse(Error error) { errors_.add(std::move(error), {0, ++last_}); }

    /// The first error, or a tunnel that implies whatever no key states.
    Result<Tunnel> tunnel(PeerList given = {}, SectionScope scope = SectionScope::whole);
    /// The word that the error of tunnel() is about, as of last().
    std::size_t wrong() const { return wrong_; }

private:
    /// The elements of that key's list or table, which is there from now on.
    std::vector<Written>& part(std::string_view key, Written::Type type);

    const TunnelKind kind_;
    const SourceText no_text_;
    SourceErrors errors_{no_text_};
    std::size_t last_ = 0; ///< the position of the last word
    std::size_t wrong_ = 0;
    Written ifname_, table_{Written::Type::table};
};

} // namespace vxlanctl
