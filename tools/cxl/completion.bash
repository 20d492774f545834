# bash completion of cxl-cli: verbs, options as --help has them, names of devices
_cxl_cli() {
	local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(cxl-cli --help | sed -n 's/^  \([a-z-]*\) .*/\1/p') enable-memdev disable-memdev disable-region destroy-region"
	elif [[ $cur == -* ]]; then
		words=$(cxl-cli "$verb" --help 2>/dev/null | grep -oE -- '--[a-z]+[[=]*' | tr -d '[')
	elif [[ $cur == --type=* || $cur == --hotplug=* || $verb == set-hotplug ]]; then
		words="none never offline online online_kernel online_movable all $(cd /sys/bus/cxl/devices 2>/dev/null && ls -d region* 2>/dev/null)"
	else
		words="all $(cd /sys/bus/cxl/devices 2>/dev/null && ls -d region* mem[0-9]* 2>/dev/null)"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ ${COMPREPLY[0]:-} == *= ]] && compopt -o nospace
}
complete -F _cxl_cli cxl-cli
