# vxlanctl(8) in bash: the program itself says what can be there.

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

    local current=${words[-1]} option='' offer name all=()
    [[ $current != --*=* ]] || option=${current%%=*}=
    while IFS= read -r offer; do
        case $offer in
        :files)
            compopt -o filenames
            while IFS= read -r name; do all+=("$option$name"); done < <(
                compgen -f -- "${current#"$option"}"
            )
            ;;
        :tunnel_files)
            compopt -o filenames
            while IFS= read -r name; do all+=("$option$name"); done < <(
                compgen -f -X '!*.toml' -- "${current#"$option"}"
                compgen -f -X '!*.json' -- "${current#"$option"}"
                compgen -d -- "${current#"$option"}"
            )
            ;;
        *)
            printf -v name %q "${offer%%$'\t'*}"
            all+=("$name")
            ;;
        esac
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null </dev/null)

    # What is before the last = or : is not part of the word that bash replaces.
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word != [=:]* ]] || word=''
    local written=${current%"$word"}
    COMPREPLY=()
    for name in "${all[@]}"; do
        [[ $name != "$current"* ]] || COMPREPLY+=("${name#"$written"}")
    done
}

complete -F _vxlanctl vxlanctl
