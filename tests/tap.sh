# Test Anything Protocol for shell tests: each check prints "ok" or "not ok", what it
# proves, and its seconds. Lines have no numbers, so that files can be put together.
# shellcheck shell=bash

tap_failed=0
tap_count=0

# t WHAT COMMAND…: the command succeeds.
t() {
	local what=$1 from=$EPOCHREALTIME output result=ok took
	shift
	tap_count=$((tap_count + 1))
	output=$("$@" 2>&1) || { result='not ok'; tap_failed=1; }
	tap_since "$from"
	printf '%s - %s (%s s)\n' "$result" "$what" "$took"
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

# Into took: the seconds since then.
tap_since() { # EPOCHREALTIME
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf -v took '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

# What a check's command says goes into files below tap_scratch, where a test has made such a folder of its
# own: with no process but the command's own a check costs a third.
tap_scratch=
tap_files=0
tap_file() { # into tap_file: the name of a new one
	if [ -n "$tap_scratch" ]; then
		tap_file=$tap_scratch/$BASHPID.$((tap_files++))
	else
		tap_file=$(mktemp)
	fi
}

tap_drop() { # FILE…
	[ -n "$tap_scratch" ] || rm -f "$@"
}

# tap_read NAME FILE: what is in there, into that variable.
tap_read() {
	IFS= read -rd '' "$1" <"$2" || true
}

line_matches() { # PATTERN LINE
	[[ $2 =~ $1 ]]
}

# matches PATTERN TEXT: one of its lines does (grep -E, which is asked itself where the shell doesn't take
# the pattern, as with a { that is meant so).
matches() {
	local tap_line code
	while IFS= read -r tap_line; do
		code=0
		line_matches "$1" "$tap_line" || code=$?
		[ $code = 0 ] && return
		[ $code = 1 ] || { grep -qE -- "$1" <<<"$2"; return; }
	done <<<"${2%$'\n'}"
	return 1
}

# fails_with CODE PATTERN COMMAND…: the command exits with the code, and says one line on stderr
# that matches (grep -E), and nothing on stdout.
fails_with() {
	local tap_want=$1 tap_pattern=$2 tap_code=0 tap_file tap_out tap_err tap_said
	shift 2
	tap_file
	tap_out=$tap_file
	tap_file
	tap_err=$tap_file
	"$@" >"$tap_out" 2>"$tap_err" || tap_code=$?
	tap_read tap_said "$tap_err"
	printf '%s' "$tap_said"
	[ "$tap_code" = "$tap_want" ] || { echo "exit code $tap_code instead of $tap_want"; return 1; }
	[ ! -s "$tap_out" ] || { echo "on stdout: $(cat "$tap_out")"; return 1; }
	tap_drop "$tap_out" "$tap_err"
	case $tap_said in
		*$'\n'*$'\n'*) echo 'not one line'; return 1 ;;
		*$'\n') ;;
		*) echo 'not one line'; return 1 ;;
	esac
	matches "$tap_pattern" "$tap_said" || { echo "doesn't match $tap_pattern"; return 1; }
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
	local tap_pattern=$1 tap_file tap_out tap_said
	shift
	tap_file
	tap_out=$tap_file
	"$@" >"$tap_out" || return
	tap_read tap_said "$tap_out"
	tap_drop "$tap_out"
	matches "$tap_pattern" "$tap_said" || { echo "doesn't say $tap_pattern: $tap_said"; return 1; }
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
