# shellcheck shell=bash
# Packages of other suites, signature-checked, from the mirror that this machine
# is configured with, without a change to the machine's own sources.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The keyring of an older Debian 12 does not know the keys of trixie
need_keyring() {
	local trixie=/usr/share/keyrings/debian-archive-trixie-automatic.gpg
	need debian-archive-keyring
	[ -e $trixie ] || step "upgrading debian-archive-keyring" apt-keyring apt_install debian-archive-keyring || true
	[ -e $trixie ] || die "debian-archive-keyring is too old for trixie: install 2023.3+deb12u2 or newer (bookworm-updates has it)"
}

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
	[ -n "$found" ] || { as_packaged apt-get -q update >/dev/null && found=$(found); }
	[ -n "$found" ] || die "no Debian mirror in this machine's apt sources; set DEBIAN_MIRROR="
	echo "$found"
}

# deb_line SUITE
deb_line() { echo "deb [signed-by=$KEYRING] $(mirror) $1 main"; }

# papt ARGUMENTS: apt-get with state and sources of its own, and source packages of the
# suites in SOURCES. The machine's apt.conf.d stays in force: proxies and validity
# settings live there.
papt() {
	local dir=$CACHE/apt suite
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/state/status"
	{
		deb_line trixie-backports
		for suite in ${SOURCES:-}; do deb_line "$suite" | sed 's/^deb/deb-src/'; done
	} >"$dir/sources.list"
	as_packaged apt-get -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::State::status="$dir/state/status" \
		-o Dir::Cache="$dir/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

# root_of DIRECTORY SUITE INCLUDES PREFERENCES DEB_LINE...: a Debian root, with
# PREFERENCES (apt_preferences(5) text) in force; VARIANT=extract: files alone.
# Packages that were downloaded once are kept; apt knows them by their checksums.
root_of() {
	local dir=$1 suite=$2 include=$3 prefs=$CACHE/apt/preferences.$$ kept=$SHARED/archives CVU='' lock
	mkdir -p "$CACHE/apt" "$kept"
	printf '%b' "$4" >"$prefs"
	shift 4
	# mmdebstrap does not look at the machine's apt.conf
	eval "$(apt-config shell CVU Acquire::Check-Valid-Until)"
	# while it works there are /sys and /dev of this machine below it: nothing for rm
	exec {lock}>"$dir.lock"
	flock -n "$lock" || { echo "another make is installing $dir: wait for that"; return 1; }
	rm -rf --one-file-system "$dir"
	as_packaged mmdebstrap --variant="${VARIANT:-minbase}" --include="$include" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--aptopt="Acquire::Check-Valid-Until \"${CVU:-true}\"" \
		--skip=download/empty --skip=essential/unlink \
		--setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" && cp '$prefs' \"\$1/etc/apt/preferences.d/lab\"" \
		--setup-hook="mkdir -p \"\$1/var/cache/apt/archives\" && find '$kept' -name '*.deb' -exec cp -t \"\$1/var/cache/apt/archives\" {} +" \
		--customize-hook="find \"\$1/var/cache/apt/archives\" -maxdepth 1 -name '*.deb' -exec cp -n -t '$kept' {} + && rm -f \"\$1\"/var/cache/apt/archives/*.deb" \
		"$suite" "$dir" "$@"
	rm -f "$prefs"
	exec {lock}>&-
}
