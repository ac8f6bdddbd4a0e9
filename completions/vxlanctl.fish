# vxlanctl(8) in fish.

# The devices, tunnels and network namespaces that there are.
function __vxlanctl_devices
    string replace -rf '^\s*(\S+):.*' '$1' </proc/net/dev
end
function __vxlanctl_tunnels
    set -l words (commandline -opc)
    $words[1] show --color never 2>/dev/null </dev/null | string replace -rf '^(\S+): .*' '$1'
end
function __vxlanctl_namespaces
    for path in /run/netns/*
        string replace -r '.*/' '' $path
    end
end

# The words before the cursor: the command's name, and then a line for each other one.
function __vxlanctl_line
    set -l command
    set -l words
    set -l skip no
    set -l ended no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if test $ended = no; and test "x$word" = x--
            set ended yes
        else if test $ended = no; and string match -q -- '-?*' $word
            contains -- $word $__vxlanctl_with_argument; and set skip yes
        else if test -z "$command"
            set command $word
        else if contains -- $command $__vxlanctl_of_two_words
            set command "$command $word"
        else
            set -a words $word
        end
    end
    echo $command
    string join \n -- $words
end
# Whether the command is this one.
function __vxlanctl_is
    set -l line (__vxlanctl_line)
    test "$line[1]" = "$argv"
end
# The same, and whether the cursor is at its word of that number, or with `more` also behind it.
function __vxlanctl_at
    set -l line (__vxlanctl_line)
    set -l number $argv[1]
    set -e argv[1]
    set -l relation -eq
    if test "$argv[1]" = more
        set -e argv[1]
        set relation -ge
    end
    test "$line[1]" = "$argv"; and test (count $line) $relation $number
end

complete -c vxlanctl -f

# The rest is made of vxlanctl's own tables. Do not change it here, but there, and then run
# cmake --build build/dev --target completions

set -g __vxlanctl_with_argument --accept --address --ageing --color --confirm --dev --df --encaplimit --file --format --forward-from --gate-peers --limit --lock-timeout --mac --masquerade --master --metric --mtu --name --netns --output --peers-file --port --resolve-timeout --route --router --rp-filter --rule --self --source --srcport --tclass --tos --ttl --vni --vpg --vrf --wait -o
set -g __vxlanctl_of_two_words import ipip6 isatap
complete -c vxlanctl -l json -d 'print JSON instead of text'
complete -c vxlanctl -l netns -x -a '(__vxlanctl_namespaces)' -d 'work in this network namespace'
complete -c vxlanctl -s q -l quiet -d 'print errors only'
complete -c vxlanctl -s v -l verbose -d 'print more: every peer, every learned MAC, the codes of messages'
complete -c vxlanctl -l color -x -a 'auto always never' -d 'auto (default), always or never'
complete -c vxlanctl -s h -l help -d 'print this help'
complete -c vxlanctl -s V -l version -d 'print the version'
complete -c vxlanctl -n __vxlanctl_is -a up -d 'Make the VXLAN IFNAME'
complete -c vxlanctl -n __vxlanctl_is -a isatap -d 'Make the ISATAP tunnel IFNAME'
complete -c vxlanctl -n __vxlanctl_is -a ipip6 -d 'Make the tunnel IFNAME for IPv4 over IPv6'
complete -c vxlanctl -n __vxlanctl_is -a init-vxlan -d 'Make the VXLAN of the scripts init_vxlan.sh and gate_init_vxlan.sh'
complete -c vxlanctl -n __vxlanctl_is -a down -d 'Remove tunnels that vxlanctl made'
complete -c vxlanctl -n __vxlanctl_is -a apply -d 'Make the kernel match the files'
complete -c vxlanctl -n __vxlanctl_is -a plan -d 'Say what apply would do'
complete -c vxlanctl -n __vxlanctl_is -a check -d 'Say what differs from the files'
complete -c vxlanctl -n __vxlanctl_is -a confirm -d 'Keep what \'apply --confirm\' has done'
complete -c vxlanctl -n __vxlanctl_is -a show -d 'Show what runs'
complete -c vxlanctl -n __vxlanctl_is -a export -d 'Print what runs as a file that apply accepts'
complete -c vxlanctl -n __vxlanctl_is -a import -d 'Print the tunnel of a SORACOM Gate peer'
complete -c vxlanctl -n __vxlanctl_is -a graph -d 'Draw what runs'
complete -c vxlanctl -n __vxlanctl_is -a doctor -d 'Find out why a tunnel does not pass traffic'
complete -c vxlanctl -n __vxlanctl_is -a firewall -d 'Print rules for nft that let the other ends of a tunnel alone send into it'
complete -c vxlanctl -n '__vxlanctl_is import' -a soracom -d 'Print the tunnel of a SORACOM Gate peer'
complete -c vxlanctl -n '__vxlanctl_is ipip6' -a up -d 'Make the tunnel IFNAME for IPv4 over IPv6'
complete -c vxlanctl -n '__vxlanctl_is isatap' -a up -d 'Make the ISATAP tunnel IFNAME'

# up
complete -c vxlanctl -n '__vxlanctl_is up' -l vni -x -d 'VXLAN network identifier, 1 to 16777215 (default 10)'
complete -c vxlanctl -n '__vxlanctl_is up' -l port -x -d 'UDP destination port (default 4789)'
complete -c vxlanctl -n '__vxlanctl_is up' -l srcport -x -d 'UDP source ports (default: the kernel\'s range)'
complete -c vxlanctl -n '__vxlanctl_is up' -l ttl -x -a 'auto inherit' -d 'outer TTL: 1 to 255, auto, or inherit from the inner packet'
complete -c vxlanctl -n '__vxlanctl_is up' -l tos -x -a 'inherit' -d 'outer type of service: 0 to 255, or inherit (which is 1)'
complete -c vxlanctl -n '__vxlanctl_is up' -l df -x -a 'unset set inherit' -d 'outer don\'t-fragment bit: set, unset or inherit'
complete -c vxlanctl -n '__vxlanctl_is up' -l ageing -x -d 'lifetime of learned MACs (default 300)'
complete -c vxlanctl -n '__vxlanctl_is up' -l limit -x -d 'how many MACs may be learned (default 0: any number)'
complete -c vxlanctl -n '__vxlanctl_is up' -l learning -d 'learn which MAC is behind which peer (default)'
complete -c vxlanctl -n '__vxlanctl_is up' -l no-learning -d 'the opposite of --learning'
complete -c vxlanctl -n '__vxlanctl_is up' -l udp-csum -d 'compute the outer UDP checksum (default)'
complete -c vxlanctl -n '__vxlanctl_is up' -l no-udp-csum -d 'the opposite of --udp-csum'
complete -c vxlanctl -n '__vxlanctl_is up' -l mtu -x -d 'largest inner packet (default: the kernel\'s, lower device less the overhead)'
complete -c vxlanctl -n '__vxlanctl_is up' -l mac -x -d 'the link\'s own MAC address (default: a random one)'
complete -c vxlanctl -n '__vxlanctl_is up' -l master -x -a '(__vxlanctl_devices) none' -d 'the bridge (or other master) that the link is a port of'
complete -c vxlanctl -n '__vxlanctl_is up' -l vrf -x -a '(__vxlanctl_devices) none' -d 'the VRF that the link belongs to'
complete -c vxlanctl -n '__vxlanctl_is up' -l rp-filter -x -a 'off strict loose' -d 'filter what comes out of the tunnel by its source: off, strict or loose'
complete -c vxlanctl -n '__vxlanctl_is up' -l forward -d 'forward the IPv4 packets that come out of the tunnel'
complete -c vxlanctl -n '__vxlanctl_is up' -l no-forward -d 'the opposite of --forward'
complete -c vxlanctl -n '__vxlanctl_is up' -l route -x -d 'DST[,via GW][,dev D][,table N][,metric M], out of the tunnel; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is up' -l rule -x -d 'from PREFIX,table N or to PREFIX,table N: a policy rule; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is up' -l forward-from -x -a '(__vxlanctl_devices)' -d 'make DEV forward the IPv4 packets that come in by it; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is up' -l address -x -d 'another inner address; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is up' -l peers-file -r -F -d 'more peers, one a line; - is standard input; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is up' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is up' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is up' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is up' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is up' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is up' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is up' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is up' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is up' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is up' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_is up' -l override -d 'change a tunnel that a file defines, until the next apply'
complete -c vxlanctl -n '__vxlanctl_is up' -l wait -x -d 'wait so long for lower devices and local addresses that are not there yet'
complete -c vxlanctl -n '__vxlanctl_is up' -l resolve-timeout -x -d 'how long to wait for the addresses of peers\' names (default 10)'
complete -c vxlanctl -n '__vxlanctl_at 1 up' -a '(__vxlanctl_devices) -' -d 'DEV'
complete -c vxlanctl -n '__vxlanctl_at 3 up' -a '(__vxlanctl_tunnels)' -d 'IFNAME'
complete -c vxlanctl -n '__vxlanctl_at 4 up' -a '-' -d 'INNER'

# isatap up
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l router -x -d 'a router that packets are accepted from, but no default router; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l default-route -d 'an IPv6 default route by the first router, even where there is one out of another link'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l no-default-route -d 'no default route'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l metric -x -d 'of the default route (default 1); repeated: of one by the second router, and so on'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l global-id -d 'interface identifiers 0200:5efe:... (default: as the kernel makes them of the address)'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l no-global-id -d 'interface identifiers 0000:5efe:...'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l dev -x -a '(__vxlanctl_devices) none' -d 'the lower device that packets leave by (default: any)'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l ttl -x -a 'inherit' -d 'outer TTL: 1 to 255, or inherit from the inner packet (default)'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l mtu -x -d 'largest inner packet (default: the kernel\'s, lower device less the overhead)'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l vrf -x -a '(__vxlanctl_devices) none' -d 'the VRF that the link belongs to'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l route -x -d 'DST[,via GW][,dev D][,table N][,metric M], out of the tunnel; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l rule -x -d 'from PREFIX,table N or to PREFIX,table N: a policy rule; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l override -d 'change a tunnel that a file defines, until the next apply'
complete -c vxlanctl -n '__vxlanctl_is isatap up' -l wait -x -d 'wait so long for lower devices and local addresses that are not there yet'
complete -c vxlanctl -n '__vxlanctl_at 1 isatap up' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# ipip6 up
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l dev -x -a '(__vxlanctl_devices) none' -d 'the lower device that packets leave by (default: any)'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l ttl -x -a 'inherit' -d 'outer hop limit: 1 to 255, or inherit (default 64)'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l tclass -x -a 'inherit' -d 'outer traffic class: 0 to 255, or inherit'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l encaplimit -x -a 'none' -d 'how often the packet may be encapsulated again: 0 to 255, or none (default)'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l mtu -x -d 'largest inner packet (default: the kernel\'s, lower device less the overhead)'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l vrf -x -a '(__vxlanctl_devices) none' -d 'the VRF that the link belongs to'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l rp-filter -x -a 'off strict loose' -d 'filter what comes out of the tunnel by its source: off, strict or loose'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l forward -d 'forward the IPv4 packets that come out of the tunnel'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l no-forward -d 'the opposite of --forward'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l route -x -d 'DST[,via GW][,dev D][,table N][,metric M], out of the tunnel; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l rule -x -d 'from PREFIX,table N or to PREFIX,table N: a policy rule; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l forward-from -x -a '(__vxlanctl_devices)' -d 'make DEV forward the IPv4 packets that come in by it; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l override -d 'change a tunnel that a file defines, until the next apply'
complete -c vxlanctl -n '__vxlanctl_is ipip6 up' -l wait -x -d 'wait so long for lower devices and local addresses that are not there yet'
complete -c vxlanctl -n '__vxlanctl_at 1 ipip6 up' -a '(__vxlanctl_tunnels)' -d 'IFNAME'
complete -c vxlanctl -n '__vxlanctl_at 4 ipip6 up' -a '-' -d 'INNER'

# init-vxlan
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_is init-vxlan' -l override -d 'change a tunnel that a file defines, until the next apply'
complete -c vxlanctl -n '__vxlanctl_at 1 init-vxlan' -a '(__vxlanctl_devices)' -d 'DEV'
complete -c vxlanctl -n '__vxlanctl_at 3 init-vxlan' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# down
complete -c vxlanctl -n '__vxlanctl_is down' -l all -d 'every tunnel that vxlanctl manages'
complete -c vxlanctl -n '__vxlanctl_is down' -l all-files -d 'every tunnel that came from a file, whichever one'
complete -c vxlanctl -n '__vxlanctl_is down' -l file -x -a '(__fish_complete_suffix .toml)' -d 'the tunnels that these files define; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is down' -l force -d 'also a tunnel that vxlanctl did not make'
complete -c vxlanctl -n '__vxlanctl_is down' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is down' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is down' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_at 1 more down' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# apply
complete -c vxlanctl -n '__vxlanctl_is apply' -l prune -d 'remove tunnels that came from these files or directories and are in them no more'
complete -c vxlanctl -n '__vxlanctl_is apply' -l source -x -a '(__vxlanctl_namespaces)' -d 'what --prune shall know the tunnels of standard input by'
complete -c vxlanctl -n '__vxlanctl_is apply' -l allow-empty -d 'accept a file, directory or standard input without tunnels'
complete -c vxlanctl -n '__vxlanctl_is apply' -l confirm -x -d 'take the change back unless it is confirmed in time, by Enter or \'vxlanctl confirm\''
complete -c vxlanctl -n '__vxlanctl_is apply' -l unless-held -d 'leave out files whose last change was not confirmed, as services do'
complete -c vxlanctl -n '__vxlanctl_is apply' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is apply' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is apply' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is apply' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is apply' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is apply' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is apply' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is apply' -s n -l dry-run -d 'say what would be done, and do nothing'
complete -c vxlanctl -n '__vxlanctl_is apply' -l ip-commands -d 'with --dry-run: say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is apply' -l lock-timeout -x -d 'how long to wait for another vxlanctl (default 10)'
complete -c vxlanctl -n '__vxlanctl_is apply' -l wait -x -d 'wait so long for lower devices and local addresses that are not there yet'
complete -c vxlanctl -n '__vxlanctl_is apply' -l resolve-timeout -x -d 'how long to wait for the addresses of peers\' names (default 10)'
complete -c vxlanctl -n '__vxlanctl_at 1 more apply' -a '(__fish_complete_suffix .toml)' -d 'FILE|DIR|-'

# plan
complete -c vxlanctl -n '__vxlanctl_is plan' -l prune -d 'remove tunnels that came from these files or directories and are in them no more'
complete -c vxlanctl -n '__vxlanctl_is plan' -l source -x -a '(__vxlanctl_namespaces)' -d 'what --prune shall know the tunnels of standard input by'
complete -c vxlanctl -n '__vxlanctl_is plan' -l allow-empty -d 'accept a file, directory or standard input without tunnels'
complete -c vxlanctl -n '__vxlanctl_is plan' -l unless-held -d 'leave out files whose last change was not confirmed, as services do'
complete -c vxlanctl -n '__vxlanctl_is plan' -l ip-commands -d 'say it as commands of iproute2'
complete -c vxlanctl -n '__vxlanctl_is plan' -l allow-recreate -d 'replace the link where the kernel cannot change it'
complete -c vxlanctl -n '__vxlanctl_is plan' -l keep-foreign -d 'when replacing, put back what is not stated: addresses, routes, ...'
complete -c vxlanctl -n '__vxlanctl_is plan' -l drop-foreign -d 'when replacing, drop what is not stated'
complete -c vxlanctl -n '__vxlanctl_is plan' -l allow-flap -d 'take the link down for a moment where the kernel needs that'
complete -c vxlanctl -n '__vxlanctl_is plan' -l allow-overlap -d 'accept an inner prefix that draws outer traffic into the tunnel'
complete -c vxlanctl -n '__vxlanctl_is plan' -l exclusive -d 'remove addresses and FDB pins that are not stated'
complete -c vxlanctl -n '__vxlanctl_is plan' -l adopt -d 'take over an interface that another program seems to run'
complete -c vxlanctl -n '__vxlanctl_is plan' -l resolve-timeout -x -d 'how long to wait for the addresses of peers\' names (default 10)'
complete -c vxlanctl -n '__vxlanctl_at 1 more plan' -a '(__fish_complete_suffix .toml)' -d 'FILE|DIR|-'

# check
complete -c vxlanctl -n '__vxlanctl_is check' -l prune -d 'remove tunnels that came from these files or directories and are in them no more'
complete -c vxlanctl -n '__vxlanctl_is check' -l source -x -a '(__vxlanctl_namespaces)' -d 'what --prune shall know the tunnels of standard input by'
complete -c vxlanctl -n '__vxlanctl_is check' -l allow-empty -d 'accept a file, directory or standard input without tunnels'
complete -c vxlanctl -n '__vxlanctl_is check' -l unless-held -d 'leave out files whose last change was not confirmed, as services do'
complete -c vxlanctl -n '__vxlanctl_is check' -l resolve-timeout -x -d 'how long to wait for the addresses of peers\' names (default 10)'
complete -c vxlanctl -n '__vxlanctl_at 1 more check' -a '(__fish_complete_suffix .toml)' -d 'FILE|DIR|-'

# confirm

# show
complete -c vxlanctl -n '__vxlanctl_at 1 more show' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# export
complete -c vxlanctl -n '__vxlanctl_at 1 more export' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# import soracom
complete -c vxlanctl -n '__vxlanctl_is import soracom' -l gate-peers -r -F -d 'what \'soracom vpg list-gate-peers\' prints; - is standard input; may be repeated'
complete -c vxlanctl -n '__vxlanctl_is import soracom' -l vpg -r -F -d 'what \'soracom vpg get\' or \'list\' prints: the VNI and, if need be, the prefix length'
complete -c vxlanctl -n '__vxlanctl_is import soracom' -l self -x -d 'the outer address of this host\'s entry (default: one that it has)'
complete -c vxlanctl -n '__vxlanctl_is import soracom' -l dev -x -a '(__vxlanctl_devices)' -d 'the lower device (default: the one that has the outer address)'
complete -c vxlanctl -n '__vxlanctl_is import soracom' -l name -x -a '(__vxlanctl_tunnels)' -d 'of the tunnel (default vxlan0)'
complete -c vxlanctl -n '__vxlanctl_is import soracom' -s o -l output -r -F -d 'replace this file, instead of printing'

# graph
complete -c vxlanctl -n '__vxlanctl_is graph' -l format -x -a 'text dot mermaid svg' -d 'text (default), dot (for Graphviz), mermaid, or svg (drawn by Graphviz)'
complete -c vxlanctl -n '__vxlanctl_is graph' -l file -x -a '(__fish_complete_suffix .toml)' -d 'draw what files say, and not what runs; may be repeated'
complete -c vxlanctl -n '__vxlanctl_at 1 more graph' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# doctor
complete -c vxlanctl -n '__vxlanctl_is doctor' -l probe -d 'send packets too: large ones to each peer, and ARP through the tunnel'
complete -c vxlanctl -n '__vxlanctl_at 1 more doctor' -a '(__vxlanctl_tunnels)' -d 'IFNAME'

# firewall
complete -c vxlanctl -n '__vxlanctl_is firewall' -l masquerade -x -a '(__vxlanctl_devices)' -d 'give what is forwarded from the tunnel to DEV this host\'s address there'
complete -c vxlanctl -n '__vxlanctl_is firewall' -l clamp-mss -d 'make forwarded TCP connections fit into the tunnel\'s MTU'
complete -c vxlanctl -n '__vxlanctl_is firewall' -l protect -d 'drop what comes out of the tunnel to this host, but ICMP and what belongs to connections that there are'
complete -c vxlanctl -n '__vxlanctl_is firewall' -l accept -x -a 'ipip6 vrrp' -d 'with --protect: accept tcp/PORT, udp/PORT, tcp/LOW-HIGH, udp/LOW-HIGH, ipip6 or vrrp, too; may be repeated'
complete -c vxlanctl -n '__vxlanctl_at 1 more firewall' -a '(__vxlanctl_tunnels)' -d 'IFNAME'
