#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# network: a pool's libvirt network against libvirt's own, defined, undefined, completed from an admin's file, and
# brought in step as at boot. libvirt's test driver begins anew with each connection: it has what its file says.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh

network() { # the pool's, for libvirt's file
	echo "<node><network>$(v network l | sed '1d;$d')</network></node>"
}

test_network_diff() {
	two_pools
	t 'network --diff, libvirt has none: exit code 1' code_is 1 v network l --diff
	t 'network --diff, libvirt has none: all of it as a diff' says '^\+ *<pf dev="pf1"/>' anyhow v network l --diff
	network >node.xml
	t 'network --diff, libvirt has the same: no difference' same '0 ' "$(v network l --diff >out; echo "$? $(cat out)")"
	sed -i 's|<pf dev="pf1"/>|<pf dev="eth9"/>|' node.xml
	t 'network --diff, libvirt has another PF: that line' same '-    <pf dev="eth9"/> +    <pf dev="pf1"/>' \
		"$(v network l --diff | grep '^[-+] ' | paste -s -d ' ')"
}

test_network_define_and_undefine() {
	two_pools
	network >node.xml
	t 'network --define of what is defined so: nothing to do' says 'is in libvirt as it should be' v network l --define --start
	sed -i 's|<pf dev="pf1"/>|<pf dev="eth9"/>|' node.xml
	t 'network --define of what differs, and nobody uses it' says 'is defined' v network l --define
	t 'network --undefine says so' says 'is undefined' v network l --undefine
	echo '<node/>' >node.xml
	t 'network --undefine of what is not there: says so' says "isn't in libvirt" v network l --undefine
	t 'network --start without --define: exit code 2' code_is 2 v network l --start
}

test_network_from_a_file() {
	two_pools
	echo '<network><name>tenant</name><uuid>77777777-2222-3333-4444-555555555555</uuid><title>Ours</title><forward mode="nat"/><portgroup name="x"/></network>' >own.xml
	t "network --from an admin's own: what is in it stays" says '<title>Ours</title>' v network l --from own.xml
	t "network --from an admin's own: the VFs are in it" says '<pf dev="pf1"/>' v network l --from own.xml
	t "network --from an admin's own: there is one <forward>" same 1 "$(v network l --from own.xml | grep -c '<forward')"
	sed s/tenant/other/ own.xml >own2.xml
	t 'network --from one of another name: an error' \
		fails_with 1 "own2.xml isn't a libvirt <network> with the <name>" v network l --from own2.xml
	t 'network --from what is no network: an error' fails_with 1 "isn't a libvirt <network>" v network l --from a.xml
}

# ---- as at boot ----

test_network_sync() {
	two_pools
	t 'network --sync, no pool has autostart: nothing to do' same '' "$(v network --sync)"
	pool l "dev='pf1' numvfs='4'" "<allocate by='libvirt'/>" "<network name='tenant' autostart='yes'/>" >auto.xml
	v define auto.xml >/dev/null
	guests "$(guest sleeper 6 "$(on_network 52:54:00:aa:00:09 tenant)")"
	t 'network --sync --dry-run says what would be changed' says '^\+ *<pf dev="pf1"/>' v network --sync --dry-run
	t 'network --sync defines and starts it' says '^the network of pool l is defined and started' v network --sync
	network >node.xml
	t 'network --sync of one that is there alike' says 'is in libvirt as it should be|is defined and started' v network --sync
	t 'network --sync of one pool by its name' says 'pool l' v network l --sync
	t 'network --sync and --undefine at once: usage' usage 'exclude each other' network l --sync --undefine
	t 'network without a pool: usage' usage "which POOL's" network
}

run_tests
