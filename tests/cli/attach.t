#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# attach, detach and attach --refresh as far as libvirt's own test driver takes them: what they would do, and that no lease
# is left of what fails. What takes a real guest is in tests/lab.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh

test_attach_to_no_guest() {
	two_pools
	t 'attach to a guest that libvirt has not: not found' \
		fails_with 5 'attaching a VF of a to guest web: libvirt has no guest web' v attach a web
	t 'detach from a guest that libvirt has not: not found' \
		fails_with 5 'detaching the VF of guest web: libvirt has no guest web' v detach web
	t 'attach to a guest that libvirt has not: no lease is left' same 0 "$(sql 'SELECT count(*) FROM lease')"
	t 'attach to a guest that libvirt has not: no MAC is left' same 0 "$(sql 'SELECT count(*) FROM reservation')"
}

# proves: says-so
test_attach_that_libvirt_refuses() {
	two_pools
	guests "$(guest app 4)"
	t 'attach --dry-run says what would be attached' \
		says 'app nic 0: MAC .* VF 0000:01:01.[0-9] would be attached' v attach a app --dry-run
	t 'attach that libvirt refuses: an error' fails_with 1 'transient|refused|attaching' v attach a app --config
	t 'attach that libvirt refuses: no lease is left' same 0 "$(sql "SELECT count(*) FROM held WHERE owner = 'app'")"
	t 'detach of a guest without a lease: not found' fails_with 5 'there is no such lease' v detach a app
	t 'attach --current and --live at once: usage' usage 'excludes' attach a app --current --live
}

# ---- addresses that have shifted ----

# leased: web has a lease; its MAC is in $mac and its VF in $vf.
leased() {
	two_pools
	v alloc a --owner web --nic 0 --json >lease
	vf=$(field vf <lease) mac=$(field mac <lease)
}

test_refresh_leaves_what_is_right() {
	leased
	t 'attach --refresh when libvirt has no guests: nothing to do' says '^nothing to do' v attach --refresh
	guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
	t 'attach --refresh, a guest has its VF where it is: nothing to do' says '^nothing to do' v attach --refresh
}

# proves: looked-up
test_refresh_of_an_address_that_has_shifted() {
	leased
	local moved copy
	guests "$(guest web 1 "$(nic "$mac" 9 "$vf" 42)")" "$(guest old 2 "$(plain 9 2)")"
	moved="web nic 0 in pool a .*would: the definition of guest web names its VF as 0009:01:01.$vf, which is 0000:01:01.$vf now"
	t 'attach --refresh --dry-run says which guest names another address' says "$moved" v attach --refresh --dry-run
	t 'attach --refresh --dry-run of one guest by its name' says "$moved" v attach --refresh web --dry-run
	t 'attach --refresh --json has what moved' says '"kind": *"moved"' v attach --refresh --json --dry-run
	guests "$(guest web 1 "$(nic "$mac" 9 "$vf" 42)")"
	t 'attach of a guest that names another address: says what helps' \
		fails_with 4 "'vfpool attach --refresh web' mends that" v attach a web
	t 'detach of a guest that names another address would take it out' says 'web nic 0: .*would be detached' v detach web --dry-run
	t 'attach --refresh mends the definition of a guest' \
		says '^web nic 0 in pool a \(lease [0-9]*\): the definition' v attach --refresh
	copy=$(guest copy 5 "$(nic "$mac" 9 "$vf" 42)")
	guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" "$copy"
	t 'attach --refresh, a copy of a guest has the MAC: it is left, and named' \
		says 'web nic 0 .*left: the definition of guest copy has this MAC' v attach --refresh
}

test_refresh_of_a_guest_that_was_made_anew() {
	leased
	guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")"
	v adopt web >/dev/null
	guests "$(guest web 6 "$(nic "$mac" 9 "$vf" 42)")"
	t 'attach --refresh, a guest made anew has its name and another UUID: its definition is mended' \
		says '^web nic 0 in pool a \(lease [0-9]*\): the definition' v attach --refresh
}

test_refresh_of_a_plain_hostdev() {
	two_pools
	guests "$(guest old 2 "$(plain 0 2)")"
	v adopt old >/dev/null
	guests "$(guest old 2 "$(plain 9 2)")"
	t 'attach --refresh, a plain <hostdev> names another address: it is left, and named' \
		says 'left: the definition of guest old has plain <hostdev>s, none of which is its VF 0000:01:01.2 of pool a' \
		v attach --refresh old
}

test_refresh_usage() {
	two_pools
	t 'attach --refresh of a guest that libvirt has not: not found' \
		fails_with 5 'libvirt has no guest nobody' v attach --refresh nobody
	t 'attach --refresh of two guests: usage' usage 'too many' attach --refresh a web
	t 'attach --refresh and --live at once: usage' usage 'goes with' attach --refresh --live
}

run_tests
