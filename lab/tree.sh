#!/bin/bash
# The kernel tree: a Debian linux-source (or KERNEL_SRC=) in git, the edits of
# patches/ as commits on it, the new files of this repository linked in.
#
#   tree.sh assemble      make or update the tree; files that do not change keep
#                         their time, so that little is built again
#   tree.sh refresh       write the commits of an edited tree back to patches/
#   tree.sh export DIR    everything as a series for git am: each patch with the
#                         new files that belong to it, as patches/series says
#   tree.sh post PART DIR one part as it would be posted: with its cover letter, which
#                         is in patches/cover. SIGNOFF="Name <address>": of who sends it
#   tree.sh unfold        the series as commits that have the new files, too, in a work
#                         tree of its own: to move something from one commit to another
#   tree.sh fold          take these commits, and the new files as the last one has
#                         them, back into this repository
#   tree.sh cut PART DIR  the kernel up to the end of a part of the series
#   tree.sh check         refresh and fold change nothing, export gives the same kernel
#
# patches/series has a line for each commit: PATCH [NEW_FILE...] [@PART]. @PART ends a
# part of the series. A new file is complete with the commit that lists it; what commits
# before that have of it is in patches/grow, under the name of the patch.
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

# Places of new files, as they will be in the kernel
PLACES=(drivers mm include Documentation tools/testing)

git_tree() { git -C "$TREE" -c user.name=lab -c user.email=lab@localhost "$@"; }
new_files() {
	git -C "$ROOT" ls-files --cached --others --exclude-standard -- "${PLACES[@]}" | sort -u |
		grep -vxFf <(git -C "$ROOT" ls-files --deleted) || true
}
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
	for setting in core.compression=0 gc.auto=0 core.fsync=none index.version=4; do
		git_tree config "${setting%=*}" "${setting#*=}"
	done
	# -f: Debian's tree has a .gitignore that hides everything
	git_tree add -f -A
	git_tree commit -q -m "Linux $BASE"
	git_tree update-ref refs/lab/base HEAD
	git_tree update-ref refs/lab/assembled HEAD
	source_id >"$CACHE/tree.source"
}

# Each git command on the index of a whole kernel takes half a second. So the commits of
# the series are made on what they touch alone, and then put on the kernel.
#
# narrow PATH...: an index with what the kernel has of these, and print a commit of it
narrow() {
	rm -f "$GIT_INDEX_FILE"
	git_tree ls-tree -r refs/lab/base -- "$@" | git_tree update-index --index-info
	git_tree commit-tree -m "Linux $BASE" "$(git_tree write-tree)"
}

# widen FIRST LAST: the commits behind FIRST, which narrow() has made, on the kernel;
# print the last of them
widen() {
	git_tree update-ref refs/lab/wide "$2"
	git_tree fast-export --no-data --reencode=no --reference-excluded-parents "$1..refs/lab/wide" |
		sed "s/^from $1\$/from $(git_tree rev-parse refs/lab/base)/" | git_tree fast-import --quiet --force
	git_tree rev-parse refs/lab/wide
}

# commit_patch PARENT PATCH [NEW_FILE...]: apply to the index, print the commit.
# git apply knows no fuzz: context that differs is an error.
commit_patch() {
	local parent=$1 patch=$ROOT/patches/$2 grow=$ROOT/patches/grow/$2 info=$CACHE/mailinfo file blob mode tree
	shift 2
	git_tree apply --cached --allow-empty --whitespace=nowarn "$patch" || die "$patch does not apply to this Linux $BASE"
	if [ "${SERIES:-}" = with ] && [ -f "$grow" ]; then
		git_tree apply --cached --whitespace=nowarn "$grow" || die "$grow does not apply"
	fi
	for file; do
		[ -f "$ROOT/$file" ] || die "patches/series names $file, which does not exist"
	done
	for file; do
		blob=$(git_tree hash-object -w "$ROOT/$file") mode=100644
		[ ! -x "$ROOT/$file" ] || mode=100755
		printf '%s %s\t%s\n' "$mode" "$blob" "$file"
	done | git_tree update-index --add --index-info
	tree=$(git_tree write-tree)
	git mailinfo -k "$info.msg" "$info.diff" <"$patch" >"$info" 2>/dev/null
	field() { sed -n "s/^$1: //p" "$info"; }
	{ field Subject | sed 's/^\[PATCH\] //'; echo; cat "$info.msg"; } |
		GIT_AUTHOR_NAME=$(field Author) GIT_AUTHOR_EMAIL=$(field Email) GIT_AUTHOR_DATE=$(field Date) \
		GIT_COMMITTER_DATE=$(field Date) git_tree commit-tree "$tree" -p "$parent"
}

# series_commit with|without [PART]: print the last commit of the series, or of a part.
# refs/lab/first and refs/lab/last are the same without the rest of the kernel.
series_commit() {
	local commit first patch files touched SERIES=$1 GIT_INDEX_FILE=$CACHE/series.index
	export GIT_INDEX_FILE
	mapfile -t touched < <(cat "$ROOT"/patches/*.patch | sed -n 's,^diff --git a/\(.*\) b/.*,\1,p' | sort -u)
	first=$(narrow "${touched[@]}")
	commit=$first
	while read -r patch files; do
		[ "$1" = with ] || files=
		# shellcheck disable=SC2086
		commit=$(commit_patch "$commit" "$patch" ${files%%@*})
		[ -z "${2:-}" ] || [ "@$2" != "@${files##*@}" ] || break
	done < <(series)
	rm -f "$GIT_INDEX_FILE"
	git_tree update-ref refs/lab/first "$first"
	git_tree update-ref refs/lab/last "$commit"
	widen "$first" "$commit"
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
	git_tree format-patch -q -k --always --zero-commit --no-signature --full-index \
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

# Each new file is completed by exactly one patch
members() {
	local listed grow
	for grow in "$ROOT"/patches/grow/*.patch; do
		[ ! -e "$grow" ] || series | grep -E "^$(basename "$grow")( |\$)" >/dev/null || die "no patch is named as $grow is"
	done
	while read -r grow; do
		[ -f "$ROOT/patches/cover/$grow" ] || die "the part $grow has no cover letter in patches/cover"
	done < <(series | sed -n 's/.* @//p')
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

# part_before PART: the part that it is behind, if any
part_before() { series | awk -v p="@$1" '$NF !~ /^@/ {next} $NF == p {print substr(before, 2); exit} {before = $NF}'; }

post() {
	local part=$1 dir=$2 cover=$ROOT/patches/cover/$1 before first last subject signed=()
	[ -f "$cover" ] || die "there is no part $part: no cover letter in patches/cover"
	members
	before=$(part_before "$part")
	first=$(git_tree rev-parse refs/lab/base)
	[ -z "$before" ] || first=$(series_commit with "$before")
	last=$(series_commit with "$part")
	mkdir -p "$dir"
	rm -f "$dir"/*.patch
	# Who signs off is who sends it
	if [ -n "${SIGNOFF:-}" ]; then
		[[ $SIGNOFF =~ ^([^<]+)' <'([^>]+)'>'$ ]] || die "SIGNOFF=\"Name <address>\""
		signed=(--signoff)
		export GIT_COMMITTER_NAME=${BASH_REMATCH[1]} GIT_COMMITTER_EMAIL=${BASH_REMATCH[2]}
	fi
	git_tree format-patch -q --cover-letter --zero-commit --no-signature --diff-algorithm=histogram \
		"${signed[@]}" -o "$(realpath "$dir")" "$first..$last"
	subject=$(head -n 1 "$cover")
	awk -v subject="$subject" -v cover="$cover" '
		{sub(/\*\*\* SUBJECT HERE \*\*\*/, subject)}
		/^From: lab / {print "From: sysram_region developers <sysram-region@lists.example>"; next}
		/^\*\*\* BLURB HERE \*\*\*$/ {n = 0; while ((getline line <cover) > 0) if (++n > 2) print line; next}
		{print}' "$dir/0000-cover-letter.patch" >"$dir/cover"
	mv "$dir/cover" "$dir/0000-cover-letter.patch"
	say "  $(find "$dir" -name '*.patch' | wc -l) messages in $dir"
}

unfold() {
	local commit
	members
	[ ! -e "$CACHE/series" ] || die "$CACHE/series exists: fold it, or remove it"
	commit=$(series_commit with)
	git_tree worktree prune
	git_tree worktree add -q --force -B series "$CACHE/series" "$commit"
	say "  $(series | wc -l) commits in $CACHE/series, on the branch series"
}

# without_new COMMIT PARENT: the same commit on PARENT, which the index is at, without
# new files
without_new() {
	local tree
	git_tree diff-tree -r "$1~1" "$1" | awk -F '\t' '
		NR == FNR {base[$0]; next}
		$2 in base {split($1, f, " "); print f[2], f[4] "\t" $2}' "$CACHE/base.paths" - | git_tree update-index --add --index-info
	tree=$(git_tree write-tree)
	git_tree log -1 --format=%B "$1" | GIT_AUTHOR_NAME=$(git_tree log -1 --format=%an "$1") \
		GIT_AUTHOR_EMAIL=$(git_tree log -1 --format=%ae "$1") GIT_AUTHOR_DATE=$(git_tree log -1 --format=%aD "$1") \
		GIT_COMMITTER_DATE=$(git_tree log -1 --format=%aD "$1") git_tree commit-tree "$tree" -p "$2"
}

# fold_into DIR LAST: patches/ as it is for the commits that end with LAST, in DIR
fold_into() {
	local dir=$1 last=$2 commits commit first slim touched name file path files grown complete i
	local GIT_INDEX_FILE=$CACHE/series.index
	mapfile -t commits < <(git_tree rev-list --reverse "refs/lab/base..$last")
	mapfile -t touched < <(git_tree log --format= --name-only "refs/lab/base..$last" | sort -u)
	git_tree ls-tree -r --name-only refs/lab/base >"$CACHE/base.paths"
	export GIT_INDEX_FILE
	first=$(narrow "${touched[@]}")
	slim=$first
	for commit in "${commits[@]}"; do slim=$(without_new "$commit" "$slim"); done
	rm -f "$GIT_INDEX_FILE"
	slim=$(widen "$first" "$slim")
	# the commit with which each file is complete
	complete=$(for commit in "${commits[@]}"; do
		git_tree diff-tree -r --name-only "$commit~1" "$commit" | sed "s/^/$commit /"
	done | awk '{last[$2] = $1} END {for (file in last) print last[file], file}')
	git_tree update-ref refs/lab/slim "$slim"
	rm -rf "$dir" "$dir.numbered"
	mkdir -p "$dir/grow"
	format_patches "$dir.numbered" "refs/lab/base..$slim"
	sed -n '/^#/p' "$ROOT/patches/series" >"$dir/series"
	i=0
	for file in "$dir.numbered"/*.patch; do
		commit=${commits[i++]} files='' grown=()
		name=$(slug "$file")
		cp "$file" "$dir/$name"
		while read -r path; do
			if grep -qxF "$commit $path" <<<"$complete"; then files+=" $path"; else grown+=("$path"); fi
		done < <(git_tree diff-tree -r --name-only "$commit~1" "$commit" | LC_ALL=C comm -23 - "$CACHE/base.paths")
		[ ${#grown[@]} = 0 ] || git_tree diff-tree -p --full-index --diff-algorithm=histogram "$commit~1" "$commit" -- "${grown[@]}" >"$dir/grow/$name"
		echo "$name$files$(awk -v n="$name" '$1 == n && $NF ~ /^@/ {print " " $NF}' "$ROOT/patches/series")" >>"$dir/series"
	done
	rm -rf "$dir.numbered"
	rmdir --ignore-fail-on-non-empty "$dir/grow"
}

fold() {
	local last file
	last=$(git_tree rev-parse refs/heads/series)
	[ -z "$(git -C "$CACHE/series" status --porcelain)" ] || die "$CACHE/series has edits that are not committed"
	! edited || die "$TREE has edits, too"
	fold_into "$CACHE/folded" "$last"
	mv "$ROOT/patches/cover" "$CACHE/folded/"
	rm -rf "$ROOT/patches"
	mv "$CACHE/folded" "$ROOT/patches"
	while read -r file; do
		git_tree cat-file -e "$last:$file" 2>/dev/null || rm -f "$ROOT/$file"
	done < <(new_files)
	git_tree diff-tree -r --name-only --diff-filter=A refs/lab/base "$last" | while read -r file; do
		mkdir -p "$(dirname "$ROOT/$file")"
		git_tree show "$last:$file" | cmp -s - "$ROOT/$file" || git_tree show "$last:$file" >"$ROOT/$file"
		[ "$(git_tree ls-tree "$last" "$file" | cut -c1-6)" != 100755 ] || chmod +x "$ROOT/$file"
	done
	git_tree worktree remove --force "$CACHE/series"
	git_tree reset -q --hard refs/lab/slim
	git_tree update-ref refs/lab/assembled refs/lab/slim
	link_new_files
	members
	say "  $(series | wc -l) patches and $(new_files | wc -l) new files written"
}

# cut PART DIR: a work tree of its own, for a build
cut_series() {
	series | grep -E " @$1\$" >/dev/null || die "patches/series has no part $1"
	rm -rf "$2"
	git_tree worktree prune
	git_tree worktree add -q --force --detach "$2" "$(series_commit with "$1")"
}

check() {
	local before after out=$CACHE/export
	before=$(find "$ROOT/patches" -type f -exec sha256sum {} + | sort)
	refresh >/dev/null
	after=$(find "$ROOT/patches" -type f -exec sha256sum {} + | sort)
	[ "$before" = "$after" ] || die "refresh changes patches/ although the tree was not edited"
	! grep -lE '^--- /dev/null' "$ROOT"/patches/*.patch || die "patches only edit, new files live in the tree"
	say "ok refresh is byte-stable"

	export_series "$out" >/dev/null
	fold_into "$CACHE/folded" refs/lab/series
	diff -r -x cover "$ROOT/patches" "$CACHE/folded" || die "fold changes patches/ although the series was not edited"
	rm -rf "$CACHE/folded"
	say "ok fold changes nothing"

	rm -rf "$CACHE/am"
	git_tree worktree prune
	git_tree worktree add -q --detach "$CACHE/am" refs/lab/first
	git -C "$CACHE/am" -c user.name=lab -c user.email=lab@localhost am -q "$(realpath "$out")"/*.patch ||
		die "git am of the exported series fails"
	[ "$(git -C "$CACHE/am" rev-parse 'HEAD^{tree}')" = "$(git_tree rev-parse 'refs/lab/last^{tree}')" ] ||
		die "git am of the exported series gives another kernel"
	git_tree worktree remove --force "$CACHE/am"
	say "ok git am of the exported series gives the same kernel"
}

need xz-utils
# One at a time: each moves the same tree, refs and index
mkdir -p "$CACHE"
exec {lock}>"$CACHE/tree.lock"
flock "$lock"
case ${1:-} in
assemble) assemble ;;
reset) git_tree reset -q --hard refs/lab/assembled && link_new_files ;;
refresh) refresh ;;
export) export_series "${2:?directory}" ;;
unfold) unfold ;;
fold) fold ;;
post) post "${2:?part}" "${3:?directory}" ;;
cut) cut_series "${2:?part}" "${3:?directory}" ;;
check) check ;;
*) die "usage: $0 assemble|reset|refresh|export DIR|post PART DIR|unfold|fold|cut PART DIR|check" ;;
esac
