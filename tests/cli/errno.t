#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the kernel and its drivers say is told as it was said: no errno of theirs passes for one of
# vfpool's own outcomes, or for what its parts tell each other.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

pf=sys/bus/pci/devices/0000:01:00.0
vf=sys/bus/pci/devices/0000:01:01.0

# Each errno that vfpool has used, or might use, for something of its own; and the kernel's ENOTSUPP,
# which the C library has no word for.
errnos="17 EEXIST File exists
52 EBADE Invalid exchange
53 EBADR Invalid request descriptor
54 EXFULL Exchange full
56 EBADRQC Invalid request code
87 EUSERS Too many users
116 ESTALE Stale file handle
121 EREMOTEIO Remote I/O error
125 ECANCELED Operation canceled
524 ENOTSUPP Operation not supported"

host() { # [ELEMENT…]: one PF with 4 VFs in pool a, applied; instead of the one before
	rm -rf sys etc state run kernel
	export PEER_VFS=4 PEER_STATE=kernel
	once "host $*" new_pool "$@"
}
new_pool() { # [ELEMENT…]
	"$fake/tree" sys 1 4 --netdev
	mkdir -p sys/bus/pci/drivers/dpdk
	pool a "dev='pf0' numvfs='4'" "$@" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}

each() { # WHAT FUNCTION: a check for each errno, which the function gets with its text
	local number name text
	while read -r number name text; do
		t "${1/ERRNO/$name}" "$2" "$number" "$text"
	done <<<"$errnos"
}

# ---- alloc ----

alloc_fails() { # TEXT: exit code 1, and nothing is leased
	fails_with 1 "$1" v alloc a --owner one --vf 0 && same 0 "$(sql 'SELECT count(*) FROM lease')"
}

test_alloc_with_a_driver_override_that_is_refused() {
	refused_override() { # ERRNO TEXT
		host
		rm "$vf/driver"
		echo "driver_override $1" >"$vf/refuse_write"
		alloc_fails "setting the driver override of 0000:01:01.0: .*$2"
	}
	each 'alloc, the driver override is refused with ERRNO: exit 1 with its text, no lease' refused_override
}

test_alloc_with_a_probe_that_fails() {
	refused_probe() {
		host
		rm "$vf/driver"
		echo "drivers_probe $1" >"$vf/refuse_write"
		alloc_fails "probing a driver for 0000:01:01.0: .*$2"
	}
	each "alloc, the driver's probe fails with ERRNO: exit 1 with its text, no lease" refused_probe
}

test_alloc_with_a_modalias_that_cannot_be_read() {
	unreadable_modalias() {
		host "<driver name='host'/>"
		rm -f "$vf/driver"
		echo 'pci:v00008086d000010CA' >"$vf/modalias"
		KERNEL_REFUSES_READ="modalias $1" alloc_fails "reading the device's modalias: .*$2"
	}
	each 'alloc, reading the modalias fails with ERRNO: exit 1 with its text, no lease' unreadable_modalias
}

test_alloc_with_a_pf_that_cannot_be_read() {
	unreadable_pf() {
		host
		PEER_REFUSES_READ=$1 fails_with 1 "reading the PF .*$2" v alloc a --owner one
	}
	each "alloc, netlink's answer about the PF is ERRNO: exit 1 with its text" unreadable_pf
}

# proves: says-so
test_alloc_with_a_setting_that_is_refused() {
	refused_setting() {
		host
		PEER_REFUSES="0 $1" fails_with 1 "$2|doesn't have" v alloc a --owner one --vf 0
	}
	each "alloc, the VF's driver refuses its settings with ERRNO: exit 1, and why" refused_setting
}

test_alloc_with_one_sick_vf() {
	host
	got() { # PEER_REFUSES OWNER [OPTION…]
		PEER_REFUSES=$1 "$fake/vfpool" "${at[@]}" alloc a --json --owner "${@:2}" 2>said | field vf
	}
	t 'alloc, the first free VF refuses its MAC: the next one is given' same 1 "$(got '0 22' one)"
	t 'alloc that passed over a sick VF says which, and why' grep -q 'note: passed over: programming VF 0 of pf0: mac .*Invalid argument' said
	t "alloc, the next one: the sick VF isn't tried first again" same 2 "$(got '0 22' two)"
	t 'alloc --vf of the sick VF: exit 1, and why' fails_with 1 'Invalid argument' env PEER_REFUSES='0 22' "$fake/vfpool" "${at[@]}" alloc a --owner three --vf 0
	got '0 22' three >three
	t 'alloc, the last healthy VF' same 3 "$(cat three)"
	t 'alloc, only the sick VF is left: exit 1 with what it refuses' fails_with 1 'programming VF 0 of pf0: mac .*Invalid argument' \
		env PEER_REFUSES='0 22' "$fake/vfpool" "${at[@]}" alloc a --owner four
	t 'the VF is healthy again: it is given' same 0 "$(got '' four)"
}

test_alloc_with_sick_vfs_only() {
	host
	rm sys/bus/pci/devices/0000:01:01.?/driver
	for vf in sys/bus/pci/devices/0000:01:01.?; do echo 'driver_override 22' >"$vf/refuse_write"; done
	t 'alloc, no VF takes its driver: exit 1 with the reason' fails_with 1 'setting the driver override of .*Invalid argument' v alloc a --owner one
	t 'alloc with sick VFs only: no lease and no MAC is left' same 0/0 "$(sql 'SELECT count(*) FROM lease')/$(sql 'SELECT count(*) FROM reservation')"
	t 'alloc with sick VFs only: all are free as before' same 4 "$(sql 'SELECT free FROM pool_pf')"
}

# ---- gc, release ----

test_gc_with_a_vf_that_cannot_be_scrubbed() {
	unscrubbed() {
		host
		v alloc a --owner one >/dev/null
		sql "UPDATE lease SET state = 'releasing'"
		code_is 6 env PEER_REFUSES_READ="$1" "$fake/vfpool" "${at[@]}" gc >out 2>&1
		grep -qE "$2" out || { cat out; return 1; }
	}
	each 'gc, a lease half released whose PF answers ERRNO: told as failed, exit 6' unscrubbed
}

# ---- apply ----

apply_fails() { # TEXT
	local out
	out=$(code_is 6 v apply 2>&1) && grep -qE "$1" <<<"$out" || { echo "$out"; return 1; }
}

# proves: says-so
test_apply_with_vfs_that_cannot_be_made() {
	refused_numvfs() {
		host
		rm "$pf"/virtfn*
		echo "sriov_numvfs $1" >"$pf/refuse_write"
		apply_fails "writing 4 to sriov_numvfs: .*$2"
	}
	each "apply, writing sriov_numvfs fails with ERRNO: exit 6 with its text" refused_numvfs
	same_as_the_others() {
		refused_numvfs 512 'error 512'
	}
	t 'apply, writing sriov_numvfs fails with a number whose last byte is 0: exit 6 all the same' same_as_the_others
	not_stuck() {
		host
		rm "$pf"/virtfn*
		echo "sriov_numvfs 110" >"$pf/refuse_write"
		! v apply 2>&1 | grep 'hangs' || return 1
	}
	t "apply, a driver's own time-out in sriov_numvfs isn't told as a process that hangs" not_stuck
}

test_apply_with_a_setting_that_is_refused() {
	local number
	for number in 1 19 110; do
		others_are_programmed() {
			host '<trust state="on"/>'
			rm kernel
			PEER_REFUSES="1 $number" apply_fails 'vf 1: .*FAILED'
			same 3 "$(v show a | grep -c 'vf .* on  *a  *free  *-')"
		}
		t "apply, one VF's driver answers with errno $number: the PF's other VFs are programmed" others_are_programmed
	done
}

# ---- words ----

test_a_state_that_the_ledger_should_not_have() {
	host
	v alloc a --owner one >/dev/null
	sql "PRAGMA ignore_check_constraints = ON; UPDATE lease SET state = 'frozen'"
	t "release, a lease whose state isn't known: an error, the lease stays" fails_with 1 "lease 1 can't be understood" v release a --owner one
	t "list, a lease whose state isn't known: an error" fails_with 1 "lease 1 can't be understood" v list
	t "a lease whose state isn't known is not released" same frozen "$(sql 'SELECT state FROM lease')"
}

test_options_that_one_of_two_verbs_lacks() {
	host
	t "unbind --driver: unknown, it is bind's" usage "unknown option '--driver'" unbind --driver x 0000:01:01.0
	t "unbind --persist: unknown, it is bind's" usage "unknown option '--persist'" unbind --persist 0000:01:01.0
	t "detach --wait: unknown, it is attach's" usage "unknown option '--wait'" detach --wait 1 guest
}

run_tests
