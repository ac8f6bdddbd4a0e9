#!/bin/sh
# What the later generations of the shell script make, written from the description of their argv:
#
#     gate_init_vxlan.sh DEV LOCAL IFNAME [INNER] LENGTH-OR-MASK [VNI] PEER...
#
# bench/init_vxlan.sh is the first generation.
dev=$1 local=$2 name=$3 inner=$4 mask=$5 vni=10
shift 5
case $1 in
*[!0-9]*) ;;
*)
    vni=$1
    shift
    ;;
esac

ip link del "$name" 2>/dev/null
ip link add "$name" type vxlan id "$vni" local "$local" dev "$dev" port 4789 4789
if [ -n "$inner" ]; then
    ip addr add "$inner/$mask" broadcast + dev "$name"
    ip link set "$name" up
fi
for peer; do
    bridge fdb append 00:00:00:00:00:00 dev "$name" dst "$peer"
done
