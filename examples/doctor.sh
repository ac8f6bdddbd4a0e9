#!/bin/sh
# What `vxlanctl doctor` finds, for a monitoring agent that runs plugins in Nagios's manner: a line
# with OK, CRITICAL or UNKNOWN, below it the commands that mend it, and 0, 2 or 3 as exit code. For
# cron, which mails what is printed, `vxlanctl doctor -q` is enough.
#
# The words are doctor's, as in `doctor.sh vxlan0 --probe`. It needs jq, and doctor needs
# CAP_NET_ADMIN to read the firewall's rules, CAP_NET_RAW for --probe.
set -u

report=$(vxlanctl doctor --json "$@")
case $? in
0)
    echo 'OK: no check failed'
    ;;
3)
    printf '%s\n' "$report" | jq -r '
        [.checks[] | select(.verdict == "fail") | .tunnel |= if . == "" then "host" else . end]
        | "CRITICAL: " + (map("\(.tunnel): \(.check): \(.found)") | join("; ")),
          (.[] | select(.remedy != "") | "do: " + .remedy)'
    exit 2
    ;;
*)
    message=$(printf '%s\n' "$report" | jq -r '.errors[0].message')
    echo "UNKNOWN: ${message:-vxlanctl cannot be run}"
    exit 3
    ;;
esac
