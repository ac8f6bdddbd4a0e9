#!/bin/bash
# Junction's redirection sends the packets of all devices to this host, which lets them out to the
# internet by eth0 as its own: the tunnel and the forwarding out of soracom-forward.toml, and rules
# for nft made of what then runs. See docs/gateway.md and docs/firewall.md.
#
# Run it again whenever you like, and after every change of the peers: what is in place is left
# alone, and the rules are replaced at once.
set -euo pipefail

vxlanctl apply "$(dirname "$0")/soracom-forward.toml"
vxlanctl firewall vxlan0 --masquerade eth0 --clamp-mss | nft -f -
