# vxlanctl(8) in fish: the program itself says what can be there.

function __vxlanctl_offers
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' $current)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null </dev/null)
        switch $line
            case :files
                for name in (__fish_complete_path (string replace -- "$option" '' "$current"))
                    echo "$option$name"
                end
            case :tunnel_files
                for name in (__fish_complete_path (string replace -- "$option" '' "$current") | string match -r -- '^[^\t]*(?:\.toml|\.json|/)(?=\t|$)')
                    echo "$option$name"
                end
            case '*'
                echo $line
        end
    end
end

complete -c vxlanctl -f -a '(__vxlanctl_offers)'
