#pragma once

#include "vxlanctl/files/peers.h"
#include "vxlanctl/files/written.h"

namespace vxlanctl {

/// The words of a command line as the keys of a section, in the order in which errors are told of
/// them. Errors call a word `name`.
class SectionWords {
public:
    explicit SectionWords(TunnelKind kind) : kind_(kind) {}

    TunnelKind kind() const { return kind_; }
    /// The tunnel's name.
    void add_name(const std::string& word) { ifname_ = word_of("", "IFNAME", word); }
    void add(std::string_view key, std::string name, const std::string& word);
    /// One more element of a list.
    void add_element(std::string_view key, std::string name, const std::string& word);
    /// The list of that key, which is there from now on.
    std::vector<Written>& list(std::string_view key);
    /// A value for who puts tables together.
    Written word_of(std::string_view key, std::string name, const std::string& word);
    /// Something is wrong that no single value shows.
    void refuse(Error error) { errors_.add(std::move(error), {0, ++last_}); }

    /// The first error, or a tunnel that implies whatever no key states.
    Result<Tunnel> tunnel(PeerList given = {});

private:
    const TunnelKind kind_;
    const SourceText no_text_;
    SourceErrors errors_{no_text_};
    std::size_t last_ = 0; ///< the position of the last word
    Written ifname_, table_{Written::Type::table};
};

} // namespace vxlanctl
