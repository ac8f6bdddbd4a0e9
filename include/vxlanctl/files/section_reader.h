#pragma once

#include "vxlanctl/files/table_reader.h"
#include "vxlanctl/files/vxlan.h"

namespace vxlanctl {

/// Where peers come from besides a section's list.
struct PeersFiles {
    std::function<Result<std::string>(const std::string& path)> read; ///< those that a file names
    PeerList given = {};                                              ///< those of a command line
};

/// Whether a section describes a tunnel, or only what is to change of one.
enum class SectionScope : std::uint8_t { whole, changes };

/// Makes a tunnel of a section of a file, or of a command line whose words became such keys.
class SectionReader : public TableReader {
public:
    SectionReader(TunnelKind kind, const Written& name, const Written& table, SourceErrors& errors,
                  PeersFiles files, SectionScope scope = SectionScope::whole);

    /// Empty where there was an error since the reader was made.
    std::optional<Tunnel> read_section();

    // What the kinds read by.
    Tunnel& tunnel() { return tunnel_; }
    SourceErrors& errors() { return errors_; }
    PeersFiles& files() { return files_; }
    /// The routes that the kind adds in front of the others follow from these.
    void add_first_routes(const std::vector<const Written*>& from);
    void read_addresses();
    /// The key's value, which is an error to miss in the section of a whole tunnel.
    const Written* needed(std::string_view key);
    /// Whether the key's value is that word, which stands for what only the host knows.
    bool is_word(std::string_view key, std::string_view word) const;
    SectionScope scope() const { return scope_; }

private:
    bool reads_word_of(std::string_view key);
    Family family_of_ends() const;
    void read_routes();
    void read_bridge_port();
    void read_rules();
    void read_forward_from();
    void read_placement();
    void judge();

    const SectionKind& kind_;
    const std::size_t errors_before_;
    PeersFiles files_;
    const SectionScope scope_;
    Tunnel tunnel_;
    std::vector<const Written*> routes_; ///< what each of tunnel_.routes follows from
};

} // namespace vxlanctl
