# vxlanctl(8) in bash.

# The devices, tunnels and network namespaces that there are, a line each.
_vxlanctl_devices() {
    local line
    while IFS=: read -r line _; do
        [[ $line == *'|'* ]] || printf '%s\n' "${line##*[[:blank:]]}"
    done </proc/net/dev
}
_vxlanctl_tunnels() {
    local line
    while IFS= read -r line; do
        [[ $line == ' '* ]] || printf '%s\n' "${line%%: *}"
    done < <("$1" show --color never 2>/dev/null </dev/null)
}
_vxlanctl_namespaces() {
    local path
    for path in /run/netns/*; do
        [[ ! -e $path ]] || printf '%s\n' "${path##*/}"
    done
}

# What option $2 of command $1 takes, as above. Fails where it takes no argument.
_vxlanctl_argument() {
    local option candidates
    while read -r option candidates; do
        if [[ $option == "$2" && $candidates ]]; then
            printf '%s\n' "$candidates"
            return 0
        fi
    done < <(_vxlanctl_options "$1")
    return 1
}

_vxlanctl() {
    # bash splits words at = and : as well, which vxlanctl does not.
    local word words=() line=${COMP_LINE:0:COMP_POINT} rest
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        rest=${line#"${line%%[![:blank:]]*}"}
        if ((${#words[@]} == 0)) || [[ $rest != "$line" ]]; then
            words+=("$word")
        else
            words[-1]+=$word
        fi
        line=${rest#"$word"}
    done

    local command='' count=0 candidates='' ended='' i
    for ((i = 1; i < ${#words[@]} - 1; ++i)); do
        word=${words[i]}
        if [[ ! $ended && $word == -- ]]; then
            ended=yes
        elif [[ ! $ended && $word == -?* ]]; then
            candidates=$(_vxlanctl_argument "$command" "$word") && ((++i))
        elif [[ -z $command || $(_vxlanctl_words "$command" 0) ]]; then
            command+=${command:+ }$word
        else
            ((++count))
        fi
    done

    local current=${words[-1]} written=''
    if ((i == ${#words[@]})); then
        : # the argument of the option before
    elif [[ ! $ended && $current == --*=* ]]; then
        candidates=$(_vxlanctl_argument "$command" "${current%%=*}")
        written=${current%%=*}=
    else
        candidates=$(_vxlanctl_words "$command" 0)
        [[ $candidates ]] || candidates=$(_vxlanctl_words "$command" $((count + 1)))
        if [[ ! $ended && $current == -* ]]; then
            while read -r word _; do
                candidates+=" $word"
            done < <(_vxlanctl_options "$command")
        fi
    fi
    current=${current#"$written"}

    local all=() name
    read -ra words <<<"$candidates"
    for word in "${words[@]}"; do
        case $word in
        '?') ;;
        @files)
            compopt -o filenames
            while IFS= read -r name; do all+=("$name"); done < <(compgen -f -- "$current")
            ;;
        @toml_files)
            compopt -o filenames
            while IFS= read -r name; do all+=("$name"); done < <(
                compgen -f -X '!*.toml' -- "$current"
                compgen -d -- "$current"
            )
            ;;
        @*)
            while IFS= read -r name; do
                printf -v name %q "$name"
                all+=("$name")
            done < <("_vxlanctl_${word#@}" "${COMP_WORDS[0]}")
            ;;
        *) all+=("$word") ;;
        esac
    done

    # What is before the last = or : is not part of the word that bash replaces.
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word != [=:]* ]] || word=''
    written=${current%"$word"}
    COMPREPLY=()
    for name in "${all[@]}"; do
        [[ $name != "$current"* ]] || COMPREPLY+=("${name#"$written"}")
    done
}

complete -F _vxlanctl vxlanctl

# The rest is made of vxlanctl's own tables. Do not change it here, but there, and then run
# cmake --build build/dev --target completions

# The options of command $1, a line each. Behind one that takes an argument stands what it can
# be: words, names that are looked up (@), or anything (?).
_vxlanctl_options() {
    case $1 in
    'up')
        cat <<'END'
--vni ?
--port ?
--srcport ?
--ttl auto inherit
--tos inherit
--df unset set inherit
--ageing ?
--limit ?
--learning
--no-learning
--udp-csum
--no-udp-csum
--mtu ?
--mac ?
--master @devices none
--vrf @devices none
--rp-filter off strict loose
--forward
--no-forward
--route ?
--rule ?
--forward-from @devices
--address ?
--peers-file @files
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
-n
--dry-run
--ip-commands
--lock-timeout ?
--override
--wait ?
--resolve-timeout ?
END
        ;;
    'isatap up')
        cat <<'END'
--router ?
--default-route
--no-default-route
--metric ?
--global-id
--no-global-id
--dev @devices none
--ttl inherit
--mtu ?
--vrf @devices none
--route ?
--rule ?
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
-n
--dry-run
--ip-commands
--lock-timeout ?
--override
--wait ?
END
        ;;
    'ipip6 up')
        cat <<'END'
--dev @devices none
--ttl inherit
--tclass inherit
--encaplimit none
--mtu ?
--vrf @devices none
--rp-filter off strict loose
--forward
--no-forward
--route ?
--rule ?
--forward-from @devices
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
-n
--dry-run
--ip-commands
--lock-timeout ?
--override
--wait ?
END
        ;;
    'init-vxlan')
        cat <<'END'
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
-n
--dry-run
--ip-commands
--lock-timeout ?
--override
END
        ;;
    'down')
        cat <<'END'
--all
--all-files
--file @toml_files
--force
-n
--dry-run
--ip-commands
--lock-timeout ?
END
        ;;
    'apply')
        cat <<'END'
--prune
--source @namespaces
--allow-empty
--confirm ?
--unless-held
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
-n
--dry-run
--ip-commands
--lock-timeout ?
--wait ?
--resolve-timeout ?
END
        ;;
    'plan')
        cat <<'END'
--prune
--source @namespaces
--allow-empty
--unless-held
--ip-commands
--allow-recreate
--keep-foreign
--drop-foreign
--allow-flap
--allow-overlap
--exclusive
--adopt
--resolve-timeout ?
END
        ;;
    'check')
        cat <<'END'
--prune
--source @namespaces
--allow-empty
--unless-held
--resolve-timeout ?
END
        ;;
    'import soracom')
        cat <<'END'
--gate-peers @files
--vpg @files
--self ?
--dev @devices
--name @tunnels
-o @files
--output @files
END
        ;;
    'graph')
        cat <<'END'
--format text dot mermaid svg
--file @toml_files
END
        ;;
    'doctor')
        cat <<'END'
--probe
END
        ;;
    'firewall')
        cat <<'END'
--masquerade @devices
--clamp-mss
--protect
--accept ipip6 vrrp
END
        ;;
    esac
    cat <<'END'
--json
--netns @namespaces
-q
--quiet
-v
--verbose
--color auto always never
-h
--help
-V
--version
END
}

# What word number $2 behind the words $1 can be, in the same way; number 0 is the next word of
# the command itself.
_vxlanctl_words() {
    case "$1:$2" in
    ':0') echo 'up isatap ipip6 init-vxlan down apply plan check confirm show export import graph doctor firewall' ;;
    'import:0') echo 'soracom' ;;
    'ipip6:0') echo 'up' ;;
    'isatap:0') echo 'up' ;;
    'up:1') echo '@devices -' ;;
    'up:2') echo '?' ;;
    'up:3') echo '@tunnels' ;;
    'up:4') echo '-' ;;
    'up:0') ;;
    'up':*) echo '?' ;;
    'isatap up:1') echo '@tunnels' ;;
    'isatap up:2') echo '?' ;;
    'isatap up:3') echo '?' ;;
    'isatap up:0') ;;
    'isatap up':*) echo '?' ;;
    'ipip6 up:1') echo '@tunnels' ;;
    'ipip6 up:2') echo '?' ;;
    'ipip6 up:3') echo '?' ;;
    'ipip6 up:4') echo '-' ;;
    'init-vxlan:1') echo '@devices' ;;
    'init-vxlan:2') echo '?' ;;
    'init-vxlan:3') echo '@tunnels' ;;
    'init-vxlan:4') echo '?' ;;
    'init-vxlan:5') echo '?' ;;
    'init-vxlan:6') echo '?' ;;
    'init-vxlan:0') ;;
    'init-vxlan':*) echo '?' ;;
    'down:0') ;;
    'down':*) echo '@tunnels' ;;
    'apply:0') ;;
    'apply':*) echo '@toml_files' ;;
    'plan:0') ;;
    'plan':*) echo '@toml_files' ;;
    'check:0') ;;
    'check':*) echo '@toml_files' ;;
    'show:0') ;;
    'show':*) echo '@tunnels' ;;
    'export:0') ;;
    'export':*) echo '@tunnels' ;;
    'graph:0') ;;
    'graph':*) echo '@tunnels' ;;
    'doctor:0') ;;
    'doctor':*) echo '@tunnels' ;;
    'firewall:0') ;;
    'firewall':*) echo '@tunnels' ;;
    esac
}
