#!/bin/bash
# The front door on a machine that has nothing: Debian 12's base system, make and git
# in a root of its own, and a clone of what is committed here. What works there needs
# no tool that nobody has declared.
#
#   fresh.sh        make demo to its end, then each stage of make check up to its first
#                   result
#   fresh.sh ci     .ci/run to its end
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

FRESH=$CACHE/fresh

# The machine's own way to its mirror is no part of a fresh machine, but there is none
# without it
network() {
	local file
	for file in resolv.conf hosts; do
		[ ! -e /etc/$file ] || cp -L /etc/$file "$FRESH/etc/"
	done
	[ ! -e /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$FRESH/etc/apt/"
	find /etc/apt/apt.conf.d -type f -exec cp -t "$FRESH/etc/apt/apt.conf.d" {} +
	[ ! -d /etc/ssl/certs ] || { mkdir -p "$FRESH/etc/ssl" && cp -rL /etc/ssl/certs "$FRESH/etc/ssl/"; }
}

install_fresh() {
	root_of "$FRESH" bookworm make,git "" "$(deb_line bookworm)" &&
		rm -f "$FRESH/etc/apt/preferences.d/lab" && network &&
		git clone -q "$ROOT" "$FRESH/root/sysram_region"
}

# inside COMMAND: in namespaces of its own, so that nothing stays mounted; what a
# machine has in /dev, and an environment with nothing but the way to the network
inside() {
	local word keep=()
	for word in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY JOBS DEBIAN_MIRROR; do
		[ -z "${!word:-}" ] || keep+=("$word=${!word}")
	done
	env -i HOME=/root TERM=dumb "${keep[@]}" unshare --mount --pid --fork --kill-child sh -ec '
		root=$1
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sys "$root/sys"
		mount -t tmpfs dev "$root/dev"
		for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
			name=${node%%:*} numbers=${node#*:}
			mknod -m 666 "$root/dev/$name" c "${numbers%:*}" "${numbers#*:}"
		done
		mkdir "$root/dev/shm" "$root/dev/pts"
		mount -t tmpfs shm "$root/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=666 pts "$root/dev/pts"
		ln -s pts/ptmx "$root/dev/ptmx"
		ln -s /proc/self/fd "$root/dev/fd"
		ln -s /proc/self/fd/0 "$root/dev/stdin"
		ln -s /proc/self/fd/1 "$root/dev/stdout"
		ln -s /proc/self/fd/2 "$root/dev/stderr"
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		export PATH
		exec chroot "$root" sh -c "cd /root/sysram_region && $2"' - "$FRESH" "$1"
}

# shown NAME COMMAND: a test whose output is shown, too
shown() {
	local began=$SECONDS
	say "  $2"
	if inside "$2" 2>&1 | sed -u 's/^/    /'; then
		say "ok $1 # $((SECONDS - began)) s"
	else
		say "not ok $1 # after $((SECONDS - began)) s"
		FAILED=1
	fi
}

need_keyring
need mmdebstrap
step "a fresh Debian 12 with make and git" fresh install_fresh
if [ "${1:-}" = ci ]; then
	shown "the whole of .ci/run" "bash .ci/run"
else
	shown "make demo" "make demo"
	shown "each stage of make check up to its first result" "lab/check.sh first"
fi
exit $FAILED
