#pragma once

#include "vxlanctl/model/model.h"

/// Whose an interface is: ours by its mark and record, of which file, or another program's.
namespace vxlanctl {

/// Whether the record was written for this interface: name, kind and ifindex agree, and what the
/// kernel cannot change on it. What a record of 0.1 or of a run that was killed does not say is
/// taken to agree.
bool is_of(const Record& record, const Link& link);

/// Whether the link carries our mark, and its record is there and cannot be understood.
bool has_unreadable_record(const Link& link, const State& state);

/// Whether a tunnel of that source is one of those that the sources of a call stand for: a file
/// that is named, or one below a directory that is.
bool is_below(const std::string& source, const std::vector<std::string>& sources);

/// The links with our mark that the config does not name, and that `which` means. One whose record
/// is of another interface, or whose mark a second one carries, is not among them. Sorted.
std::vector<std::string> unnamed_links(const Config& config, const State& state, Unnamed which);
/// Why links that `which` would mean by their mark alone are kept: nobody knows which file they
/// come from, or they may be somebody else's.
std::vector<Message> kept_unnamed(const Config& config, const State& state, Unnamed which);
/// The links that shall go: those that the config says so of, and the unnamed ones.
std::vector<std::string> absent_links(const Config& config, const State& state);

/// What shows that another program runs an interface that does not carry our mark, in words; empty
/// where nothing does. Entries of a control plane (NTF_EXT_LEARNED), entries that somebody has
/// pinned while learning is off, `external` and `vnifilter` on a VXLAN, and State::run_by.
/// With `has_control_plane`, what a control plane writes is no sign.
std::vector<std::string> signs_of_another_program(const Link& link, const State& state,
                                                  bool has_control_plane = false);

/// The tunnel as the record says that it was asked for, the routers of ISATAP apart, which no
/// record has.
Tunnel recorded_tunnel(const std::string& name, TunnelKind kind, const Record& record);

/// What the command line says of a tunnel, laid over what was set before: what the words do not set
/// stays.
struct LaidOver {
    Tunnel tunnel;
    /// Keys that the words set to other values than the record: `mtu: 1450 -> 1400`. Of what a
    /// record of 0.1 does not say, nothing is known, and the key is among them.
    std::vector<std::string> differing;
    std::vector<Message> warnings = {};
};
/// Over a tunnel that a file defines: what the words do not set stays as the file has it. `record`
/// is of the tunnel, which `have` is.
LaidOver over_file(const Tunnel& words, const Record& record, const Link& have);
/// Words that change only Tunnel::named, over a tunnel as it runs: the tunnel as it shall be.
LaidOver over_running(const Tunnel& words, const Record& record, const Link& have,
                      const State& state);
/// The record of a tunnel of which only `named` was set anew: `now` with what `old` has of all
/// other keys.
Record with_unnamed(Record now, const Record& old, const std::set<std::string>& named);

/// What a command set before and does not repeat, so that it goes back to its default: keys.
std::vector<std::string> not_repeated(const Tunnel& tunnel, const Record& record);

} // namespace vxlanctl
