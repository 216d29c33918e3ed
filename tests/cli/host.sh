# The host of the command line's tests, all in one folder: a tree of files in the place of /sys, the
# scripted netlink peer in the place of the kernel, and each of vfpool's folders. Read after tap.sh.
# shellcheck shell=bash

# The fakes as they are tested by default; those that count or race set the plain ones before.
top=$PWD
fake=${fake:-$top/build/sanitized/tests/fake}
at=(--sysfs sys --config-dir etc --state-dir state --run-dir run --rules-dir rules --libvirt-run-dir libvirt
	--networks-dir networks --proc proc --root root)

v() {
	"$fake/vfpool" "${at[@]}" "$@"
}

# new_folder NAME [COMMAND…]: goes into a new folder, below one made by the command (tap_folder when none is
# given), which is gone at the test's end.
new_folder() {
	local name=$1
	shift
	tap_scratch=$("${@:-tap_folder}" "$name") || exit
	work=$tap_scratch/host
	trap 'rm -rf "$tap_scratch"' EXIT
	mkdir "$work"
	cd "$work" || exit
}

# On the disk, for tests that measure durable writes.
disk_folder() { # NAME
	mktemp -d "${TMPDIR:-/tmp}/vfpool-$1.XXXXXX"
}

# On stdout: the definition of a pool of all VFs of such a host.
whole_pool() { # NAME PFS VFS [ELEMENT]
	local pf
	echo "<pool><name>$1</name>"
	for ((pf = 0; pf < $2; pf++)); do echo "<pf dev='pf$pf' numvfs='$3'/>"; done
	echo "${4:-}</pool>"
}

# run_tests: each function test_… of the calling file in a folder of its own, so that none leans on
# what another left; TAP_JOBS of them at a time, since many wait for most of their time. T=WORD: only those with
# it in their names. What they print comes whole, in the order of their names; then the plan.
run_tests() {
	local test tests=() first=0 next=0 running=0
	tap_scratch=$(tap_folder "$(basename "$0")") || exit
	trap 'rm -rf "$tap_scratch"' EXIT
	trap 'kill $(jobs -p); exit 1' INT TERM
	for test in $(compgen -A function test_); do
		[[ $test != *"${T:-}"* ]] || tests+=("$test")
	done
	[ ${#tests[@]} -gt 0 ] || { echo "1..0 # SKIP no test has '${T:-}' in its name"; exit 0; }
	while [ $first -lt ${#tests[@]} ]; do
		if [ $next -lt ${#tests[@]} ] && [ $running -lt "${TAP_JOBS:-1}" ]; then
			run_test "${tests[next]}" >"$tap_scratch/${tests[next]}.tap" &
			next=$((next + 1)) running=$((running + 1))
			continue
		fi
		wait -n
		running=$((running - 1))
		while [ $first -lt $next ] && { [ $running = 0 ] || [ -e "$tap_scratch/${tests[first]}.end" ]; }; do
			show_test "${tests[first]}"
			first=$((first + 1))
		done
	done
	tap_end
}

run_test() { # FUNCTION
	local from=$EPOCHREALTIME took folder=$tap_scratch
	(
		tap_count=0 tap_failed=0 work=$tap_scratch/$1
		mkdir "$work"
		cd "$work" || exit
		"$1"
		echo "$tap_count $tap_failed" >"$folder/$1.tally"
	)
	tap_since "$from"
	echo "# ${1#test_} took $took s"
	: >"$folder/$1.end"
}

show_test() { # FUNCTION
	local tap failed=0 checks=0
	tap_read tap "$tap_scratch/$1.tap"
	printf '%s' "$tap"
	read -r checks failed 2>/dev/null <"$tap_scratch/$1.tally" || t "$1 ends" false
	tap_count=$((tap_count + checks)) tap_failed=$((tap_failed | failed))
}

# usage PATTERN ARGUMENT…: wrong usage of vfpool, and its stderr matches.
usage() {
	local tap_pattern=$1 code=0 tap_file tap_said
	shift
	tap_file
	v "$@" 2>"$tap_file" >/dev/null || code=$?
	tap_read tap_said "$tap_file"
	[ $code = 2 ] && matches "$tap_pattern" "$tap_said" || { echo "code $code: $tap_said"; return 1; }
}

# Sweeps, which kill vfpool at each of its changes in turn, take these steps: check-fast leaves some out (SWEEP=3).
sweep=${SWEEP:-1}

# swept FIRST THEN SEEN: what a sweep has seen begins with some of the one and ends with some of the other; more than
# one of each when it leaves none out.
swept() {
	if [ "$sweep" = 1 ]; then [[ $3 = *$1*$1*$2*$2* ]]; else [[ $3 = *$1*$2* ]]; fi
}

# once NAME COMMAND…: what the command makes in the empty folder, in which it runs, comes into this one too, by a copy
# when another test of the file has made it.
once() {
	local kept=$tap_scratch/kept.${1//\//} making
	shift
	if [ ! -d "$kept" ]; then
		making=$kept.$BASHPID
		mkdir "$making"
		(cd "$making" && "$@") || true # as it is, a test may want it so
		mv -T "$making" "$kept" 2>/dev/null || rm -r "$making"
	fi
	cp -a "$kept/." .
}

# killed_at N ARGUMENT…: vfpool, killed as it comes to its Nth change of a file that others find (tests/fake/kernel.c).
# False when it makes fewer: then it has done its work.
killed_at() {
	local code=0
	# shellcheck disable=SC2030 # for this one process
	(FAKE_KILL=$1 v "${@:2}") >killed.out 2>&1 || code=$?
	[ $code = 137 ] || [ $code = 0 ] || { echo "it fails by itself: $code"; cat killed.out; }
	[ $code = 137 ]
} 2>/dev/null # the shell's own "Killed"

anyhow() { # COMMAND…: whether it fails or not
	"$@" || true
}

with_stderr() { # COMMAND…
	"$@" 2>&1
}

sql() {
	sqlite3 state/ledger.db "$1"
}

# The values of a field, from JSON on stdin.
field() { # NAME
	local line
	while IFS= read -r line || [ -n "$line" ]; do
		[[ $line =~ ^\ *\"$1\":\ *\"?([^\",]*) ]] && echo "${BASH_REMATCH[1]}"
	done
	true
}

# number_netdevs SYS: the netdevs of PFs get the interface indexes by which the scripted peer knows them.
number_netdevs() {
	local index=7 pf netdev
	for pf in "$1"/bus/pci/devices/*/sriov_totalvfs; do
		for netdev in "${pf%/*}"/net/*/; do
			[ ! -d "$netdev" ] || echo $((index++)) >"$netdev/ifindex"
		done
	done
}
