#!/bin/sh
# What `vxlanctl doctor` finds, for a monitoring agent that runs plugins in Nagios's manner: one line
# with OK, WARNING, CRITICAL or UNKNOWN and performance data behind `|`, below it what heals it, and
# 0, 1, 2 or 3 as exit code. For cron, which mails what is printed, `vxlanctl doctor -q` is enough.
#
# The words are doctor's, as in `doctor.sh vxlan0 --probe`. It needs jq, and doctor needs
# CAP_NET_ADMIN to read the firewall's rules, CAP_NET_RAW for --probe.
set -u

report=$(vxlanctl doctor --json --exit-warn "$@")
code=$?
case $code in
0 | 3 | 6) ;;
*)
    message=$(printf '%s\n' "$report" | jq -r '.errors[0].message')
    echo "UNKNOWN: ${message:-vxlanctl cannot be run}"
    exit 3
    ;;
esac
printf '%s\n' "$report" | jq -r --arg code "$code" '
    def count($verdict): [.checks[] | select(.verdict == $verdict and .check != "cloud")] | length;
    def wanted: if $code == "3" then "fail" elif $code == "6" then "warn" else "none" end;
    [.checks[] | select(.verdict == wanted and .check != "cloud")
     | .tunnel |= if . == "" then "host" else . end] as $told
    | ({"0": "OK: no check failed", "3": "CRITICAL: ", "6": "WARNING: "}[$code])
      + ($told | map("\(.tunnel): \(.check): \(.found)") | join("; "))
      + " | passed=\(count("pass")) warnings=\(count("warn")) failed=\(count("fail"))",
      ($told[]
       | (.edits[] | "set: \(.key) = \(.value) in \(.file), line \(.line)"),
         (select(.remedy != "") | "do: " + .remedy))'
case $code in
0) exit 0 ;;
3) exit 2 ;;
6) exit 1 ;;
esac
