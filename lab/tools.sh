# shellcheck shell=bash
# Sourced by lib.sh: which commands a script can see.
#
# A machine on which this is built every day has tools that a fresh one lacks. So
# PATH is a folder of links: to the commands of Debian's required packages, of apt, make
# and git, of the packages that the script has declared with need(), and of what all
# these depend on. A tool that nobody has declared is "not found" everywhere.

# need PACKAGE...: install what the machine lacks, and let this script use it
need() {
	local missing=()
	mapfile -t missing < <(comm -23 <(printf '%s\n' "$@" | sort -u) \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u))
	if [ ${#missing[@]} -gt 0 ]; then
		[ "$(id -u)" = 0 ] || die "please install: ${missing[*]}"
		step "installing ${missing[*]}" apt-install apt_install "${missing[@]}"
	fi
	NEEDED="$NEEDED $*"
	use_tools
}

# as_packaged COMMAND...: apt and what installs packages run what packages bring, in
# part as another user, who cannot look into our folders
as_packaged() { env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

apt_install() {
	as_packaged apt-get -q update
	as_packaged DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

# closure PACKAGE...: these, the required ones, and what they depend on. Of packages
# that can stand for each other, the first that is installed.
closure() {
	dpkg-query -W -f '${db:Status-Status}|${Essential}|${Priority}|${Package}|${Provides}|${Pre-Depends}, ${Depends}\n' |
	awk -F '|' -v wanted="$*" '
	function name(s) { gsub(/[ \t]|\(.*|:.*/, "", s); return s }
	function take(p) { if (!(p in taken)) { taken[p] = 1; queue[++last] = p } }
	# alternatives hold the separator of the fields, too
	$1 == "installed" {
		depends[$4] = $6
		for (i = 7; i <= NF; i++) depends[$4] = depends[$4] "|" $i
		if ($2 == "yes" || $3 == "required") take($4)
		n = split($5, list, ",")
		for (i = 1; i <= n; i++) provided[name(list[i])] = provided[name(list[i])] " " $4
	}
	END {
		n = split(wanted, list, " ")
		for (i = 1; i <= n; i++) take(list[i])
		while (++first <= last) {
			print queue[first]
			groups = split(depends[queue[first]], group, ",")
			for (g = 1; g <= groups; g++) {
				n = split(group[g], list, "|")
				for (i = 1; i <= n; i++) {
					p = name(list[i])
					if (p in depends) { take(p); break }
					if (!(p in provided)) continue
					m = split(provided[p], by, " ")
					for (j = 1; j <= m && !(by[j] in taken); j++);
					take(by[j > m ? 1 : j])
					break
				}
			}
		}
	}'
}

# commands PACKAGE...: their files that PATH would find. A name that several
# packages have an alternative for (awk) is that of one of these packages, whatever
# the machine has chosen.
commands() {
	local files name link file
	files=$(dpkg-query -L "$@" | grep -E '^/(usr/)?s?bin/[^/]+$')
	echo "$files"
	for name in /var/lib/dpkg/alternatives/*; do
		link=$(sed -n 2p "$name")
		case $link in /usr/bin/*|/bin/*|/usr/sbin/*|/sbin/*) ;; *) continue ;; esac
		file=$(sed -n '3,$p' "$name" | grep -m 1 -xF -e "$files" || true)
		[ -z "$file" ] || printf '%s %s\n' "$file" "${link##*/}"
	done
}

# use_tools: the folder for what is needed, made once
use_tools() {
	local key dir file name
	[ -n "${LAB_USER_PATH:-}" ] || export LAB_USER_PATH=$PATH
	key=$({ tr ' ' '\n' <<<"$NEEDED" | sort -u; stat -c %Y /var/lib/dpkg/status "$ROOT/lab/tools.sh"; } | sha1sum)
	dir=$CACHE/bin/${key%% *}
	if [ ! -d "$dir" ]; then
		mkdir -p "$dir.$$"
		# shellcheck disable=SC2046,SC2086
		commands $(closure apt make git $NEEDED) | while read -r file name; do
			echo "$file" "$dir.$$/${name:-${file##*/}}"
		done | xargs -n 2 ln -sf
		mv -T "$dir.$$" "$dir" 2>/dev/null || rm -rf "$dir.$$"
	fi
	PATH=$dir
}
