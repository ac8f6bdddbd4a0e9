#!/bin/sh
# An EC2 host in NTT's Flets IPv6 network: an ISATAP tunnel to the gateway's router, and over it an
# IPv4-in-IPv6 tunnel to a site. It takes the place of the five lines of rc.local (ip tunnel add, ip
# tunnel prl, ip addr, ip link, route add).
#
# Run it again whenever you like: what is in place is left alone.
set -eu

vxlanctl isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254

vxlanctl ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::2 192.0.2.1/30 \
    --route 192.168.10.0/24
