#!/bin/bash
# The kernel tree: a Debian linux-source (or KERNEL_SRC=) in git, the edits of
# patches/ as commits on it, the new files of this repository linked in.
#
#   tree.sh assemble      make or update the tree; files that do not change keep
#                         their time, so that little is built again
#   tree.sh refresh       write the commits of an edited tree back to patches/
#   tree.sh export DIR    everything as a series for git am: each patch with the
#                         new files that belong to it, as patches/series says
#   tree.sh check         refresh changes nothing, export gives the same kernel
#
# patches/series has a line for each commit: PATCH [NEW_FILE...]
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

# Places of new files, as they will be in the kernel
PLACES=(drivers mm include Documentation tools/testing)

git_tree() { git -C "$TREE" -c user.name=lab -c user.email=lab@localhost "$@"; }
new_files() { git -C "$ROOT" ls-files --cached --others --exclude-standard -- "${PLACES[@]}" | sort -u; }
series() { grep -v '^#' "$ROOT/patches/series"; }

debian_source() { find "$SHARED" -maxdepth 1 -name "linux-source-${BASE}_*.deb" | sort -V | tail -n 1; }

unpack_debian() {
	dpkg-deb --fsys-tarfile "$(debian_source)" | tar -xO "./usr/src/linux-source-$BASE.tar.xz" |
		tar -xJ -C "$TREE" --strip-components=1
}

download() {
	local dir=$SHARED/download.$$
	mkdir -p "$dir"
	papt update && (cd "$dir" && papt download "linux-source-$BASE") && mv "$dir"/*.deb "$SHARED/"
	rmdir "$dir"
}

fetch() {
	[ -n "${KERNEL_SRC:-}" ] && return
	[ -n "$(debian_source)" ] && return
	need_keyring
	step "downloading linux-source-$BASE" tree-download download && [ -n "$(debian_source)" ] || die "\
no linux-source-$BASE from trixie-backports. If the log names the network, mend that.
If Debian has replaced it by a newer one, get Linux $BASE from kernel.org, any $BASE.y will do, and name it:

  wget https://cdn.kernel.org/pub/linux/kernel/v${BASE%.*}.x/linux-$BASE.4.tar.xz
  tar -xf linux-$BASE.4.tar.xz
  make demo KERNEL_SRC=\$PWD/linux-$BASE.4"
}

source_id() {
	if [ -n "${KERNEL_SRC:-}" ]; then
		realpath "$KERNEL_SRC"
	else
		basename "$(debian_source)"
	fi
}

unpack() {
	rm -rf "$TREE" "$CACHE/tree.source"
	mkdir -p "$TREE"
	if [ -n "${KERNEL_SRC:-}" ]; then
		tar -C "$KERNEL_SRC" --exclude=./.git -c . | tar -C "$TREE" -x
	else
		unpack_debian
	fi
	grep -qx "VERSION = ${BASE%.*}" "$TREE/Makefile" && grep -qx "PATCHLEVEL = ${BASE#*.}" "$TREE/Makefile" ||
		die "this is not a Linux $BASE tree, see BASE"
	git init -q -b main "$TREE"
	# speed, not size: nothing here is kept
	for setting in core.compression=0 gc.auto=0 core.fsync=none; do
		git_tree config "${setting%=*}" "${setting#*=}"
	done
	# -f: Debian's tree has a .gitignore that hides everything
	git_tree add -f -A
	git_tree commit -q -m "Linux $BASE"
	git_tree update-ref refs/lab/base HEAD
	git_tree update-ref refs/lab/assembled HEAD
	source_id >"$CACHE/tree.source"
}

# commit_patch PARENT PATCH [NEW_FILE...]: apply to the index, print the commit.
# git apply knows no fuzz: context that differs is an error.
commit_patch() {
	local parent=$1 patch=$ROOT/patches/$2 info=$CACHE/mailinfo file blob tree
	shift 2
	git_tree apply --cached --whitespace=nowarn "$patch" || die "$patch does not apply to this Linux $BASE"
	for file; do
		[ -f "$ROOT/$file" ] || die "patches/series names $file, which does not exist"
		blob=$(git_tree hash-object -w "$ROOT/$file")
		git_tree update-index --add --cacheinfo "100644,$blob,$file"
	done
	tree=$(git_tree write-tree)
	git mailinfo -k "$info.msg" "$info.diff" <"$patch" >"$info" 2>/dev/null
	field() { sed -n "s/^$1: //p" "$info"; }
	{ field Subject | sed 's/^\[PATCH\] //'; echo; cat "$info.msg"; } |
		GIT_AUTHOR_NAME=$(field Author) GIT_AUTHOR_EMAIL=$(field Email) GIT_AUTHOR_DATE=$(field Date) \
		GIT_COMMITTER_DATE=$(field Date) git_tree commit-tree "$tree" -p "$parent"
}

# series_commit with|without: print the last commit of the series
series_commit() {
	local commit patch files
	export GIT_INDEX_FILE=$CACHE/series.index
	git_tree read-tree refs/lab/base
	commit=$(git_tree rev-parse refs/lab/base)
	while read -r patch files; do
		[ "$1" = with ] || files=
		# shellcheck disable=SC2086
		commit=$(commit_patch "$commit" "$patch" $files)
	done < <(series)
	rm -f "$GIT_INDEX_FILE"
	unset GIT_INDEX_FILE
	echo "$commit"
}

link_new_files() {
	local file links=$CACHE/tree.links
	if [ -f "$links" ]; then
		while read -r file; do
			[ -f "$ROOT/$file" ] || rm -f "$TREE/$file"
		done <"$links"
	fi
	new_files >"$links"
	while read -r file; do
		if [ -e "$TREE/$file" ] && [ ! -L "$TREE/$file" ]; then
			die "$file exists in Linux $BASE: edit it by a patch"
		fi
		mkdir -p "$(dirname "$TREE/$file")"
		[ "$(readlink "$TREE/$file")" = "$ROOT/$file" ] || ln -sfn "$ROOT/$file" "$TREE/$file"
	done <"$links"
	{ echo '/out-*/'; sed 's,^,/,' "$links"; } >"$TREE/.git/info/exclude"
}

edited() {
	[ -d "$TREE/.git/rebase-merge" ] || [ -n "$(git_tree status --porcelain --untracked-files=no)" ] ||
		[ "$(git_tree rev-parse HEAD)" != "$(git_tree rev-parse refs/lab/assembled)" ]
}

assemble() {
	local commit
	fetch
	if [ "$(cat "$CACHE/tree.source" 2>/dev/null)" != "$(source_id)" ]; then
		step "unpacking $(source_id)" tree-unpack unpack
	fi
	! edited || die "$TREE has edits that are not in patches/: commit them there and 'make refresh', or throw them away with 'make tree-reset'"
	commit=$(series_commit without)
	git_tree reset -q --hard "$commit"
	git_tree update-ref refs/lab/assembled "$commit"
	link_new_files
	say "  Linux $(make -s -C "$TREE" kernelversion) with $(series | wc -l) patches and $(new_files | wc -l) new files in $TREE"
}

# Names carry no number, so that a patch keeps its name when others come and go
slug() { basename "$1" | sed 's/^[0-9]*-//'; }

format_patches() {
	git_tree format-patch -q -k --zero-commit --no-signature --full-index \
		--diff-algorithm=histogram -o "$1" "$2"
}

refresh() {
	local out=$CACHE/refresh patch name
	[ ! -d "$TREE/.git/rebase-merge" ] || die "a rebase is in progress in $TREE"
	[ -z "$(git_tree status --porcelain --untracked-files=no)" ] ||
		die "$TREE has edits that are not committed there"
	[ -z "$(git_tree status --porcelain)" ] || die "new files belong into this repository, not into the tree: $(git_tree status --porcelain | head -n 3)"
	rm -rf "$out"
	format_patches "$out" refs/lab/base..HEAD
	cp "$ROOT/patches/series" "$out.series" 2>/dev/null || : >"$out.series"
	rm -f "$ROOT"/patches/*.patch
	{
		sed -n '/^#/p' "$out.series"
		for patch in "$out"/*.patch; do
			name=$(slug "$patch")
			cp "$patch" "$ROOT/patches/$name"
			awk -v n="$name" '$1 == n {print; found = 1} END {if (!found) print n}' "$out.series"
		done
	} >"$ROOT/patches/series"
	git_tree update-ref refs/lab/assembled HEAD
	members
	say "  $(series | wc -l) patches written"
}

# Each new file belongs to exactly one patch
members() {
	local listed
	listed=$(series | tr ' \t' '\n\n' | grep / | sort)
	[ -z "$(uniq -d <<<"$listed")" ] || die "patches/series lists twice: $(uniq -d <<<"$listed")"
	diff <(new_files) <(printf '%s\n' "$listed") ||
		die "patches/series does not list exactly the new files (see above)"
}

export_series() {
	local dir=$1 commit
	members
	commit=$(series_commit with)
	git_tree update-ref refs/lab/series "$commit"
	rm -f "$dir"/*.patch
	mkdir -p "$dir"
	git_tree format-patch -q --zero-commit --no-signature --diff-algorithm=histogram \
		-o "$(realpath "$dir")" "refs/lab/base..$commit"
	say "  $(find "$dir" -name '*.patch' | wc -l) patches in $dir, for git am on Linux $BASE"
}

check() {
	local before after out=$CACHE/export
	before=$(cat "$ROOT"/patches/* | sha256sum)
	refresh >/dev/null
	after=$(cat "$ROOT"/patches/* | sha256sum)
	[ "$before" = "$after" ] || die "refresh changes patches/ although the tree was not edited"
	! grep -lE '^--- /dev/null' "$ROOT"/patches/*.patch || die "patches only edit, new files live in the tree"
	say "ok refresh is byte-stable"

	export_series "$out" >/dev/null
	rm -rf "$CACHE/am"
	git_tree worktree prune
	git_tree worktree add -q --no-checkout --detach "$CACHE/am" refs/lab/base
	(cd "$CACHE/am" && git sparse-checkout set --no-cone /MAINTAINERS >/dev/null 2>&1 && git checkout -q --detach &&
		git -c user.name=lab -c user.email=lab@localhost am -q "$out"/*.patch) ||
		die "git am of the exported series fails"
	[ "$(git -C "$CACHE/am" rev-parse 'HEAD^{tree}')" = "$(git_tree rev-parse 'refs/lab/series^{tree}')" ] ||
		die "git am of the exported series gives another kernel"
	git_tree worktree remove --force "$CACHE/am"
	say "ok git am of the exported series gives the same kernel"
}

need xz-utils
case ${1:-} in
assemble) assemble ;;
reset) git_tree reset -q --hard refs/lab/assembled ;;
refresh) refresh ;;
export) export_series "${2:?directory}" ;;
check) check ;;
*) die "usage: $0 assemble|reset|refresh|export DIR|check" ;;
esac
