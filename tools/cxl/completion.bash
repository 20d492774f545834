# bash completion of cxl-cli: verbs, options as --help has them, names of devices
_cxl_cli_regions() { (cd /sys/bus/cxl/devices 2>/dev/null && ls -d region* 2>/dev/null); }

_cxl_cli() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words
	# "--type=x" is three words for bash: the option, the sign, and the value
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(cxl-cli --help | sed -n 's/^  \([a-z-]*\) .*/\1/p') enable-memdev disable-memdev disable-region destroy-region"
	elif [[ $prev == --hotplug || $prev == --type && $verb == plug ]]; then
		words="none never offline online online_kernel online_movable"
	elif [[ $prev == --type ]]; then
		words="ram pmem dynamic_ram_1"
	elif [[ $prev == --driver ]]; then
		words="sysram dax region"
	elif [[ $cur == -* ]]; then
		words=$(cxl-cli "$verb" --help 2>/dev/null | grep -oE -- '--[a-z-]+[[=]*' | tr -d '[')
	elif [[ $verb == set-hotplug ]]; then
		words="none never offline online online_kernel online_movable all $(_cxl_cli_regions)"
	else
		words="all $(_cxl_cli_regions) $(cd /sys/bus/cxl/devices 2>/dev/null && ls -d mem[0-9]* 2>/dev/null)"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ ${COMPREPLY[0]:-} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _cxl_cli cxl-cli
