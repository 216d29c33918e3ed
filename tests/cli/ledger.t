#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is asked of alloc, release and the ledger's other verbs, on a tree of files in the place of
# /sys and a netlink peer whose VFs outlive a process, as the kernel's do.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_host ledger 2 4
export PEER_STATE=$work/kernel

hold() { # PF VF 0|1: as if a guest had it open through vfio
	echo "$3" >"sys/bus/pci/devices/000$1:01:01.$2/enable"
}
place() { # ARGUMENT… of alloc: "PF VF"
	v alloc "$@" --json >got && echo "$(field pf <got | cut -c4) $(field vf <got)"
}
mac() { # ARGUMENT… of alloc
	v alloc "$@" --json | field mac
}
kernel_mac() { # PF VF
	"$fake/links" kernel 2 4 | awk -v pf="pf$1:" -v vf="$2" '$2 == pf { on = 1; next } /^[0-9]/ { on = 0 } on && $2 == vf { print $4 }'
}
pool a "dev='pf0' numvfs='4'" "<pf dev='pf1' numvfs='4'/>" >a.xml
v define a.xml >/dev/null && v apply >/dev/null 2>&1

# ---- alloc: what is asked for ----
echo 1 >sys/bus/pci/devices/0001:01:00.0/numa_node
v apply >/dev/null 2>&1
t 'a NUMA node is preferred' same '1 0' "$(place a --owner n1 --numa 1)"
t 'one that the pool has none of is no hindrance' same '0 0' "$(place a --owner n2 --numa 7)"
t 'with =only it is' fails_with 3 'no VF of pool a is free where it was asked for' v alloc a --owner n3 --numa 7=only
t 'a PF by its name' same '1 1' "$(place a --owner p1 --pf pf1)"
t 'by its address, and a VF' same '1 3' "$(place a --owner p2 --pf 0001:01:00.0 --vf 3)"
t 'by its MAC' same '1 2' "$(place a --owner p3 --pf 52:54:00:01:00:02)"
t 'a leased VF can not be asked for' fails_with 3 'VF 3 is leased' v alloc a --owner p4 --pf pf1 --vf 3
t 'nor one without its PF' fails_with 1 'VF 1 of which\? Say --pf' v alloc a --owner p4 --vf 1
t 'nor a PF that the host lacks: 5' fails_with 5 'no PF pf9' v alloc a --owner p4 --pf pf9
t 'the same again, asked for as it is' same '1 3' "$(place a --owner p2 --pf pf1 --vf 3)"
t 'asked for otherwise, both are printed' fails_with 4 'nic 0 has VF 3 of 0001:01:00.0, MAC .*, no VLAN; asked for was VF 1, PF pf0, VLAN 9' \
	v alloc a --owner p2 --pf pf0 --vf 1 --vlan 9
t 'a node that it is not on' fails_with 4 'asked for was a VF of NUMA node 0' v alloc a --owner p2 --numa 0=only
for owner in n1 n2 p1 p2 p3; do v release --owner $owner >/dev/null; done
t 'a VF and a node that it is not on' fails_with 3 'VF 3 is on NUMA node 1' v alloc a --owner n1 --pf pf1 --vf 3 --numa 0=only
v hold pf1 --reason 'bad port' >/dev/null
t "a VF whose PF is held isn't given" fails_with 3 "VF 3's PF is held: bad port" v alloc a --owner n1 --pf pf1 --vf 3
v unhold pf1 >/dev/null
t 'no VF at all: refused' fails_with 1 'nics 0 to' v alloc a --owner n1 --count 0

untold() { # an alloc that failed leaves no MAC behind
	for vf in 0 1 2 3; do hold 0 "$vf" 1; hold 1 "$vf" 1; done
	fails_with 3 'no VF of pool a can be had' v alloc a --owner none --mac d2:00:00:00:00:01 || return
	for vf in 0 1 2 3; do hold 0 "$vf" 0; hold 1 "$vf" 0; done
	same d2:00:00:00:00:02 "$(mac a --owner none --mac d2:00:00:00:00:02)" && v release --owner none &&
		says 'forgot the MACs of none' v release --owner none --forget
}
t 'an alloc that fails leaves no MAC reserved; --forget needs no pool' untold

meddled() { # a lease that makes no sense
	v alloc a --owner odd --count 2 >/dev/null
	sql "UPDATE reservation SET mac = (SELECT parking FROM vf WHERE lease IS NULL LIMIT 1), half = 'parking' WHERE owner = 'odd' AND nic = 1" 2>/dev/null
	sqlite3 state/ledger.db "PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0;
		UPDATE reservation SET mac = 'xx:xx:xx:xx:xx:xx' WHERE owner = 'odd' AND nic = 1"
	fails_with 1 "lease [0-9]* can't be understood" v alloc a --owner odd --count 2
}
cp -r state sound
t "a ledger that was meddled with: said" meddled
rm -r state && mv sound state && v --accept-new-ledger apply >/dev/null 2>&1

t 'a MAC of the caller' same d2:00:00:00:00:07 "$(mac a --owner m1 --mac d2:00:00:00:00:07)"
t 'the kernel has it' same d2:00:00:00:00:07 "$(kernel_mac 0 0)"
t 'nobody else gets it' fails_with 4 'the MAC d2:00:00:00:00:07 is that of m1 nic 0 in pool a' v alloc a --owner m2 --mac d2:00:00:00:00:07
t "a host card's MAC isn't given" fails_with 4 'that of a network card of this host' v alloc a --owner m2 --mac 52:54:00:01:00:02
t 'no multicast MAC' fails_with 1 'multicast' v alloc a --owner m2 --mac 01:00:5e:00:00:01
t 'no zero MAC' fails_with 1 'it is zero' v alloc a --owner m2 --mac 00:00:00:00:00:00
t "a parking MAC isn't given" fails_with 4 'that of a free VF' v alloc a --owner m2 --mac "$(kernel_mac 1 3)"
v release a --owner m1 >/dev/null
t 'the owner has one MAC, also after the lease' fails_with 4 'is d2:00:00:00:00:07, and d2:00:00:00:00:08 was asked for' v alloc a --owner m1 --mac d2:00:00:00:00:08
t 'forgotten, it is free' says 'forgot the MACs of m1' v release a --owner m1 --forget
t 'for anyone' same d2:00:00:00:00:07 "$(mac a --owner m2 --mac d2:00:00:00:00:07)"
v release a --owner m2 --forget >/dev/null
t 'forgotten twice: 5' fails_with 5 'no such lease now' v release a --owner m2 --forget

clash() { # the MAC that `one` would have is taken by another before
	local first second
	first=$(mac a --owner one) && v release a --owner one --forget >/dev/null &&
		v alloc a --owner thief --mac "$first" >/dev/null && second=$(mac a --owner one) || return
	differ "$first" "$second" && same 1 "$(sql "SELECT attempt FROM reservation WHERE owner = 'one'")" &&
		v release a --owner thief --forget >/dev/null && v release a --owner one >/dev/null &&
		same "$second" "$(mac a --owner one)" && v release a --owner one
}
t 'a MAC that is taken: the next one, recorded, and kept' clash
pool tiny "dev='pf0' numvfs='4' vfs='3'" "<mac prefix='52:54:00:01:00' seed='s'/>" >tiny.xml
sed -i "s|dev='pf0' numvfs='4'|dev='pf0' numvfs='4' vfs='0-2'|" a.xml
v define a.xml tiny.xml >/dev/null && v apply >/dev/null 2>&1
never_a_cards() { # the first MAC that o41 would get is 52:54:00:01:00:02
	v alloc tiny --owner o41 --json >got && differ 52:54:00:01:00:02 "$(field mac <got)" &&
		[ "$(sql "SELECT attempt FROM reservation WHERE owner = 'o41'")" -gt 0 ]
}
t "a MAC that a card has isn't made for anyone" never_a_cards
sed -i "s| vfs='0-2'||" a.xml
v release tiny --owner o41 >/dev/null; v undefine tiny >/dev/null; v define a.xml >/dev/null; v apply >/dev/null 2>&1

t 'a VLAN of its own' says '<tag id="9"/>' v alloc a --owner v1 --vlan 9
t 'the kernel has it' says 'vf 0 .*vlan 9' "$fake/links" kernel 2 4
t 'apply leaves it' says 'nothing to do' v apply
v release a --owner v1 >/dev/null
t 'the next owner has the pool'"'"'s' sh -c '! grep -q "vlan 9" links' sh "$("$fake/links" kernel 2 4 >links)"

# ---- several at once ----
t 'three nics' same 3 "$(v alloc a --owner many --count 3 | grep -c '<interface')"
t 'asked for five: those held are kept, two are new' same 5 "$(v alloc a --owner many --count 5 --json | grep -c '"state": *"active"')"
t 'nine are too many' fails_with 3 'too few VFs of pool a are free for 9 nics, so none was taken' v alloc a --owner many --count 9
t 'and five it stays' same 5 "$(v show a --json | grep -c '"state": *"active"')"
t 'all or none: a new owner has none' fails_with 3 'too few VFs' v alloc a --owner other --count 4
t 'not one' same 0 "$(sql "SELECT count(*) FROM held WHERE owner = 'other'")"
hold 1 3 1
all_or_none() { # the last VF is busy: found out only when the others are programmed
	fails_with 3 'VF 3 of pf1 is in use' v alloc a --owner other --count 3 || return
	same '5 0' "$(sql "SELECT count(*), total(state <> 'active') FROM held" | sed 's/|/ /; s/\.0//')" &&
		"$top/tests/check-ledger" state/ledger.db <("$fake/links" kernel 2 4) map
}
printf '0000:01:00.0 pf0\n0001:01:00.0 pf1\n' >map
t 'a VF that turns out busy undoes the others' all_or_none
hold 1 3 0
t '--nic and --count exclude each other: 2' usage 'exclude|Usage' alloc a --owner x --nic 1 --count 2

# ---- release ----
t 'which of several?' fails_with 1 'several leases: many nic 0 in pool a \(lease [0-9]+\), many nic 1' v release --owner many
t 'by nic' says 'released the VF of many nic 4' v release --owner many --nic 4
t 'by the VF'"'"'s address' says 'released the VF of many nic 3' v release --vf "$(v alloc a --owner many --nic 3 --json | field address)"
lease=$(v alloc a --owner many --nic 2 --json | field lease)
t 'by its number' says 'many nic 2' v release --lease "$lease"
t 'too late: no harm, and when it ended' fails_with 5 "nothing was changed: lease $lease, of many nic 2 in pool a, ended on 20.* by 'vfpool .*release --lease $lease'" v release --lease "$lease"
t 'of another owner by now' fails_with 5 'that VF has another lease now' v release --vf 0000:01:01.0 --lease "$lease"
t 'a device that is no VF: 5' fails_with 5 'is no VF' v release --vf 0000:01:00.0
t 'all of them, as JSON' same 2 "$(v release --owner many --all --json | grep -c '"state": *"released"')"
t 'the whole ledger agrees with the kernel' "$top/tests/check-ledger" state/ledger.db <("$fake/links" kernel 2 4) map

# ---- force and quarantine ----
first=$(mac a --owner web)
hold 0 0 1
t 'busy: refused' fails_with 4 'held through vfio' v release --owner web
forced() {
	v release --owner web --force >out 2>err && grep -q 'in quarantine' err && grep -q "$first stays reserved" out &&
		says 'quarantine' v show a && same "$first" "$(kernel_mac 0 0)"
}
t 'by force: the lease ends, the VF is in quarantine' forced
t 'its MAC is live there, so nowhere else' fails_with 4 "$first of web is still live on VF 0" v alloc a --owner web
t 'nobody gets the VF' differ '0 0' "$(place a --owner db)"
t 'apply leaves it alone' says 'nothing to do' v apply
t 'gc too, and says so' says 'left: VF 0 of pf0 is in use still: held through vfio' v gc
hold 0 0 0
t 'let go of: gc says what it would do' says 'would: VF 0 of pf0 is free again' v gc --dry-run
t 'and does it' says '^VF 0 of pf0 is free again' v gc
t 'scrubbed' differ "$first" "$(kernel_mac 0 0)"
t 'the owner has its MAC again, on that VF' same "0 0 $first" "$(place a --owner web) $(kernel_mac 0 0)"
hold 0 0 1
v release --owner web --force --forget >/dev/null 2>&1
t 'forgotten too: the MAC stays taken while it is live' fails_with 4 'still live on a VF in quarantine' v alloc a --owner web2 --mac "$first"
hold 0 0 0
t 'apply frees the VF as well' code_is 0 v apply
t 'and then the MAC' same "$first" "$(mac a --owner web2 --mac "$first")"
hold 0 0 1
v release --owner web2 --force >/dev/null 2>&1
gone() {
	mv sys/bus/pci/devices/0000:01:00.0 away
	says "VF 0 isn't there any more, and in quarantine no more" v gc
	local code=$?
	mv away sys/bus/pci/devices/0000:01:00.0
	hold 0 0 0
	v apply >/dev/null 2>&1
	return "$code"
}
t "a PF that is gone took its VF's MAC with it" gone
v release --owner web2 --forget >/dev/null; v release --owner db >/dev/null

# ---- hold ----
t 'a VF is held' says 'is held: nobody gets it' v hold 0000:01:01.0 --reason 'bad port'
t 'again: nothing to do' says 'nothing to do' v hold 0000:01:01.0 --reason 'bad port'
t 'list says why' says 'vf 0 .*held: bad port' v list
t 'nobody gets it' same '0 1' "$(place a --owner one)"
t 'not even by its name' fails_with 3 'VF 0 is held: bad port' v alloc a --owner two --pf pf0 --vf 0
t 'a whole PF' says 'is held' v hold pf0
t 'its VFs say so' says 'vf 2 .*held: no reason given \(the whole PF\)' v list
t 'a lease on it stays, and is shown with it' says 'vf 1 .*leased; held: no reason given' v list
t 'the next VF is elsewhere' same '1 0' "$(place a --owner two)"
t 'the end of it' says 'is free to get' v unhold pf0
t 'VF 0 is held still' says 'vf 0 .*held: bad port' v list
t 'by PF and index' says 'VF 0 of pf0 is free to get' v unhold pf0 --vf 0
t 'a VF that is in no pool: 5' fails_with 5 "isn't one of a pool" v hold pf0 --vf 9
t 'an unknown PF: 5' fails_with 5 'no PF pf9' v hold pf9

# ---- rename, history ----
t 'renamed' says '1 MAC of one, with its leases, is now uno' v rename one uno
t 'with its VF and MAC' says 'vf 1 .*leased *uno nic 0' v list
t 'onto one who has its own: 4' fails_with 4 'two has a MAC for the same nic' v rename uno two
t 'nobody: 5' fails_with 5 'nobody has no lease' v rename nobody x
t 'history says who, what and how' says '20.* alloc .* a .* two nic 0 .* 52:54:00:01:00:02/0 .*vfpool .*alloc a --owner two' v history --owner two
t 'of a VF' says 'alloc .*uno|alloc .*one' v history --vf 0000:01:01.1
t 'since' same '' "$(v history --since 2099-01-01)"
t 'as JSON' says '"event": *"rename"' v history --owner uno --json
t 'a date that is none: 2' fails_with 2 'takes a date' v history --since yesterday-ish

# ---- gc: what was interrupted ----
sql "UPDATE lease SET state = 'pending' WHERE id = (SELECT id FROM held WHERE owner = 'uno');
	UPDATE lease SET state = 'releasing' WHERE id = (SELECT id FROM held WHERE owner = 'two')"
t 'a dry run says what it would do' says 'uno nic 0 .*would: an interrupted alloc is undone' v gc --dry-run
t 'and does nothing' same 2 "$(sql "SELECT count(*) FROM lease WHERE state <> 'active'")"
t 'apply leaves a VF that an alloc may be at work on' same "$(kernel_mac 0 1)" "$(v apply >/dev/null 2>&1; kernel_mac 0 1)"
t 'an interrupted alloc is undone' says 'uno nic 0 in pool a .*: an interrupted alloc is undone' v gc
t 'nothing is left' same 0 "$(sql 'SELECT count(*) FROM lease')"
t 'the ledger agrees with the kernel' "$top/tests/check-ledger" state/ledger.db <("$fake/links" kernel 2 4) map
t 'nothing to do' says 'nothing to do' v gc

# ---- gc: guests ----
guest() { # NAME UUID MAC: libvirt's test driver has it
	cat >node.xml <<-XML
		<node><domain type='test'><name>$1</name><uuid>$2</uuid><memory>1024</memory><os><type>hvm</type></os>
		<devices><interface type='network'><mac address='$3'/><source network='default'/></interface></devices>
		</domain></node>
	XML
}
gc() {
	v --connect "test://$work/node.xml" gc "$@"
}
web=$(mac a --owner web)
t 'its own guest may have the MAC that it is to get' same "$web" "$(
	v release --owner web --forget >/dev/null
	guest web 11111111-2222-3333-4444-555555555555 "$web"
	v --connect "test://$work/node.xml" alloc a --owner web --json | field mac)"
guest web 11111111-2222-3333-4444-555555555555 52:54:00:99:99:99
t 'a lease that no guest has is named, and stays' says 'left: no guest of libvirt names its MAC' gc
guest web 11111111-2222-3333-4444-555555555555 "$web"
t 'a guest that has the MAC is noted' says 'guest web \(11111111-2222-3333-4444-555555555555\) has its MAC' gc
t 'once' says 'nothing to do' gc
t "another libvirt doesn't say that its guest is gone" says '^nothing to do' v --connect test:///default gc
t 'it is in the lease' says '"guest": *"11111111-' v show a --json
guest web 11111111-2222-3333-4444-555555555555 52:54:00:99:99:99
t 'a guest that lost the interface: for a person' says "left: its guest doesn't name its MAC any more" gc
guest other 21111111-2222-3333-4444-555555555555 52:54:00:99:99:99
hold 0 0 1
t 'its guest is gone, but something has the VF: left' says 'left: its guest is gone from libvirt; but VF 0 of pf0 is in use' gc
hold 0 0 0
t 'libvirt does not answer: nothing is judged' says '^nothing to do' v --connect test:///none.xml gc
t 'without libvirt too' says '^nothing to do' v gc
t 'its guest is gone: the lease ends' says 'web nic 0 in pool a .*: its guest is gone from libvirt' gc
t 'its MAC stays reserved' same "$web" "$(sql "SELECT mac FROM reservation WHERE owner = 'web'")"
taken=$(mac a --owner new) && v release a --owner new --forget >/dev/null
guest g 31111111-2222-3333-4444-555555555555 "$taken"
t "a guest's MAC is never newly given" differ "$taken" "$(v --connect "test://$work/node.xml" alloc a --owner new --json | field mac)"
v release a --owner new >/dev/null

# ---- where libvirt picks the VFs ----
theirs() ( # on a host of its own
	mkdir libvirts && cd libvirts && "$fake/tree" sys 1 4 --netdev || return
	PEER_STATE=$PWD/kernel
	# VF 0 has the MAC, and a guest has VF 0.
	pool x "dev='pf0' numvfs='4'" >x.xml
	v define x.xml && v apply 2>/dev/null && v alloc x --owner g --mac d2:00:00:00:00:05 >/dev/null || return
	rm -r state etc run
	echo 1 >sys/bus/pci/devices/0000:01:01.0/enable
	pool l "dev='pf0' numvfs='4'" "<vlan><tag id='42'/></vlan><allocate by='libvirt'/><network name='l'/>" >l.xml
	v define l.xml && v --accept-new-ledger apply 2>/dev/null
	fails_with 1 'libvirt gives every interface of this pool VLAN 42' v alloc l --owner g --vlan 0 || return
	v hold pf0 --vf 1 2>err && grep -q "until 'vfpool network l --define'" err || { cat err; return 1; }
	fails_with 4 'the MAC d2:00:00:00:00:05 is that of VF 0 of pf0' v alloc l --owner g --mac d2:00:00:00:00:05 || return
	guest g 11111111-2222-3333-4444-555555555555 d2:00:00:00:00:05
	v --connect "test://$PWD/node.xml" alloc l --owner g --mac d2:00:00:00:00:05 >/dev/null || return
	fails_with 4 'VF 0 of pf0 has its MAC and is in use' v release l --owner g --force --forget &&
		says 'released .*stays reserved' v release l --owner g --force
)
t 'in use there: the MAC can not be forgotten' theirs

# ---- what can happen to a ledger ----
v alloc a --owner keep >/dev/null
t 'a backup' says 'whole and checked' v backup saved.db
t 'is a ledger' same keep "$(sqlite3 saved.db 'SELECT owner FROM held')"
t 'a backup into nowhere: an error' fails_with 1 'backing up the ledger to nowhere/x' v backup nowhere/x
t 'nothing is left of it' same '' "$(ls -d saved.db.* 2>/dev/null)"
cp -r state good
dd if=/dev/zero of=state/ledger.db bs=1024 seek=8 count=24 conv=notrunc status=none
t 'a damaged ledger: said' fails_with 1 'the ledger is damaged' v gc
damaged() { # OWNER: no lease is made on what can't be trusted, and no VF is touched
	local before after
	before=$("$fake/links" kernel 2 4)
	code_is 1 v alloc a --owner "$1" 2>err && grep -q damaged err || { cat err; return 1; }
	after=$("$fake/links" kernel 2 4)
	same "$before" "$after"
}
t 'nothing is given out of it' damaged lost
rm -r state && mkdir state && cp saved.db state/ledger.db
t 'the backup in its place' says 'vf . .*leased *keep nic 0' v list
sql 'PRAGMA user_version = 99' 
t "a newer vfpool's: refused" fails_with 1 'written by a newer vfpool \(version 99' v alloc a --owner x
rm -r state && cp -r good state
sqlite3 state/old.db <"$top/tests/data/ledger-1.sql" && mv state/old.db state/ledger.db && rm -f state/ledger.db-*
t "an older vfpool's: brought up to date, with its leases" says '"owner": *"gone"' v show a --json
tap_end
