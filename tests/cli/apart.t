#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each pool and each PF by itself: what is wrong with one is told, and the rest is done.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# hosts PFS VFS: such a host, with no driver on any VF.
hosts() {
	"$fake/tree" sys "$1" "$2" --netdev
	rm -f sys/bus/pci/devices/*/virtfn*/driver
	export PEER_VFS=$2 PEER_STATE=$work/kernel PEER_LOG=$work/messages
}
# quiet_apply [POOL]: what it says goes to the files out and err.
quiet_apply() {
	v apply "$@" >out 2>err
}
with_vlan() { # VLAN PFS: how many VFs of the host have it
	"$fake/links" kernel "$2" "$PEER_VFS" | grep -c "vlan $1\b"
}
bound() { # PF: how many of its VFs have vfio-pci
	find sys/bus/pci/devices/*/ -name driver -lname '*vfio-pci' -path "*/000$1:*" | wc -l
}
# until_true COMMAND…: it comes to be true, in a minute at most.
until_true() {
	local left=600
	until "$@"; do [ $((left -= 1)) -gt 0 ] || return 1; sleep 0.1; done
}
has_vlan() { # VLAN VFS
	[ "$(with_vlan "$1" 2 2>/dev/null)" = "$2" ]
}
# lock_pf PF: another process has its lock until unlock_pf.
lock_pf() {
	mkdir -p run
	exec 8>"run/000$1:01:00.0.lock"
	flock 8
	echo 4711 >&8
}
unlock_pf() {
	exec 8>&-
}
# pools a of pf0 and b of pf1, defined
two_pools() {
	pool a "dev='pf0' numvfs='2'" "<vlan><tag id='10'/></vlan>" >a.xml
	pool b "dev='pf1' numvfs='2'" "<vlan><tag id='20'/></vlan>" >b.xml
	v define a.xml b.xml >/dev/null
}

# ---- PFs ----

test_a_pf_that_another_has_keeps_no_other_waiting() {
	hosts 2 2
	two_pools
	lock_pf 0
	v apply >out 2>err 8>&- &
	t "while another vfpool has a PF, the others are programmed" until_true has_vlan 20 2
	t "while another vfpool has a PF, that one isn't touched" same 0 "$(with_vlan 10 2)"
	unlock_pf
	wait $!
	t "a PF that another vfpool lets go of has its turn, and all is done" same 0 $?
	t "a PF that another vfpool lets go of: its VFs are programmed, too" same 2 "$(with_vlan 10 2)"
	t "a PF that another vfpool lets go of: its VFs are bound, as the others" same '2 2' "$(bound 0) $(bound 1)"
}

test_a_pf_that_is_never_let_go() {
	hosts 2 2
	two_pools
	lock_pf 0
	export FAKE_RESTS=$work/rests
	t "a lock that is never let go: exit code 6" code_is 6 quiet_apply
	t "the PF's line says who has had it, and for how long" grep -E 'pf0: refused: another vfpool \(process 4711\) has held run/0000:01:00.0.lock for 120 s' out
	t "the other PF's VFs are programmed and bound" same '2 2' "$(with_vlan 20 2) $(bound 1)"
	t "a lock that is never let go: it was waited for once" eval '[ "$(paste -sd+ rests | bc)" -le 130000 ]'
	unlock_pf
}

test_gc_waits_once_for_a_pf() {
	hosts 1 4
	pool a "dev='pf0' numvfs='4'" >a.xml
	v define a.xml >/dev/null && quiet_apply
	local owner
	for owner in x y z; do v alloc a --owner "$owner" >/dev/null; done
	sql "UPDATE lease SET state = 'releasing'"
	lock_pf 0
	export FAKE_RESTS=$work/rests
	t "gc with three leases on a PF that another has: exit code 6" code_is 6 eval 'v gc >out 2>err'
	t "gc with three leases on a PF that another has: each is told" same 3 "$(grep -c 'has held' out)"
	t "gc with three leases on a PF that another has: it was waited for once" eval '[ "$(paste -sd+ rests | bc)" -le 130000 ]'
	unlock_pf
	t "gc when that PF is let go of ends all three leases" eval 'v gc >out && [ "$(sql "SELECT count(*) FROM lease")" = 0 ]'
}

test_nobody_waits_for_a_stuck_child() {
	hosts 1 2
	rm sys/bus/pci/devices/0000:01:00.0/virtfn*
	mkfifo sys/bus/pci/devices/0000:01:00.0/sriov_numvfs
	pool a "dev='pf0' numvfs='2'" >a.xml
	v define a.xml >/dev/null
	# The write into the fifo sleeps, as in a driver that hangs; apply itself is killed.
	says_its_end() {
		local said
		said=$("$fake/vfpool" "${at[@]}" apply 2>&1 & until_true grep -qs . run/0000:01:00.0.lock; sleep 0.5; kill -KILL $!; echo end)
		[[ $said = *end ]]
	}
	t "\$(vfpool apply) comes to its end though a child of it hangs" timeout 50 bash -c "$(declare -p at fake); $(declare -f until_true says_its_end); says_its_end"
	cat sys/bus/pci/devices/0000:01:00.0/sriov_numvfs >/dev/null # lets it go
}

test_a_pf_that_fails_leaves_the_others() {
	hosts 2 2
	two_pools
	echo 3 >sys/bus/pci/devices/0000:01:00.0/net/pf0/ifindex # its link isn't there
	t "a PF whose link can't be read: not 0" eval '! quiet_apply'
	t "the other's VFs are programmed and bound" same '2 2' "$(with_vlan 20 2) $(bound 1)"
}

# ---- pools ----

test_pools_that_contradict_each_other() {
	hosts 2 4
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2'" >b.xml
	pool c "dev='pf1' numvfs='4'" "<vlan><tag id='30'/></vlan>" >c.xml
	pool d "dev='pf0' numvfs='4' vfs='3'" "<vlan><tag id='40'/></vlan>" >d.xml
	v define a.xml b.xml c.xml d.xml >/dev/null
	sed -i "s/vfs='2'/vfs='1-2'/" etc/pools/b.xml
	t "two definitions that name one VF: exit code 6" code_is 6 quiet_apply
	t "two definitions that name one VF: each is named with both places" same 2 "$(grep -cE "pool [ab] is left out: etc/pools/[ab].xml:3: VF 1 is already in pool [ab] \(etc/pools/[ab].xml:3\)" err)"
	t "a pool of another PF is done" same '4 4' "$(with_vlan 30 2) $(bound 1)"
	t "a pool that shares their PF, and contradicts neither, too" same '1 1' "$(with_vlan 40 2) $(bound 0)"
	t "apply of a pool that has nothing to do with it: done" code_is 0 quiet_apply d
	t "apply of a pool that has nothing to do with it doesn't speak of the others" eval '! grep -E "pool [ab]\b|VF 1 " err'
	t "apply of one of the two: an error, with both places" fails_with 1 'VF 1 is already in pool b' v apply a
	sed -i "s/numvfs='4' vfs='1-2'/numvfs='3' vfs='2'/" etc/pools/b.xml
	t "another numvfs than all others of the PF: they are left out, the other PF's pool isn't" eval '
		rm -rf kernel state run; quiet_apply; [ $? = 6 ] && [ "$(with_vlan 30 2)" = 4 ] && [ "$(grep -c "is left out" err)" = 3 ]'
}

# proves: scrubbed
test_a_vf_that_another_pool_has_in_quarantine() {
	hosts 1 4
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2-3'" "<vlan><tag id='20'/></vlan>" >b.xml
	v define a.xml b.xml >/dev/null && quiet_apply
	v alloc a --owner web >/dev/null
	echo 1 >sys/bus/pci/devices/0000:01:00.0/virtfn0/enable
	v release --owner web --force >/dev/null 2>&1
	t "the VF is in quarantine" says 'quarantine' v list
	pool a "dev='pf0' numvfs='4' vfs='1'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='0,2-3'" "<vlan><tag id='30'/></vlan>" >b.xml
	v define a.xml b.xml >/dev/null
	t "a VF in quarantine is to be another pool's: exit code 6" code_is 6 quiet_apply
	t "a VF in quarantine is to be another pool's: named, with what has to be done" grep -E "pf0 vf 0: refused: pool b can't have it yet: it is still in quarantine in pool a; end what has it open, and 'vfpool gc', first" out
	t "the pool's other VFs are programmed" same 2 "$(with_vlan 30 1)"
	t "a VF in quarantine is to be another pool's: --dry-run foresees the same" code_is 6 eval 'v apply --dry-run >out 2>err && false || grep -q "vf 0: refused: pool b" out; v apply --dry-run >out 2>&1'
	echo 0 >sys/bus/pci/devices/0000:01:00.0/virtfn0/enable
	v gc >/dev/null 2>&1
	t "a VF whose quarantine has ended: the other pool gets it" eval 'quiet_apply; [ "$(with_vlan 30 1)" = 3 ]'
}

test_a_prefix_with_too_few_macs() {
	hosts 2 200
	pool a "dev='pf0' numvfs='200'" "<mac prefix='d2:56:46:00:01'/>" >a.xml
	t "a MAC prefix of 5 bytes for 200 VFs: refused by define, with the numbers" \
		fails_with 1 'a.xml:4: the MAC prefix leaves 128 addresses for free VFs and as many for leases, but the pool has 200 VFs' v define a.xml
	pool a "dev='pf0' numvfs='200' vfs='0-99'" "<mac prefix='d2:56:46:00:01'/>" >a.xml
	pool b "dev='pf0' numvfs='200' vfs='100-199'" "<mac prefix='d2:56:46:00:01'/>" >b.xml
	pool c "dev='pf1' numvfs='200'" "<vlan><tag id='30'/></vlan>" >c.xml
	v define a.xml b.xml c.xml >/dev/null
	t "two pools that share such a prefix, too many together: exit code 6" code_is 6 quiet_apply
	t "the one that finds none left is named" grep -E 'pool b is left out: .*MAC prefix leaves too few addresses' err
	t "the others are done" same '200 100' "$(with_vlan 30 2) $(bound 0)"
	t "apply of it alone: an error" fails_with 1 'leaves too few addresses' v apply b
}

run_tests
