#!/bin/bash
# An EC2 host in NTT's Flets IPv6 network: the ISATAP tunnel of flets.sh, and rules for nft made of
# what then runs. Security groups see protocol 41 to the router and nothing of what is inside. Out of
# the tunnel to this host come only replies to what it asked for, ICMPv6 (IPv6 does not work without
# it) and SSH; and into the tunnel nobody sends but the routers. See docs/firewall.md.
#
# Run it again whenever you like, and after every change of the routers: what is in place is left
# alone, and the rules are replaced at once.
set -euo pipefail

vxlanctl isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254
vxlanctl firewall sit1 --protect --accept tcp/22 | nft -f -
