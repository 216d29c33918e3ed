#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# adopt records the VFs that libvirt's guests have as their leases, and programs nothing; alloc gives no VF that a guest's
# definition names. libvirt is its own test driver.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh

# web names VFs 0 and 1 of pf0; old names VF 2 in a plain <hostdev>, and networks of pool l and of none.
web_and_old() {
	two_pools
	guests "$(guest web 1 "$(nic 52:54:00:aa:00:01 0 0 42)" "$(nic 52:54:00:aa:00:02 0 1)")" \
		"$(guest old 2 "$(plain 0 2)" "$(on_network 52:54:00:aa:00:03 tenant)" "$(on_network 52:54:00:aa:00:04 default)")"
}

test_adopt_without_guests() {
	two_pools
	t 'adopt when libvirt has no guests: nothing to do' says '^nothing to do' v adopt
	t 'adopt of a guest that libvirt has not: not found' fails_with 5 'libvirt has no guest web' v adopt web
}

test_alloc_gives_no_vf_that_a_guest_names() {
	web_and_old
	t 'alloc passes over VFs that guests name' same 3 "$(v alloc a --owner new --json | field vf)"
	t 'alloc, guests name all that is free: says which guest, and what to do' fails_with 3 \
		"VF 2 of pf0 is named by the definition of guest old: 'vfpool adopt old' records it" v alloc a --owner newer
	t 'alloc gives a VF to the guest that names it' same 0 "$(v alloc a --owner web --pf pf0 --vf 0 --json | field vf)"
}

test_adopt_records_what_guests_have() {
	web_and_old
	local before
	t 'adopt --dry-run says what would be recorded' \
		says '^web nic 0 in pool a .*would: guest web with VF 0 of pf0: it has a lease now' v adopt --dry-run
	t 'adopt --dry-run records nothing' same 0 "$(sql 'SELECT count(*) FROM lease')"
	before=$("$fake/links" kernel 2 4)
	t 'adopt of one guest says what it has' says '^web nic 1 in pool a .*guest web with VF 1 of pf0' v adopt web
	t 'adopt of one guest: it has its leases' same '0|52:54:00:aa:00:01|active|0| 1|52:54:00:aa:00:02|active|1|0' \
		"$(sql "SELECT nic, mac, state, vf, vlan FROM held WHERE owner = 'web' ORDER BY nic" | paste -s -d ' ')"
	t 'adopt of one guest again: nothing to do' says '^nothing to do' v adopt web
	t 'adopt of all guests counts one on a network of a pool' \
		says 'old nic 0 in pool l .*guest old on network tenant: it is counted' v adopt
	t 'adopt of a plain <hostdev> whose VF has its parking MAC: a MAC of its own' \
		says '^d2:56:46:' sql "SELECT mac FROM held WHERE owner = 'old' AND pool = 'a'"
	t 'adopt of all guests programs no VF' same "$before" "$("$fake/links" kernel 2 4)"
	t 'gc knows the guests that were adopted' says '^nothing to do' v gc
}

# proves: one-holder
test_adopt_of_a_vf_that_is_anothers() {
	web_and_old
	v adopt web >/dev/null
	guests "$(guest web 1 "$(nic 52:54:00:aa:00:01 0 0 42)" "$(nic 52:54:00:aa:00:02 0 1)")" \
		"$(guest thief 3 "$(nic 52:54:00:aa:00:09 0 0)")"
	t "adopt, a VF is leased to another: exit code 6" code_is 6 v adopt thief
	t "adopt, a VF is leased to another: says to whom" \
		says 'FAILED: guest thief with VF 0 of pf0: it is leased to web nic 0' anyhow v adopt thief
	t 'adopt --json has what it found' says '"kind": *"adopted"' anyhow v adopt thief --json
}

test_adopt_again_and_again() {
	two_pools
	guests "$(guest again 5 "$(plain 0 3)")"
	v adopt >/dev/null && v release --owner again >/dev/null && v adopt >/dev/null && v adopt >/dev/null
	t 'adopt of a plain <hostdev>, again and again: one nic and one MAC' same '1 1' \
		"$(sql "SELECT count(*) FROM held WHERE owner = 'again'") $(sql "SELECT count(*) FROM reservation WHERE owner = 'again'")"
	guests "$(guest again 5 "$(plain 1 3)")"
	t "adopt of a plain <hostdev> with a VF of a libvirt pool: said to be libvirt's" \
		says 'FAILED: guest again with VF 3 of pf1: libvirt allocates' anyhow v adopt
	guests "$(guest tagged 6 "<interface type='network'><mac address='52:54:00:aa:00:09'/><source network='tenant'/><vlan><tag id='7'/></vlan></interface>")"
	v adopt >/dev/null
	t "adopt of an interface with a VLAN of its own: that is its lease's" same 7 "$(sql "SELECT vlan FROM held WHERE owner = 'tagged'")"
}

run_tests
