#!/bin/sh
# The old way, to be measured against: one process per change, and the tunnel made anew each time.
# Written from the description of the scripts of 2016 and their argv:
#
#     init_vxlan.sh DEV LOCAL IFNAME ADDRESS/LENGTH MASK PEER...
#
# They also reload the vxlan module, which is left out here: it would be measured, and it breaks
# every other VXLAN of the host. The rest is as bad as it was: "port" is the source port range, so
# the destination port is the module's default, and no exit code is looked at.
dev=$1 local=$2 name=$3 inner=$4
shift 5 # MASK is meaningless behind a prefix length

ip link del "$name" 2>/dev/null
ip link add "$name" type vxlan id 10 local "$local" dev "$dev" port 4789 4789
ip addr add "$inner" broadcast + dev "$name"
ip link set "$name" up
for peer; do
    bridge fdb append 00:00:00:00:00:00 dev "$name" dst "$peer"
done
