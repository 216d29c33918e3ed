#!/bin/bash
# Tests of the lab itself, as TAP: exit codes, disks, VFs made by shell alone; in check-long a panic and the time limit
# too. Its nested guest is tried in suite/guests.
set -uo pipefail

lab=$(dirname "$(realpath "$0")")
tmp=$(mktemp -d)
trap 'exit 143' TERM
trap 'exit 130' INT
trap stop_all EXIT

tests=0
failed=0

main() {
	"$lab/build" | sed 's/^/# /'
	mkdir "$tmp/scripts"
	write_scripts

	test_usage
	test_killed_runner
	test_disk
	if [ -n "${VFPOOL_LONG:-}" ]; then
		test_panic
		test_time_limit
	fi
	echo "1..$tests"

	[ "$failed" = 0 ]
}

test_usage() {
	start usage
	in_lab usage --cards many true
	check 'wrong usage gives 2 and the usage' all "test $? = 2" "says usage 'usage: run'"
}

test_killed_runner() {
	local signal
	start killed
	for signal in TERM KILL; do
		mkdir -p "$tmp/killed"
		TMPDIR=$tmp/killed setsid "$lab/run" "$tmp/scripts/hang" >"$tmp/killed/output" 2>&1 &
		wait_for machine_runs killed
		kill -s "$signal" $!
		wait $! 2>/dev/null
		check "SIG$signal to the runner leaves no machine behind" wait_for nothing_runs killed
		start killed
	done
}

test_disk() {
	start first
	in_lab first --disk "$tmp/disk" --cards 2 first-boot &
	wait_for machine_runs first
	sleep 2
	abort_machine first
	wait $!
	check 'exit code 0 comes back' test $? = 0
	check 'though QEMU ended itself while it booted: it booted once more' says first 'once more'
	check 'VFs are made through sysfs' says first 'VFs: 7'
	start second
	in_lab second --disk "$tmp/disk" --cards 1 --mac-base a7 second-boot 'two words' 'x'
	check 'exit code 3 comes back, and the arguments go in' all "test $? = 3" "says second 'arguments: [two words] [x]'"
	check 'a disk keeps a file over two boots' says second 'kept: from the first boot'
	check 'the cards differ from boot to boot' all \
		"says first 'cards: enp1s0=52:54:00:01:00:01 enp2s0=52:54:00:01:00:02'" "says second 'cards: enp1s0=52:54:00:a7:00:01'"
}

test_panic() {
	start panic
	in_lab panic --timeout 600 panic
	check 'a kernel panic gives 125 at once' all "test $? = 125" "says panic 'sysrq triggered crash'" \
		"test $(since "$started" | cut -d . -f 1) -lt 300"
}

test_time_limit() {
	start hang
	in_lab hang --timeout 60 hang
	check 'a script that hangs gives 124' all "test $? = 124" "says hang 'hanging'"
	check 'and no machine is left behind' nothing_runs hang
}

# The scripts that the tests run in the lab.
write_scripts() {
	cat >"$tmp/scripts/hang" <<-'END'
		echo hanging
		sleep infinity
	END
	cat >"$tmp/scripts/panic" <<-'END'
		echo c >/proc/sysrq-trigger
	END
	cat >"$tmp/scripts/cards" <<-'END'
		echo cards: $(for nic in /sys/class/net/enp*; do echo "${nic##*/}=$(cat "$nic/address")"; done)
	END
	cat >"$tmp/scripts/first-boot" <<-'END'
		. "$(dirname "$0")/cards"
		echo 'from the first boot' >/root/kept
		echo 7 >/sys/class/net/enp1s0/device/sriov_numvfs
		echo "VFs: $(ls -d /sys/class/net/enp1s0/device/virtfn* | wc -l)"
	END
	cat >"$tmp/scripts/second-boot" <<-'END'
		. "$(dirname "$0")/cards"
		echo "kept: $(cat /root/kept)"
		echo "arguments:$(printf ' [%s]' "$@")"
		exit 3
	END
}

# in_lab NAME [OPTION…] SCRIPT [ARG…]: runs one of those scripts; $tmp/NAME/output has what it says.
in_lab() {
	local name=$1 options=()
	shift
	while [[ $1 == --* ]]; do
		options+=("$1" "$2")
		shift 2
	done
	mkdir -p "$tmp/$name"
	TMPDIR=$tmp/$name "$lab/run" "${options[@]}" "$tmp/scripts/$1" "${@:2}" >"$tmp/$name/output" 2>&1
}

# start NAME: what the next checks are about, for their seconds and to show when one fails.
start() {
	about=$1
	started=$EPOCHREALTIME
}

since() {
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# check WHAT COMMAND…: one test. Its seconds are those since the last start.
check() {
	local what=$1 result=ok
	shift
	"$@" || { result='not ok'; failed=1; }
	tests=$((tests + 1))
	echo "$result $tests - $what ($(since "$started") s)"
	[ "$result" = ok ] || tail -n 20 "$tmp/$about/output" | sed 's/^/#   /'
}

# all COMMAND…: each a string.
all() {
	local command
	for command; do
		eval "$command" || return
	done
}

says() {
	grep -aqF -- "$2" "$tmp/$1/output"
}

# A machine is known by the folder that its runner made for it.
machine_runs() {
	grep -aqs "$tmp/$1/[v]fpool-lab.*-device" /proc/[0-9]*/cmdline
}

abort_machine() {
	local pid
	grep -als "$tmp/$1/[v]fpool-lab.*-device" /proc/[0-9]*/cmdline | while IFS=/ read -r _ _ pid _; do
		kill -ABRT "$pid"
	done
}

nothing_runs() {
	! grep -aqs "$tmp/$1/[v]fpool-lab" /proc/[0-9]*/cmdline
}

# wait_for COMMAND…: until it succeeds, 10 s at most.
wait_for() {
	local i
	for ((i = 0; i < 100; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

# shellcheck disable=SC2317  # called by the trap
stop_all() {
	local pid
	grep -als "[/]${tmp#/}/" /proc/[0-9]*/cmdline | while IFS=/ read -r _ _ pid _; do
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$tmp"
}

main
