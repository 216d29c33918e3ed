#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is asked of alloc: a NUMA node, a PF, a VF, a MAC, a VLAN, several nics at once. What it is asked for it gives, or
# says why not, and then nothing is left of it.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

# on_two_nodes: pf1 is on NUMA node 1.
on_two_nodes() {
	pool_a
	echo 1 >sys/bus/pci/devices/0001:01:00.0/numa_node
	v apply >/dev/null 2>&1
}

test_alloc_by_numa_node() {
	on_two_nodes
	t 'alloc --numa: a VF of that node is preferred' same '1 0' "$(place a --owner n1 --numa 1)"
	t 'alloc --numa of a node that the pool has none of: any VF' same '0 0' "$(place a --owner n2 --numa 7)"
	t 'alloc --numa=only of a node that the pool has none of: none is free there' \
		fails_with 3 'no VF of pool a is free where it was asked for' v alloc a --owner n3 --numa 7=only
	t 'alloc of a VF and of a node that it is not on: says on which it is' \
		fails_with 3 'VF 3 is on NUMA node 1' v alloc a --owner n3 --pf pf1 --vf 3 --numa 0=only
	t 'alloc --numa=only of what is held and on another node: refused' \
		fails_with 4 'asked for was a VF of NUMA node 0' v alloc a --owner n1 --numa 0=only
}

test_alloc_by_pf_and_vf() {
	pool_a
	t 'alloc --pf by its name' same '1 0' "$(place a --owner p1 --pf pf1)"
	t 'alloc --pf by its address, and --vf' same '1 3' "$(place a --owner p2 --pf 0001:01:00.0 --vf 3)"
	t 'alloc --pf by its MAC' same '1 1' "$(place a --owner p3 --pf 52:54:00:01:00:02)"
	t 'alloc of a VF that is leased: says so' fails_with 3 'VF 3 is leased' v alloc a --owner p4 --pf pf1 --vf 3
	t 'alloc of a VF without its PF: an error' fails_with 1 'VF 1 of which\? Say --pf' v alloc a --owner p4 --vf 1
	t 'alloc of a PF that the host lacks: not found' fails_with 5 'no PF pf9' v alloc a --owner p4 --pf pf9
	t 'alloc asked again for what is held, as it is' same '1 3' "$(place a --owner p2 --pf pf1 --vf 3)"
	t 'alloc asked again for what is held, otherwise: both are printed' \
		fails_with 4 'nic 0 has VF 3 of 0001:01:00.0, MAC .*, no VLAN; asked for was VF 1, PF pf0, VLAN 9' \
		v alloc a --owner p2 --pf pf0 --vf 1 --vlan 9
	v release --owner p2 >/dev/null
	v hold pf1 --reason 'bad port' >/dev/null
	t "alloc of a VF whose PF is held: says why" fails_with 3 "VF 3's PF is held: bad port" v alloc a --owner n1 --pf pf1 --vf 3
}

# ---- MACs ----

test_alloc_that_fails_leaves_no_mac() {
	pool_a
	hold_all 1
	t 'alloc, all VFs are busy: none can be had' \
		fails_with 3 'no VF of pool a can be had' v alloc a --owner none --mac d2:00:00:00:00:01
	hold_all 0
	t 'alloc after one that failed: another MAC may be asked for' same d2:00:00:00:00:02 "$(mac a --owner none --mac d2:00:00:00:00:02)"
	v release a --owner none >/dev/null
	t 'release --forget needs no pool' says 'forgot the MACs of none' v release --owner none --forget
}

# proves: one-holder mac-stays
test_alloc_with_a_mac_of_the_caller() {
	pool_a
	t 'alloc --mac gives that MAC' same d2:00:00:00:00:07 "$(mac a --owner m1 --mac d2:00:00:00:00:07)"
	t 'alloc --mac: the kernel has that MAC' same d2:00:00:00:00:07 "$(kernel_mac 0 0)"
	t "alloc --mac of another owner's: refused with whose it is" \
		fails_with 4 'the MAC d2:00:00:00:00:07 is that of m1 nic 0 in pool a' v alloc a --owner m2 --mac d2:00:00:00:00:07
	t "alloc --mac of a card of the host: refused" \
		fails_with 4 'that of a network card of this host' v alloc a --owner m2 --mac 52:54:00:01:00:02
	t 'alloc --mac of a multicast MAC: an error' fails_with 1 'multicast' v alloc a --owner m2 --mac 01:00:5e:00:00:01
	t 'alloc --mac of a zero MAC: an error' fails_with 1 'it is zero' v alloc a --owner m2 --mac 00:00:00:00:00:00
	t "alloc --mac of the parking MAC of a free VF: refused" \
		fails_with 4 'that of a free VF' v alloc a --owner m2 --mac "$(kernel_mac 1 3)"
	v release a --owner m1 >/dev/null
	t 'alloc --mac of another than the one that the owner had: refused' \
		fails_with 4 'is d2:00:00:00:00:07, and d2:00:00:00:00:08 was asked for' v alloc a --owner m1 --mac d2:00:00:00:00:08
	t 'release --forget after the lease: the MAC is forgotten' says 'forgot the MACs of m1' v release a --owner m1 --forget
	t 'alloc --mac of a MAC that was forgotten: anyone may have it' same d2:00:00:00:00:07 "$(mac a --owner m2 --mac d2:00:00:00:00:07)"
	v release a --owner m2 --forget >/dev/null
	t 'release --forget of what is forgotten: not found' fails_with 5 'no such lease now' v release a --owner m2 --forget
}

# proves: one-holder mac-stays
test_alloc_of_an_owner_whose_mac_is_taken() {
	pool_a
	local first second
	first=$(mac a --owner one) && v release a --owner one --forget >/dev/null
	v alloc a --owner thief --mac "$first" >/dev/null
	second=$(mac a --owner one)
	t 'alloc, the MAC that it would make is taken: the next one' differ "$first" "$second"
	t 'alloc, the MAC that it would make is taken: the ledger has which one was made' same 1 \
		"$(sql "SELECT attempt FROM reservation WHERE owner = 'one'")"
	v release a --owner thief --forget >/dev/null; v release a --owner one >/dev/null
	t 'alloc later, the first MAC is free: the owner keeps the one it had' same "$second" "$(mac a --owner one)"
}

# proves: one-holder
test_alloc_makes_no_mac_that_a_card_has() {
	pool_a
	v undefine a >/dev/null
	# The first MAC that o41 would get is 52:54:00:01:00:02.
	pool tiny "dev='pf0' numvfs='4' vfs='3'" "<mac prefix='52:54:00:01:00' seed='s'/>" >tiny.xml
	v define tiny.xml >/dev/null && v apply >/dev/null 2>&1
	t "alloc never makes a MAC that a card has" same '1 1' "$(v alloc tiny --owner o41 --json >got
		grep -vc 52:54:00:01:00:02 <(field mac <got)) $(sql "SELECT attempt > 0 FROM reservation WHERE owner = 'o41'")"
}

# proves: scrubbed
test_alloc_with_a_vlan_of_its_own() {
	pool_a
	t 'alloc --vlan: the interface has it' says '<tag id="9"/>' v alloc a --owner v1 --vlan 9
	t 'alloc --vlan: the kernel has it' says 'vf 0 .*vlan 9' links
	t 'apply leaves the VLAN of a lease' says 'nothing to do' v apply
	v release a --owner v1 >/dev/null
	t 'release: the VF has the VLAN of the pool again' same '8 0' "$(links | grep -c 'vf ') $(links | grep -c 'vlan 9')"
}

# ---- several at once ----

# proves: says-so
test_alloc_of_several_nics() {
	pool_a
	t 'alloc --count prints an interface for each nic' same 3 "$(v alloc a --owner many --count 3 | grep -c '<interface')"
	t 'alloc --count asked for more: what is held is kept, the rest is new' same 5 \
		"$(v alloc a --owner many --count 5 --json | grep -c '"state": *"active"')"
	t 'alloc --count of more nics than the pool has VFs: none is taken' \
		fails_with 3 'too few VFs of pool a are free for 9 nics, so none was taken' v alloc a --owner many --count 9
	t 'alloc --count that failed: what was held is held' same 5 "$(v show a --json | grep -c '"state": *"active"')"
	t 'alloc --count of a new owner, too few are free: an error' fails_with 3 'too few VFs' v alloc a --owner other --count 4
	t 'alloc --count of a new owner, too few are free: not one is taken' same 0 \
		"$(sql "SELECT count(*) FROM held WHERE owner = 'other'")"
	hold 1 3 1 # found out only when the others are programmed
	t 'alloc --count, the last VF turns out busy: an error names it' \
		fails_with 3 'VF 3 of pf1 is in use' v alloc a --owner other --count 3
	t 'alloc --count, the last VF turns out busy: the others are undone' same '5|0' \
		"$(sql "SELECT count(*), count(*) FILTER (WHERE state <> 'active') FROM held")"
	t 'alloc --count, the last VF turns out busy: the ledger agrees with the kernel' agrees
	t 'alloc --nic and --count at once: usage' usage 'exclude|Usage' alloc a --owner x --nic 1 --count 2
	t 'alloc --count 0: an error' fails_with 1 'nics 0 to' v alloc a --owner n1 --count 0
}

run_tests
