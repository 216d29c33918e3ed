#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a card doesn't have, or won't do for one VF: whose failure that is, and that nobody gets such a VF.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# two_halves CARD ELEMENT ELEMENT: pools a (VFs 0, 1) and b (VFs 2, 3) of one such card, whose VFs have no
# driver.
two_halves() {
	"$fake/tree" sys 1 4 --netdev
	rm sys/bus/pci/devices/0000:01:00.0/virtfn*/driver
	export PEER_VFS=4 PEER_STATE=$work/kernel PEER_CARD=$1 PEER_LOG=$work/messages
	pool a "dev='pf0' numvfs='4' vfs='0-1'" "$2" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2-3'" "$3" >b.xml
	v define a.xml b.xml >/dev/null
}
driver() { # VF
	driver_here "sys/bus/pci/devices/0000:01:00.0/virtfn$1"
}
driver_here() {
	[ -L "$1/driver" ] && basename "$(readlink "$1/driver")" || echo none
}
drivers() {
	echo "$(driver 0) $(driver 1) $(driver 2) $(driver 3)"
}
apply_out() { # ARGUMENT…: what apply prints, whatever its exit code, into the file out
	v apply "$@" >out 2>err || true
}

# proves: says-so
test_one_pool_s_qinq_leaves_the_other_its_vlan() {
	two_halves no-qinq "<vlan proto='802.1ad'><tag id='42'/></vlan>" "<vlan><tag id='7'/></vlan>"
	t "a VLAN as 802.1ad that the card refuses: exit code 6" code_is 6 eval 'v apply >out 2>err'
	t "the refused value is named for the PF, with its protocol" grep -E "^pf0: FAILED .*doesn't have vlan 42 802.1ad$" out
	t "each VF that lacks a refused VLAN says FAILED in its own line" same 2 "$(grep -cE "vf [01]: .*FAILED: .*doesn't have vlan 42 802.1ad" out)"
	t "the other pool's lines have no failure" eval '! grep -E "vf [23].*FAILED" out'
	t "the other pool's VFs have their VLAN" same 2 "$("$fake/links" kernel 1 4 | grep -c 'vlan 7')"
	t "no VF without its VLAN gets a driver, the others do" same 'none none vfio-pci vfio-pci' "$(drivers)"
	t "the VF's line says why it wasn't bound" grep -E "vf 0: driver none → vfio-pci: FAILED: not bound: its vlan isn't set to 42 802.1ad" out
	t "alloc of the pool without its VLAN fails, naming it" fails_with 1 "doesn't have vlan 42 802.1ad" v alloc a --owner x
	t "alloc has left no lease" same 0 "$(sql 'SELECT count(*) FROM lease')"
	t "alloc of the other pool works" says 'address' v alloc b --owner y
	t "a second apply says the same" eval 'v apply >again 2>/dev/null; [ $? = 6 ] && grep "^pf0: FAILED" out >x && grep "^pf0: FAILED" again >y && cmp x y'
}

test_one_vf_s_failure_is_its_own() {
	two_halves sick-vlan "<vlan><tag id='42'/></vlan>" "<vlan><tag id='42'/></vlan>"
	t "one VF refuses its VLAN: exit code 6" code_is 6 eval 'v apply >out 2>err'
	t "one VF refuses its VLAN: it alone gets no driver" same 'vfio-pci none vfio-pci vfio-pci' "$(drivers)"
}

test_spoof_check_and_trust_count_as_the_vlan_does() {
	local setting
	for setting in spoofchk trust; do
		rm -rf sys etc state run kernel
		two_halves "sick-$setting" "<spoofchk state='off'/><trust state='on'/>" "<trust state='on'/>"
		apply_out
		t "a VF whose $setting failed gets no driver" same 'vfio-pci none vfio-pci vfio-pci' "$(drivers)"
	done
}

test_a_card_without_trust_or_spoof_check() {
	two_halves 'no-trust mute-trust no-spoofchk mute-spoofchk' '' ''
	t "a pool that asks for neither is made, and bound" eval 'v apply >out 2>err; [ "$(drivers)" = "vfio-pci vfio-pci vfio-pci vfio-pci" ]'
	t "a pool that asks for neither is handed out" says address v alloc a --owner x
	pool b "dev='pf0' numvfs='4' vfs='2-3'" "<spoofchk state='on'/>" >b.xml
	rm -rf state run kernel sys/bus/pci/devices/0000:01:00.0/virtfn*/driver
	v define b.xml >/dev/null
	apply_out
	t "a pool that trusts the default is bound where one doesn't" same 'vfio-pci vfio-pci' "$(driver 0) $(driver 1)"
}

# proves: twice
test_a_refusal_that_cant_be_read_back_is_remembered() {
	two_halves 'no-query_rss mute-query_rss' "<rss query='on'/>" ''
	local sent
	t "what igb lacks: exit code 6" code_is 6 eval 'v apply >out 2>err'
	sent=$(wc -l <messages)
	t "a second apply: the same exit code" code_is 6 eval 'v apply >again 2>err'
	t "a second apply says the same of the card" eval 'grep "^pf0: FAILED" out >x && cmp x again'
	t "a second apply sends no netlink message" same "$sent" "$(wc -l <messages)"
	t "list knows that the VFs aren't as defined" same 2 "$(v list | grep -c 'not as defined')"
	t "alloc says the same of what the card refuses" fails_with 1 "doesn't have query_rss on" v alloc a --owner x
	t "apply --dry-run says the same of what the card refuses" code_is 6 eval 'v apply --dry-run >out'
	t "the pool that doesn't ask for it is handed out" says address v alloc b --owner y
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a.xml
	v define a.xml >/dev/null
	t "the definition doesn't ask for what is refused any more: nothing to do" says 'nothing to do' v apply
	t "what the definition doesn't ask for any more isn't remembered as refused" same 0 "$(sql 'SELECT count(*) FROM refusal')"
	t "alloc, the definition doesn't ask for it any more: a VF is given" says address v alloc a --owner x
	pool a "dev='pf0' numvfs='4' vfs='0-1'" "<rss query='on'/>" "<trust state='on'/>" >a.xml
	v define a.xml >/dev/null
	v apply >/dev/null 2>&1
	sql "UPDATE refusal SET driver = 'another'"
	rm kernel # its VFs are new, and here already
	pool a "dev='pf0' numvfs='4' vfs='0-1'" "<rss query='on'/>" >a.xml
	v define a.xml >/dev/null
	PEER_CARD='' v apply >out 2>&1
	t "another driver is asked anew, and may have it" grep 'query_rss off → on' out
	t "what it has isn't called lacking" eval '! grep FAILED out'
}

# proves: in-use
test_fewer_vfs_while_one_is_leased() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" >a.xml
	pool a "dev='pf0' numvfs='2'" >fewer.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1 && v alloc a --owner web >/dev/null
	v define fewer.xml >/dev/null
	t "fewer VFs than there are, one leased: refused, 4" code_is 4 eval 'v apply >out 2>err'
	t "the refusal has the numbers and the holder" grep -E 'pf0: refused: it has 4 VFs, more than the 2 defined; left so while in use: VF 0: leased to web nic 0' out
	t "fewer VFs than there are: apply doesn't say that all is as defined" eval '! grep "nothing to do" out'
	t "apply --dry-run of fewer VFs, one leased: refused, too" code_is 4 eval 'v apply --dry-run >out 2>err'
}

run_tests
