#!/bin/sh
# Two SORACOM VPGs on one EC2 host, each by a network interface (ENI) of its own. The outer addresses
# of both VPGs' ends are out of 100.64.0.0/16, so a packet's way out is decided by its source address:
# each interface has a routing table, and a rule that leads there what comes from its address.
#
# Both VPGs use VNI 10 unless they were told otherwise, and one network namespace can have it only
# once for a port: give one of them another VNI ("gateVxlanId" of the VPG).
#
# Run it again whenever you like: what is in place is left alone.
set -eu

vxlanctl up eth0 172.21.0.100 vxlan0 10.225.194.171/9 \
    100.64.158.4 100.64.158.132 \
    --route '100.64.0.0/16,via 172.21.0.1,dev eth0,table 100' \
    --rule 'from 172.21.0.100,table 100'

vxlanctl up eth1 172.21.1.100 vxlan1 10.64.0.1/24 --vni 11 \
    100.64.152.4 100.64.152.132 \
    --route '100.64.0.0/16,via 172.21.1.1,dev eth1,table 101' \
    --rule 'from 172.21.1.100,table 101'
