# Test Anything Protocol for shell tests: each check prints "ok" or "not ok", what it
# proves, and its seconds. Lines have no numbers, so that files can be put together.
# shellcheck shell=bash

tap_failed=0
tap_count=0

# t WHAT COMMAND…: the command succeeds.
t() {
	local what=$1 from=$EPOCHREALTIME output result=ok
	shift
	tap_count=$((tap_count + 1))
	output=$("$@" 2>&1) || { result='not ok'; tap_failed=1; }
	printf '%s - %s (%s s)\n' "$result" "$what" "$(tap_since "$from")"
	[ "$result" = ok ] || printf '%s\n' "$* failed, saying:" "$output" | sed 's/^/#   /'
}

# A folder for a test's files, in memory where there is a place for it: what is on the disk after a
# crash is the lab's to show, and fsync() there would take most of a test's time.
tap_folder() { # NAME
	local shm=/dev/shm
	[ -w "$shm" ] || shm=${TMPDIR:-/tmp}
	mktemp -d "$shm/vfpool-$1.XXXXXX"
}

# The plan, at the end of a test that stands alone.
tap_end() {
	echo "1..$tap_count"
	exit $tap_failed
}

tap_since() {
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

# fails_with CODE PATTERN COMMAND…: the command exits with the code, and says one line on stderr
# that matches (grep -E), and nothing on stdout.
fails_with() {
	local code=$1 pattern=$2 got=0 out err
	shift 2
	err=$(mktemp)
	out=$("$@" 2>"$err") || got=$?
	cat "$err"
	[ "$got" = "$code" ] || { echo "exit code $got instead of $code"; return 1; }
	[ -z "$out" ] || { echo "on stdout: $out"; return 1; }
	[ "$(wc -l <"$err")" = 1 ] || { echo 'not one line'; return 1; }
	grep -qE "$pattern" "$err" || { echo "doesn't match $pattern"; return 1; }
	rm "$err"
}

# code_is CODE COMMAND…
code_is() {
	local code=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" = "$code" ] || { echo "exit code $got instead of $code"; return 1; }
}

# says PATTERN COMMAND…: it succeeds and its stdout matches (grep -E).
says() {
	local pattern=$1 out
	shift
	out=$("$@") || return
	grep -qE -- "$pattern" <<<"$out" || { echo "doesn't say $pattern: $out"; return 1; }
}

same() {
	[ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }
}

differ() {
	[ "$1" != "$2" ] || { echo "both are '$1'"; return 1; }
}

# tap_in_lab FILE COMMAND…: runs tests in the lab, whose lines go to stdout and to FILE. A lab that
# broke ends it all; tests that failed have said so.
tap_in_lab() {
	local file=$1 code
	shift
	"$@" | tee -a "$file"
	code=${PIPESTATUS[0]}
	[ "$code" -le 1 ] || echo "Bail out! exit code $code of $*"
}

# tap_plan FILE: the plan of what is in there.
tap_plan() {
	echo "1..$(grep -cE '^(not )?ok ' "$1")"
}

# tap_boots CARDS PART…: the scripts of tests/lab/suite in the lab, on one disk: each but the first is after a
# reboot.
tap_boots() {
	local cards=$1 part lab work
	shift
	lab=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lab
	work=$(mktemp -d "${TMPDIR:-/tmp}/vfpool-test.XXXXXX")
	for part; do
		tap_in_lab "$work/tap" "$lab/run" --cards "$cards" --disk "$work/disk" --share "$lab/../.." --timeout 1500 "$lab/suite/$part"
	done
	tap_plan "$work/tap"
	rm -rf "$work"
}
