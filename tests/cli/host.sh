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

# new_host NAME PFS VFS [VECTORS]: PFs pf0, pf1, … with VFs each, and message vectors for them.
new_host() {
	new_folder "$1"
	"$fake/tree" sys "$2" "$3" --netdev ${4:+"$4"}
	export PEER_VFS=$3
}

# On stdout: the definition of a pool of all VFs of such a host.
whole_pool() { # NAME PFS VFS [ELEMENT]
	local pf
	echo "<pool><name>$1</name>"
	for ((pf = 0; pf < $2; pf++)); do echo "<pf dev='pf$pf' numvfs='$3'/>"; done
	echo "${4:-}</pool>"
}

# run_tests: each function test_… of the calling file in a folder of its own, so that none leans on
# what another left. T=WORD: only those with it in their names. Then the plan.
run_tests() {
	local test tally checks failed from took ran=
	tap_scratch=$(tap_folder "$(basename "$0")") || exit
	trap 'rm -rf "$tap_scratch"' EXIT
	tally=$tap_scratch/tally
	for test in $(compgen -A function test_); do
		[[ $test == *"${T:-}"* ]] || continue
		ran=yes from=$EPOCHREALTIME
		: >"$tally"
		(
			tap_count=0 tap_failed=0 work=$tap_scratch/$test
			mkdir "$work"
			cd "$work" || exit
			"$test"
			echo "$tap_count $tap_failed" >"$tally"
		)
		checks=0 failed=0
		read -r checks failed <"$tally" || t "$test ends" false
		tap_count=$((tap_count + checks)) tap_failed=$((tap_failed | failed))
		tap_since "$from"
		echo "# ${test#test_} took $took s"
	done
	[ -n "$ran" ] || { echo "1..0 # SKIP no test has '${T:-}' in its name"; exit 0; }
	tap_end
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
