#!/bin/bash
# Which lines of drivers/cxl, drivers/dax and our part of mm the tests run: unit tests
# and scenarios in the guest, and the tests in user space. A summary by file, and pages
# in $CACHE/coverage.
. "$(dirname "$0")/lib.sh"

OUT=$(out_of coverage)
DIR=$CACHE/coverage

# What the guests have counted, the last of each start, added up
add_up() {
	local kept file id data sum=$DIR/sum
	for kept in "$CACHE"/kept-coverage/*; do
		while read -r id data; do echo "$data" >"$DIR/$(basename "$kept").$id"; done <"$kept"
	done
	for file in "$DIR"/*.*-*; do
		mkdir -p "$DIR/one"
		base64 -d "$file" | tar -xzf - -C "$DIR/one"
		if [ -d "$sum" ]; then
			gcov-tool merge -o "$DIR/both" "$sum" "$DIR/one" && rm -rf "$sum" && mv "$DIR/both" "$sum"
		else
			mv "$DIR/one" "$sum"
		fi
		rm -rf "$DIR/one" "$file"
	done
}

# The counters lie where the objects were built
capture() {
	(cd "$DIR/sum" && find . -name '*.gcda' | while read -r file; do cp "$file" "/$file"; done)
	rm -rf "$DIR/sum"
	lcov -q --capture --directory "$OUT" --directory "$OUT-cxl_test" --base-directory "$OUT" --no-external \
		--directory "$TREE" --directory "$ROOT" -o "$DIR/guests.info"
	find "$OUT" "$OUT-cxl_test" -name '*.gcda' -delete
}

# The rules of extents, and the command line
user_space() {
	local out=$DIR/extent
	mkdir -p "$out"
	make -s -C "$TREE/tools/testing/cxl/extent" OUTPUT="$out" CC="gcc --coverage" && "$out/extent_test" 1
	"$ROOT/lab/cli.sh" coverage "$DIR/cli"
	lcov -q --capture --directory "$out" --directory "$DIR/cli" -o "$DIR/user.info"
}

# Our files are links into the tree: all as they are named there, whoever has compiled
# them, and the command line as it is here
summary() {
	lcov -q -a "$DIR/guests.info" -a "$DIR/user.info" -o "$DIR/all.info"
	sed -i -E "s,^SF:.*/(drivers|mm|tools/testing)/,SF:$TREE/\1/,; s,^SF:.*/cli/,SF:$ROOT/tools/cxl/," "$DIR/all.info"
	lcov -q -e "$DIR/all.info" "$TREE"/{drivers/{cxl,dax},tools/testing/cxl}/'*' "$TREE/mm/memory*" \
		"$ROOT/tools/cxl/*" -o "$DIR/all.info"
	lcov -q -r "$DIR/all.info" '*/tests/*' -o "$DIR/all.info"
	genhtml -q --prefix "$TREE" --prefix "$ROOT" --ignore-errors source -o "$DIR" "$DIR/all.info"
	lcov --list "$DIR/all.info"
}

need gcc libc6-dev lcov
rm -rf "$DIR"
mkdir -p "$DIR"
"$ROOT/lab/kernel.sh" build coverage
RESULTS=$DIR/results "$ROOT/lab/run.sh" all coverage coverage '@(first|all)' || true
step "adding up what the guests have counted" coverage-add add_up
step "reading the counters" coverage-capture capture
step "tests in user space" coverage-user user_space
summary | sed 's,^\.cache/tree/,,'
say "  pages in $DIR/index.html"
