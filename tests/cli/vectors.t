#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How many message vectors VFs have, on a tree of files that does as the kernel does.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_host vectors 2 4 64
export PEER_STATE=$work/kernel
pci=sys/bus/pci/devices
rm $pci/0001:01:00.0/sriov_vf_total_msix # a card that can't

define() { # COUNT…: pools a, b, … of one VF of pf0 each, from 0 on; '-' leaves its number as it is
	local files=() names=(a b c d) vf=0 count
	for count; do
		pool "${names[vf]}" "dev='pf0' numvfs='4' vfs='$vf'" "$([ "$count" = - ] || echo "<vectors count='$count'/>")" >"${names[vf]}.xml"
		files+=("${names[vf]}.xml")
		vf=$((vf + 1))
	done
	v define "${files[@]}"
}
vectors() { # by the VFs' configuration space
	local vf
	for vf in 0 1 2 3; do
		echo $(($(od -An -tu2 -j114 -N2 $pci/0000:01:01.$vf/config) + 1))
	done | paste -s -d ' '
}
drivers() {
	local vf
	for vf in 0 1 2 3; do driver_here "0000:01:01.$vf"; done | paste -s -d ' '
}
driver_here() { # ADDRESS
	basename "$(readlink "$pci/$1/driver" || echo none)"
}
says_anyhow() { # PATTERN COMMAND…: its exit code
	local pattern=$1 out code=0
	shift
	out=$("$@" 2>&1) || code=$?
	grep -qE -- "$pattern" <<<"$out" || { echo "doesn't say $pattern: $out"; return 99; }
	return "$code"
}
t_applies() { # WHAT VECTORS
	t "$1" v apply
	t "  they are so" same "$2" "$(vectors)"
	t '  each has its driver' same 'vfio-pci vfio-pci vfio-pci vfio-pci' "$(drivers)"
	t '  again: nothing to do' says 'nothing to do' v apply
}

# ---- what is ----
t 'a card is not asked where no definition is about it' same 'null null' "$(v list --json | field vf_total_msix | paste -s -d ' ')"
define 8 - - - >/dev/null
t 'list has what the card and each VF have' says '"vf_total_msix": 64,' v list --json
shown() { # of the VFs of pf0, by list
	v list --json | grep '^          "vectors"' | field vectors | head -4 | paste -s -d ' '
}
t 'of each VF' same '16 16 16 16' "$(shown)"
last=$pci/0000:01:01.3/config
truncate -s 64 $last # as others than root see it
t 'what can'"'"'t be read is null' same '16 16 16 null' "$(shown)"
truncate -s 256 $last
t 'no capability, no number' same '16 16 16 null' "$(shown)"
printf '\x05\x70' | dd of=$last bs=1 seek=112 conv=notrunc status=none
printf '\x70' | dd of=$last bs=1 seek=52 conv=notrunc status=none
t 'a list of capabilities that goes in a circle ends' same '16 16 16 null' "$(shown)"
cp $pci/0000:01:01.2/config $last
while_locked() {
	mkdir -p run
	exec 9>>run/0000:01:00.0.lock
	flock 9
	same null "$(timeout 3 "$fake/vfpool" "${at[@]}" list --json 9>&- | field vf_total_msix | head -1)" &&
		says 'another vfpool is at work on pf0' with_stderr v apply --dry-run 9>&-
	local code=$?
	exec 9>&-
	return "$code"
}
t 'list doesn'"'"'t wait long for a PF that another vfpool is at work on' while_locked

# ---- what is wanted ----
t 'list: not as defined' says 'vf 0 .* not as defined' v list
t 'the plan' says '^pf0 vf 0: message vectors 16 → 8, without its driver vfio-pci meanwhile$' v apply --dry-run
t 'in JSON' says '"step": *"vectors"' v apply --dry-run --json
t 'which changes nothing' same '16 16 16 16' "$(vectors)"
t_applies 'fewer' '8 16 16 16'
t 'list: as defined' same 0 "$(v list | grep -c 'not as defined')"
t 'show --json has what is asked for' says '^  "vectors": 8' v show a --json
define 12 - - - >/dev/null
t_applies 'more' '12 16 16 16'
define 40 8 8 8 >/dev/null
t_applies 'some give before others take' '40 8 8 8'
t 'more than the card has: the file and its line' fails_with 1 "^vfpool: d.xml:3: <vectors count='9'/> makes 65 message vectors with the PF's other pools, but pf0 has 64" define 40 8 8 9
define 41 - - - >/dev/null

# ---- what doesn't go ----
full() {
	code_is 6 says_anyhow 'vf 0: message vectors 40 → 41.*FAILED: giving 0000:01:01.0 41 message vectors: No space left on device \(the PF.s other VFs have too many' v apply
}
t 'none are left: what the kernel said, and why' full
t 'the VF is as it was, with its driver' same '40 vfio-pci vfio-pci vfio-pci vfio-pci' "$(vectors | cut -d' ' -f1) $(drivers)"
define 20 - - - >/dev/null
touch $pci/0000:01:01.0/ignores_msix
t 'accepted and ignored: an error with what was asked and what there is' code_is 6 \
	says_anyhow 'vf 0: .*FAILED: 20 message vectors for 0000:01:01.0 were accepted, but it has 40' v apply
t 'it has its driver all the same' same vfio-pci "$(driver_here 0000:01:01.0)"
rm $pci/0000:01:01.0/ignores_msix

echo 1 >$pci/0000:01:01.0/enable # a guest has it
t 'in use: refused' code_is 4 says_anyhow 'vf 0: refused: it has 40 message vectors instead of 20, which can.t be changed while it is in use: ' v apply
t 'also with --live' code_is 4 says_anyhow 'vf 0: refused: it has 40' v apply --live
t 'nothing was done to it' same '40 vfio-pci' "$(vectors | cut -d' ' -f1) $(driver_here 0000:01:01.0)"
echo 0 >$pci/0000:01:01.0/enable
t_applies 'idle again' '20 8 8 8'

# ---- drivers ----
rm $pci/0000:01:01.0/driver
define 10 - - - >/dev/null
t_applies 'a VF without driver' '10 8 8 8'
pool a "dev='pf0' numvfs='4' vfs='0'" "<vectors count='11'/>" "<driver name='none'/>" >a.xml
v define a.xml >/dev/null
t 'one that is to have none' v apply
t 'has none' same '11 none (null)' "$(vectors | cut -d' ' -f1) $(driver_here 0000:01:01.0) $(cat $pci/0000:01:01.0/driver_override)"
t 'again: nothing to do' says 'nothing to do' v apply
define 12 - - - >/dev/null
echo vfio-pci >$pci/0000:01:01.0/refuse_probe
t 'a driver that doesn'"'"'t take it back: said' code_is 6 says_anyhow "vf 0: driver none → vfio-pci: FAILED: vfio-pci didn't take 0000:01:01.0" v apply
t 'the vectors are set' same 12 "$(vectors | cut -d' ' -f1)"
rm $pci/0000:01:01.0/refuse_probe
t 'the next apply binds it' says '^pf0 vf 0: driver none → vfio-pci$' v apply

# ---- where the number can't be read, as without CAP_SYS_ADMIN ----
define 5 - - - >/dev/null
cp $pci/0000:01:01.0/config whole
truncate -s 64 $pci/0000:01:01.0/config
t 'a VF that has its driver is left alone, with a note' same '1 0' "$(v apply 2>&1 | grep -c "can't be read, which takes CAP_SYS_ADMIN") $(v apply 2>/dev/null | grep -c vectors)"
t 'and keeps it' same vfio-pci "$(driver_here 0000:01:01.0)"
cp whole $pci/0000:01:01.0/config
t_applies 'when it can be read, it is done' '5 8 8 8'

# ---- a card that can't ----
pool other "dev='pf1' numvfs='4'" "<vectors count='8'/>" "<vlan><tag id='9'/></vlan>" >other.xml
t "it may be defined" v define other.xml
cant() {
	local out code=0
	out=$(v apply other 2>/dev/null) || code=$?
	same '6 1' "$code $(grep -c '^pf1: refused: igb gives its VFs a fixed number of message vectors' <<<"$out")"
}
t 'it is said, once' cant
t 'the rest is done' same 4 "$("$fake/links" kernel 2 4 | grep -c 'vlan 9')"
t 'and said again, the VFs left alone' same 1 "$(v apply other 2>/dev/null | wc -l)"
echo 0 >$pci/0001:01:00.0/sriov_vf_total_msix
t 'the same where the file says 0' cant
t 'its VFs are as defined' same 0 "$(v list | grep -c 'not as defined')"
tap_end
