#include "vxlanctl/run/encode.h"

#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/route_codec.h"

namespace vxlanctl {
namespace {

struct Encoder {
    MessageWriter& writer;
    int index; ///< of the operation's link
    const IndexOf& index_of;

    void operator()(const CreateLink& create) const {
        encode_create(writer, create.link, create.attributes, create.tunnel, index_of);
        encode_alias(writer, create.link, create.attributes.alias.value_or(""));
        encode_get_link(writer, create.link); // the answer tells the ifindex
    }
    void operator()(const ChangeLink& change) const {
        // The kernel makes it a port before it takes what a port has.
        if (const auto own = without_port_part(change.changed); own != LinkAttributes{})
            encode_change(writer, index, own, index_of);
        encode_port_change(writer, index, change.changed);
    }
    void operator()(const ChangeTunnel& change) const {
        encode_change(writer, index, change.changed, index_of);
    }
    void operator()(const RenameLink& rename) const { encode_rename(writer, index, rename.to); }
    void operator()(const DeleteLink&) const { encode_delete(writer, index); }
    void operator()(const Add<FloodEntry>& add) const {
        encode_add_flood(writer, index, add.objects, add.manner.state, add.manner.flags, index_of);
    }
    void operator()(const Remove<FloodEntry>& remove) const {
        encode_remove_fdb(writer, index, MacAddress{}, remove.objects, index_of);
    }
    void operator()(const Add<MacEntry>& add) const {
        for (const auto& entry : add.objects)
            encode_add_mac(writer, index, entry, index_of);
    }
    void operator()(const Remove<MacEntry>& remove) const {
        for (const auto& entry : remove.objects)
            encode_remove_fdb(writer, index, entry.mac, {&entry.remote, 1}, index_of);
    }
    // Those of the PRL are ioctls, see is_by_ioctl().
    void operator()(const Add<PrlEntry>&) const {}
    void operator()(const Change<PrlEntry>&) const {}
    void operator()(const Remove<PrlEntry>&) const {}
    void operator()(const Add<Rule>& add) const { encode_add_rule(writer, add.object()); }
    void operator()(const Remove<Rule>& remove) const {
        encode_remove_rule(writer, remove.object());
    }
    void operator()(const SetForwarding& forwarding) const {
        LinkAttributes changed;
        changed.forward = forwarding.on;
        encode_change(writer, index, changed, index_of);
    }
    void operator()(const Add<Address>& add) const {
        encode_add_address(writer, index, add.object());
    }
    void operator()(const Remove<Address>& remove) const {
        encode_remove_address(writer, index, remove.object());
    }
    void operator()(const Add<Route>& add) const {
        if (add.manner.beside)
            encode_append_route(writer, index, add.object());
        else
            encode_add_route(writer, index, add.object());
    }
    void operator()(const Remove<Route>& remove) const {
        encode_remove_route(writer, index, remove.object());
    }
    void operator()(const Add<Neighbour>& add) const {
        encode_add_neighbour(writer, index, add.object());
    }
    void operator()(const Remove<Neighbour>& remove) const {
        encode_remove_neighbour(writer, index, remove.object());
    }
};

} // namespace

void encode(MessageWriter& writer, const Operation& operation, int index, const IndexOf& index_of) {
    std::visit(Encoder{writer, index, index_of}, operation);
}

bool is_by_ioctl(const Operation& operation) {
    return std::holds_alternative<Add<PrlEntry>>(operation) ||
           std::holds_alternative<Change<PrlEntry>>(operation) ||
           std::holds_alternative<Remove<PrlEntry>>(operation);
}

} // namespace vxlanctl
