# shellcheck shell=bash
# Packages of other suites, signature-checked, from the mirror that this machine
# is configured with, without a change to the machine's own sources.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

mirror() {
	local found
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		echo "$DEBIAN_MIRROR"
		return
	fi
	found() {
		apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
			awk -F'|' '$1 == "Debian" && $2 !~ /-/ {print $3; exit}'
	}
	found=$(found)
	# with empty lists there is nothing to see
	[ -n "$found" ] || { apt-get -q update >/dev/null && found=$(found); }
	[ -n "$found" ] || die "no Debian mirror in this machine's apt sources; set DEBIAN_MIRROR="
	echo "$found"
}

# deb_line SUITE
deb_line() { echo "deb [signed-by=$KEYRING] $(mirror) $1 main"; }

# papt ARGUMENTS: apt-get with state and sources of its own. The machine's
# apt.conf.d stays in force: proxies and validity settings live there.
papt() {
	local dir=$CACHE/apt
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/state/status"
	deb_line trixie-backports >"$dir/sources.list"
	apt-get -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::State::status="$dir/state/status" \
		-o Dir::Cache="$dir/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

# root_of DIRECTORY SUITE INCLUDES PREFERENCES DEB_LINE...: a Debian root, with
# PREFERENCES (apt_preferences(5) text) in force; VARIANT=extract: files alone
root_of() {
	local dir=$1 suite=$2 include=$3 prefs=$CACHE/apt/preferences.$$ CVU=
	mkdir -p "$CACHE/apt"
	printf '%b' "$4" >"$prefs"
	shift 4
	# mmdebstrap does not look at the machine's apt.conf
	eval "$(apt-config shell CVU Acquire::Check-Valid-Until)"
	rm -rf "$dir"
	mmdebstrap --variant="${VARIANT:-minbase}" --include="$include" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--aptopt="Acquire::Check-Valid-Until \"${CVU:-true}\"" \
		--setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" && cp '$prefs' \"\$1/etc/apt/preferences.d/lab\"" \
		"$suite" "$dir" "$@"
	rm -f "$prefs"
}
