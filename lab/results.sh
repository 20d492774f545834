#!/bin/bash
# Results by name: a KTAP file for each run of the tests, in $CACHE/results.d.
#
#   results.sh compare A B   what B has not passed that A has, and what is new; A and B
#                            are files, or the beginnings of their names
#
# While a run goes on its results are lines "ok NAME", "not ok NAME" and comments in
# $RESULTS, see check.sh and vm.py.
[ -n "${ROOT:-}" ] || . "$(dirname "$0")/lib.sh"

# results_end KIND: number them, keep them, show what matters, and close with the line
# that counts; the status is whether all have passed
results_end() {
	local passed failed file
	file=$CACHE/results.d/$(date +%Y%m%d-%H%M%S)-$1.ktap
	mkdir -p "$CACHE/results.d"
	passed=$(grep -c '^ok ' "$RESULTS" || true) failed=$(grep -c '^not ok ' "$RESULTS" || true)
	{
		echo "KTAP version 1"
		echo "1..$((passed + failed))"
		awk '/^ok / {sub(/^ok /, ""); print "ok " ++n " " $0; next}
			/^not ok / {sub(/^not ok /, ""); print "not ok " ++n " " $0; next} {print}' "$RESULTS"
		echo "# Totals: pass:$passed fail:$failed"
	} >"$file"

	say "== slowest scenarios, in seconds"
	sed -n 's/^# seconds //p' "$RESULTS" | sort -rn | head -n 5 | sed 's/^/  /'
	if [ "$failed" -gt 0 ]; then
		say "== failed"
		sed -n 's/^not ok /  /p' "$RESULTS"
		sed -n 's/^# failed log //p' "$RESULTS" | while read -r log; do
			say "  the last lines of $log:"
			tail -n 8 "$log" | tr -cd '[:print:]\n\t' | sed 's/^/    /'
		done
	fi
	say "   results are in $file, logs in $LOGS"
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# find_results NAME: a file, or the last whose name begins so
find_results() {
	local file=$1
	[ -f "$file" ] || file=$(compgen -G "$CACHE/results.d/$1*" | sort | tail -n 1)
	[ -f "$file" ] || die "no results: $1; there are:"$'\n'"$(ls "$CACHE/results.d")"
	echo "$file"
}

# Without number and without what is said behind "#"
named() { sed -nE 's/^(ok|not ok) [0-9]+ (- )?/\1\t/p' "$1" | sed -E 's/ # .*//' | sort -u; }

compare() {
	local a b
	a=$(find_results "$1") b=$(find_results "$2")
	awk -F'\t' -v a="$a" -v b="$b" '
		NR == FNR {was[$2] = $1; next}
		{is[$2] = $1}
		END {
			for (n in was) if (!(n in is)) {print "gone     " n; gone++}
			for (n in is) if (!(n in was)) {print "new      " n; fresh++}
			for (n in is) if ((n in was) && is[n] != was[n]) {
				print (is[n] == "ok" ? "mended   " : "broken   ") n
				if (is[n] != "ok") broken++
			}
			printf "%d names in %s, %d in %s: %d gone, %d new, %d broken\n", length(was), a, length(is), b, gone, fresh, broken
			exit (gone + broken > 0)
		}' <(named "$a") <(named "$b") | sort
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	case ${1:-} in
	compare) compare "${2:?A and B}" "${3:?A and B}" ;;
	*) die "usage: $0 compare A B" ;;
	esac
fi
