"""What one would write with pyroute2: the link, its address, and the flood list of a file.

    pyroute2_up.py DEV LOCAL IFNAME INNER/LENGTH PEERSFILE
"""
import socket
import sys

from pyroute2 import IPRoute

device, local, name, inner, file = sys.argv[1:]
address, length = inner.split("/")
with open(file) as lines:
    wanted = {line.strip() for line in lines}
zero = "00:00:00:00:00:00"
with IPRoute() as route:
    found = route.link_lookup(ifname=name)
    if not found:
        lower = route.link_lookup(ifname=device)[0]
        route.link("add", ifname=name, kind="vxlan", vxlan_id=10, vxlan_local=local,
                   vxlan_link=lower, vxlan_port=4789)
        found = route.link_lookup(ifname=name)
        route.addr("add", index=found[0], address=address, prefixlen=int(length))
        route.link("set", index=found[0], state="up")
    link = found[0]
    present = {
        entry.get_attr("NDA_DST")
        for entry in route.fdb("dump", ifindex=link)
        if entry["ifindex"] == link and entry.get_attr("NDA_LLADDR") == zero
    }
    for peer in wanted - present:
        route.fdb("append", ifindex=link, lladdr=zero, dst=peer)
    for peer in present - wanted:
        route.fdb("del", ifindex=link, lladdr=zero, dst=peer)
