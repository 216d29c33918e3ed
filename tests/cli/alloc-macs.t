#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A MAC that is live on a VF of the host, whoever programmed it there, goes to nobody else.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# Pool a of pf0; what others program is pool z of pf1, by a vfpool of theirs.
hosts() { # [ELEMENT]: of pool a
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" "$@" >a.xml
	pool z "dev='pf1' numvfs='4'" >z.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
	others define z.xml >/dev/null && others apply >/dev/null 2>&1
}
others() {
	v --state-dir theirs --run-dir theirs/run --config-dir theirs/etc "$@"
}
mac() { # OWNER [OPTION…]
	v alloc a --owner "$@" --json | field mac
}
# Others program that MAC into VF 0 of pf1.
program() { # MAC
	others alloc z --owner alien --mac "$1" >/dev/null
}
unprogram() {
	others release z --owner alien --forget >/dev/null
}
# How many VFs have it.
live() { # MAC
	"$fake/links" kernel 2 4 | grep -c "vf .*$1"
}
# libvirt's guests, each NAME=MAC.
guests() {
	local guest n=0
	echo '<node>' >node.xml
	for guest; do
		n=$((n + 1))
		cat >>node.xml <<-XML
			<domain type='test'><name>${guest%%=*}</name><uuid>11111111-2222-3333-4444-55555555555$n</uuid><memory>1024</memory>
			<os><type>hvm</type></os><devices><interface type='network'><mac address='${guest#*=}'/><source network='default'/></interface>
			</devices></domain>
		XML
	done
	echo '</node>' >>node.xml
}
with_guests() { # ARGUMENT…
	v --connect "test://$work/node.xml" "$@"
}

# ---- the MAC that an owner has of old ----

# proves: one-holder mac-stays
test_a_reservation_whose_mac_is_live_elsewhere() {
	hosts
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	program "$mac"
	t "a MAC of old, live on another card's VF: refused, with the VF and what to do" \
		fails_with 4 "the MAC $mac of web is live on VF 0 of pf1, .*'vfpool adopt'.*'vfpool apply'.*'ip link set pf1 vf 0 mac'" v alloc a --owner web
	t "a dry run: refused, too" fails_with 4 'is live on VF 0 of pf1' v alloc a --owner web --dry-run
	t "a MAC that is live on another VF stays on that one" same 1 "$(live "$mac")"
	t "a MAC of old, live on another card's VF: no lease is left" same 0 "$(sql 'SELECT count(*) FROM lease')"
	t "a MAC of old, live on another card's VF: another owner gets a VF" code_is 0 v alloc a --owner db
	t "a MAC of old, live on another card's VF: it belongs to the owner still" same "$mac" "$(sql "SELECT mac FROM reservation WHERE owner = 'web'")"
	unprogram
	t "a MAC of old, live no more: the owner gets it again" same "$mac" "$(mac web)"
}

test_what_is_held_is_not_looked_up() {
	hosts
	local mac
	mac=$(mac web)
	export PEER_FAILS='8:5'
	t "asked again for what is held: no other PF is asked" same '' "$(v alloc a --owner web 2>&1 >/dev/null)"
	t "a new owner, with a MAC of the host's own seed: no other PF is asked" same '' "$(v alloc a --owner db 2>&1 >/dev/null)"
	v release a --owner web >/dev/null
	t "an owner of old, with a new lease: it is asked" says 'the VFs of pf1' with_stderr v alloc a --owner web
}

test_one_of_several_nics() {
	hosts
	local mac
	v alloc a --owner web --count 2 --json >got
	mac=$(field mac <got | tail -1)
	v release a --owner web --all >/dev/null
	program "$mac"
	t "the second of two nics has its MAC live elsewhere: none is given" fails_with 4 "$mac of web is live" v alloc a --owner web --count 2
	t "the second of two nics has its MAC live elsewhere: no lease is left of the first" same 0 "$(sql 'SELECT count(*) FROM lease')"
	unprogram
	t "the MAC of the second of two nics is live no more: both are given" same "$(field mac <got)" "$(v alloc a --owner web --count 2 --json | field mac)"
}

test_a_free_vf_of_the_pool_that_was_programmed_by_hand() {
	hosts
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	# as `ip link set pf0 vf 3 mac` would: by a pool of theirs on that VF
	pool y "dev='pf0' numvfs='4' vfs='3'" >y.xml
	others define y.xml >/dev/null && others apply y >/dev/null 2>&1
	others alloc y --owner alien --mac "$mac" >/dev/null
	t "the owner's MAC is on a free VF of the pool: refused" fails_with 4 'is live on VF 3 of pf0' v alloc a --owner web
	t "apply gives a free VF with an owner's MAC its own again, as the message says" code_is 0 v apply
	t "apply has taken the MAC from a free VF: the owner gets it" same "$mac" "$(mac web)"
	t "apply has taken the MAC from a free VF: it is on one VF" same 1 "$(live "$mac")"
}

test_a_reservation_whose_mac_is_a_cards() {
	hosts
	v alloc a --owner web >/dev/null && v release a --owner web >/dev/null
	sql "UPDATE reservation SET mac = '52:54:00:01:00:02' WHERE owner = 'web'" 2>err || sql "UPDATE reservation SET mac = x'525400010002'"
	t "a MAC of old that a card has now: refused, with the card and what to do" \
		fails_with 4 'the MAC 52:54:00:01:00:02 of web is that of the network card pf1 .*release a --owner web --forget' v alloc a --owner web
	t "a MAC of old that a card has now: what the message says ends the reservation" code_is 0 v release a --owner web --forget
	t "a MAC of old that a card has now, forgotten: the owner gets another" differ 52:54:00:01:00:02 "$(mac web)"
}

# proves: one-holder
test_a_reservation_whose_mac_a_guest_has() {
	hosts
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	guests "web-prod=$mac"
	t "a guest of another name has it: said" says "note: the MAC $mac of web is in the definition of guest web-prod, too" with_stderr with_guests alloc a --owner web
	v release a --owner web >/dev/null
	guests "web=$mac"
	t "the owner's own guest has it: not a word" same '' "$(with_guests alloc a --owner web 2>&1 >/dev/null)"
	v release a --owner web >/dev/null
	v alloc a --owner thief >/dev/null
	guests "thief=$mac"
	t "a guest that is another owner, with a lease, has it: refused" \
		fails_with 4 "the MAC $mac of web is in the definition of guest thief, which is another owner: 'virsh edit thief'" with_guests alloc a --owner web
	v release a --owner thief >/dev/null
	t "a guest that is another owner without a lease has it: said" says 'definition of guest thief' with_stderr with_guests alloc a --owner web
}

test_the_vf_that_the_lease_gets() {
	hosts
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	pool y "dev='pf0' numvfs='4' vfs='3'" >y.xml
	others define y.xml >/dev/null && others apply y >/dev/null 2>&1
	others alloc y --owner alien --mac "$mac" >/dev/null
	t "the owner's MAC is on the very VF that it is to get: no word is lost" same "$mac" "$(mac web --vf 3 2>&1)"
}

# ---- new ones ----

# proves: one-holder
test_a_given_mac_that_is_live() {
	hosts
	program 02:00:00:00:00:07
	t "a MAC that the caller gives, live on another VF: refused" fails_with 4 'the MAC 02:00:00:00:00:07 is that of VF 0 of pf1' v alloc a --owner web --mac 02:00:00:00:00:07
	t "a MAC that the caller gives, live on another VF: none is reserved" same 0 "$(sql 'SELECT count(*) FROM reservation')"
	unprogram
	t "a MAC that the caller gives, live no more: given" same 02:00:00:00:00:07 "$(mac web --mac 02:00:00:00:00:07)"
}

# proves: one-holder
test_a_mac_of_a_seed_that_is_live() {
	hosts "<mac prefix='d2:00:01' seed='s'/>"
	local mac
	mac=$(v alloc a --owner web --dry-run --json | field mac)
	program "$mac"
	t "a seed's MAC for a new owner, live on another VF: the next one" differ "$mac" "$(mac web)"
	t "a MAC that is live on another VF stays on that one" same 1 "$(live "$mac")"
}

test_a_short_range() {
	hosts "<mac prefix='d2:00:01:02:03'/>"
	local mac
	mac=$(v alloc a --owner web --dry-run --json | field mac)
	program "$mac"
	t "a new owner's MAC of a range of 128, live on another VF: the next one" differ "$mac" "$(mac web)"
}

# proves: one-holder
test_a_ledger_that_has_forgotten() {
	hosts
	local mac
	v backup saved.db >/dev/null
	mac=$(mac web)
	v release a --owner web --forget >/dev/null
	program "$mac"
	rm -f state/ledger.db-* && cp saved.db state/ledger.db
	v --accept-new-ledger apply >/dev/null 2>&1
	t "an older ledger, accepted: the MAC that it would make again is live, and isn't given twice" differ "$mac" "$(mac web)"
	t "an older ledger, accepted: that MAC is on one VF" same 1 "$(live "$mac")"
}

# ---- sick cards, older kernels ----

test_a_sick_pf_hides_no_other() {
	"$fake/tree" sys 3 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" >a.xml && pool z "dev='pf1' numvfs='4'" >z.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
	others define z.xml >/dev/null && others apply >/dev/null 2>&1
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	export PEER_FAILS='9:5'
	t "a PF that can't be read: that is said" says 'note: the kernel doesn.t tell of the VFs of pf2' with_stderr v alloc a --owner web
	v release a --owner web >/dev/null
	program "$mac" 2>/dev/null
	t "what the other PFs tell counts" says 'is live on VF 0 of pf1' with_stderr anyhow v alloc a --owner web
	export PEER_FAILS='8:19'
	t "a PF that has gone meanwhile: not a word" same '' "$(v alloc a --owner web 2>&1 >/dev/null)"
}

test_a_kernel_that_tells_no_bus() {
	hosts
	local mac
	mac=$(mac web)
	v release a --owner web >/dev/null
	program "$mac"
	export PEER_TELLS_NO_BUS=1
	t "a kernel that doesn't tell which links are of cards: each is asked" fails_with 4 'is live on VF 0 of pf1' v alloc a --owner web
}

run_tests
