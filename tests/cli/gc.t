#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# gc ends what was interrupted and leases whose guest is gone from libvirt, and nothing else: what it doesn't know for sure
# it leaves to a person, and says so.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

# proves: killed
test_gc_of_what_was_interrupted() {
	pool_a
	v alloc a --owner uno --pf pf0 --vf 1 >/dev/null && v alloc a --owner two --pf pf1 >/dev/null
	sql "UPDATE lease SET state = 'pending' WHERE id = (SELECT id FROM held WHERE owner = 'uno');
		UPDATE lease SET state = 'releasing' WHERE id = (SELECT id FROM held WHERE owner = 'two')"
	t 'gc --dry-run says which alloc it would undo' says 'uno nic 0 .*would: an interrupted alloc is undone' v gc --dry-run
	t 'gc --dry-run leaves what was interrupted' same 2 "$(sql "SELECT count(*) FROM lease WHERE state <> 'active'")"
	t 'apply leaves a VF that an alloc may be at work on' same "$(kernel_mac 0 1)" "$(v apply >/dev/null 2>&1; kernel_mac 0 1)"
	t 'gc undoes an alloc that was interrupted' says 'uno nic 0 in pool a .*: an interrupted alloc is undone' v gc
	t 'gc ends a release that was interrupted: no lease is left' same 0 "$(sql 'SELECT count(*) FROM lease')"
	t 'gc of what was interrupted: the ledger agrees with the kernel' agrees
	t 'gc when nothing was interrupted: nothing to do' says 'nothing to do' v gc
}

# ---- guests ----

of_web=11111111-2222-3333-4444-555555555555
guest() { # NAME UUID MAC: libvirt's test driver has it, and no other
	cat >node.xml <<-XML
		<node><domain type='test'><name>$1</name><uuid>$2</uuid><memory>1024</memory><os><type>hvm</type></os>
		<devices><interface type='network'><mac address='$3'/><source network='default'/></interface></devices>
		</domain></node>
	XML
}
with_libvirt() { # ARGUMENT…
	v --connect "test://$work/node.xml" "$@"
}
# web_runs: web has a lease, and a guest with its MAC, which gc has noted.
web_runs() {
	pool_a
	web=$(mac a --owner web)
	guest web $of_web "$web"
	with_libvirt gc >/dev/null
}

# proves: one-holder
test_alloc_looks_at_the_macs_of_guests() {
	pool_a
	local web taken
	web=$(mac a --owner web) && v release --owner web --forget >/dev/null
	guest web $of_web "$web"
	t 'alloc: its own guest may have the MAC that the owner is to get' same "$web" "$(with_libvirt alloc a --owner web --json | field mac)"
	taken=$(mac a --owner new) && v release a --owner new --forget >/dev/null
	guest g 31111111-2222-3333-4444-555555555555 "$taken"
	t "alloc never newly gives a MAC that a guest has" differ "$taken" "$(with_libvirt alloc a --owner new --json | field mac)"
}

# proves: no-guess
test_gc_notes_the_guest_of_a_lease() {
	pool_a
	local web
	web=$(mac a --owner web)
	guest web $of_web 52:54:00:99:99:99
	t 'gc names a lease that no guest has' says 'left: no guest of libvirt names its MAC' with_libvirt gc
	t 'gc leaves a lease that no guest has' same 1 "$(sql 'SELECT count(*) FROM held')"
	guest web $of_web "$web"
	t 'gc notes the guest that has the MAC of a lease' says "guest web \($of_web\) has its MAC" with_libvirt gc
	t 'gc notes a guest once' says 'nothing to do' with_libvirt gc
	t 'show --json has the guest of a lease' says '"guest": *"11111111-' v show a --json
}

# proves: no-guess
test_gc_leaves_what_it_does_not_know() {
	web_runs
	t "gc, another libvirt lacks the guest of a lease: nothing is judged" says '^nothing to do' v --connect test:///default gc
	t 'gc, libvirt does not answer: nothing is judged' says '^nothing to do' v --connect test:///none.xml gc
	t 'gc without libvirt: nothing is judged' says '^nothing to do' v gc
	guest web $of_web 52:54:00:99:99:99
	t 'gc, the guest lost the interface of its lease: left to a person' \
		says "left: its guest doesn't name its MAC any more" with_libvirt gc
	guest other 21111111-2222-3333-4444-555555555555 52:54:00:99:99:99
	hold 0 0 1
	t 'gc, the guest of a lease is gone, but something has the VF: left' \
		says 'left: its guest is gone from libvirt; but VF 0 of pf0 is in use' with_libvirt gc
	t 'gc left the lease of it all' same web "$(sql 'SELECT owner FROM held')"
}

# proves: no-guess mac-stays
test_gc_ends_the_lease_of_a_guest_that_is_gone() {
	web_runs
	guest other 21111111-2222-3333-4444-555555555555 52:54:00:99:99:99
	t 'gc, the guest of a lease is gone: the lease ends' \
		says 'web nic 0 in pool a .*: its guest is gone from libvirt' with_libvirt gc
	t 'gc, the guest of a lease is gone: its MAC stays reserved' same "$web" "$(sql "SELECT mac FROM reservation WHERE owner = 'web'")"
	t 'gc, the guest of a lease is gone: no lease is left' same 0 "$(sql 'SELECT count(*) FROM lease')"
}

run_tests
