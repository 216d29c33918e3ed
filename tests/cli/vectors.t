#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How many message vectors VFs have, and apply gives them, on a tree of files that does as the kernel does.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

pci=sys/bus/pci/devices

# cards: pf0 has 64 message vectors for its four VFs, of which each has 16; pf1 can't.
cards() {
	"$fake/tree" sys 2 4 --netdev 64
	export PEER_VFS=4 PEER_STATE=$work/kernel
	rm $pci/0001:01:00.0/sriov_vf_total_msix
}
define() { # COUNT…: pools a, b, … of one VF of pf0 each, from 0 on; '-' leaves its number as it is
	local files=() names=(a b c d) vf=0 count
	for count; do
		pool "${names[vf]}" "dev='pf0' numvfs='4' vfs='$vf'" "$([ "$count" = - ] || echo "<vectors count='$count'/>")" >"${names[vf]}.xml"
		files+=("${names[vf]}.xml")
		vf=$((vf + 1))
	done
	v define "${files[@]}"
}
applied() { # COUNT…: defined so and applied
	cards
	define "$@" >/dev/null && v apply >/dev/null 2>&1
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
	t "apply, $1: it does that" v apply
	t "apply, $1: the vectors are so" same "$2" "$(vectors)"
	t "apply, $1: each VF has its driver" same 'vfio-pci vfio-pci vfio-pci vfio-pci' "$(drivers)"
	t "apply, $1: then there is nothing to do" says 'nothing to do' v apply
}

# ---- what is ----

shown() { # of the VFs of pf0, by list
	v list --json | grep '^          "vectors"' | field vectors | head -4 | paste -s -d ' '
}

test_list_tells_of_vectors() {
	cards
	t 'list asks no card where no definition is about vectors' same 'null null' "$(v list --json | field vf_total_msix | paste -s -d ' ')"
	define 8 - - - >/dev/null
	t 'list --json has how many vectors a card has for its VFs' says '"vf_total_msix": 64,' v list --json
	t 'list --json has how many vectors each VF has' same '16 16 16 16' "$(shown)"
	local last=$pci/0000:01:01.3/config
	truncate -s 64 $last # as others than root see it
	t "list --json of a VF whose vectors can't be read: null" same '16 16 16 null' "$(shown)"
	truncate -s 256 $last
	t 'list --json of a VF without that capability: null' same '16 16 16 null' "$(shown)"
	printf '\x05\x70' | dd of=$last bs=1 seek=112 conv=notrunc status=none
	printf '\x70' | dd of=$last bs=1 seek=52 conv=notrunc status=none
	t 'list --json of a VF whose list of capabilities goes in a circle: null' same '16 16 16 null' "$(shown)"
}

test_list_does_not_wait_for_a_pf() {
	cards
	define 8 - - - >/dev/null
	mkdir -p run
	exec 9>>run/0000:01:00.0.lock
	flock 9
	t 'list --json of a PF that another vfpool is at work on: null, soon' same null \
		"$(timeout 3 "$fake/vfpool" "${at[@]}" list --json 9>&- | field vf_total_msix | head -1)"
	t 'apply --dry-run of a PF that another vfpool is at work on: says so' \
		says 'another vfpool is at work on pf0' with_stderr v apply --dry-run 9>&-
	exec 9>&-
}

# ---- what is wanted ----

test_apply_plans_vectors() {
	applied - - - -
	define 8 - - - >/dev/null
	t 'list, a VF has other vectors: not as defined' says 'vf 0 .* not as defined' v list
	t 'apply --dry-run has the vectors of a VF, and that it is without driver meanwhile' \
		says '^pf0 vf 0: message vectors 16 → 8, without its driver vfio-pci meanwhile$' v apply --dry-run
	t 'apply --dry-run --json has the step' says '"step": *"vectors"' v apply --dry-run --json
	t 'apply --dry-run changes no vectors' same '16 16 16 16' "$(vectors)"
	t_applies 'fewer vectors for a VF' '8 16 16 16'
	t 'list after apply of vectors: as defined' same 0 "$(v list | grep -c 'not as defined')"
	t 'show --json has how many vectors are asked for' says '^  "vectors": 8' v show a --json
}

test_apply_moves_vectors_between_vfs() {
	applied 8 - - -
	define 12 - - - >/dev/null
	t_applies 'more vectors for a VF' '12 16 16 16'
	define 40 8 8 8 >/dev/null
	t_applies 'some VFs give vectors before others take them' '40 8 8 8'
	t 'define of more vectors than the card has: the file and its line' \
		fails_with 1 "^vfpool: d.xml:3: <vectors count='9'/> makes 65 message vectors with the PF's other pools, but pf0 has 64" define 40 8 8 9
}

# ---- what doesn't go ----

# proves: read-back says-so
test_apply_where_too_few_vectors_are_left() {
	applied 40 8 8 8
	define 41 - - - >/dev/null
	t 'apply, too few vectors are left: what the kernel said, and why' code_is 6 \
		says_anyhow 'vf 0: message vectors 40 → 41.*FAILED: giving 0000:01:01.0 41 message vectors: No space left on device \(the PF.s other VFs have too many' v apply
	t 'apply, too few vectors are left: the VF is as it was, with its driver' \
		same '40 vfio-pci vfio-pci vfio-pci vfio-pci' "$(vectors | cut -d' ' -f1) $(drivers)"
	define 20 - - - >/dev/null
	touch $pci/0000:01:01.0/ignores_msix
	t 'apply, vectors are accepted and ignored: an error has what was asked and what there is' code_is 6 \
		says_anyhow 'vf 0: .*FAILED: 20 message vectors for 0000:01:01.0 were accepted, but it has 40' v apply
	t 'apply, vectors are accepted and ignored: the VF has its driver all the same' same vfio-pci "$(driver_here 0000:01:01.0)"
}

# proves: in-use
test_apply_of_vectors_to_a_vf_in_use() {
	applied 40 8 8 8
	define 20 - - - >/dev/null
	echo 1 >$pci/0000:01:01.0/enable # a guest has it
	t 'apply, a VF with other vectors is in use: refused' code_is 4 \
		says_anyhow 'vf 0: refused: it has 40 message vectors instead of 20, which can.t be changed while it is in use: ' v apply
	t 'apply --live, a VF with other vectors is in use: refused' code_is 4 says_anyhow 'vf 0: refused: it has 40' v apply --live
	t 'apply, a VF with other vectors is in use: nothing was done to it' \
		same '40 vfio-pci' "$(vectors | cut -d' ' -f1) $(driver_here 0000:01:01.0)"
	echo 0 >$pci/0000:01:01.0/enable
	t_applies 'a VF with other vectors is idle again' '20 8 8 8'
}

# ---- drivers ----

test_apply_of_vectors_and_drivers() {
	applied 20 8 8 8
	rm $pci/0000:01:01.0/driver
	define 10 - - - >/dev/null
	t_applies 'other vectors for a VF without driver' '10 8 8 8'
	pool a "dev='pf0' numvfs='4' vfs='0'" "<vectors count='11'/>" "<driver name='none'/>" >a.xml
	v define a.xml >/dev/null
	t 'apply of vectors to a VF that is to have no driver' v apply
	t 'apply of vectors to a VF that is to have no driver: it has none' same '11 none (null)' \
		"$(vectors | cut -d' ' -f1) $(driver_here 0000:01:01.0) $(cat $pci/0000:01:01.0/driver_override)"
	t 'apply again to a VF that is to have no driver: nothing to do' says 'nothing to do' v apply
	define 12 - - - >/dev/null
	echo vfio-pci >$pci/0000:01:01.0/refuse_probe
	t "apply of vectors, a driver doesn't take its VF back: an error" code_is 6 \
		says_anyhow "vf 0: driver none → vfio-pci: FAILED: vfio-pci didn't take 0000:01:01.0" v apply
	t "apply of vectors, a driver doesn't take its VF back: the vectors are set" same 12 "$(vectors | cut -d' ' -f1)"
	rm $pci/0000:01:01.0/refuse_probe
	t "apply after a driver didn't take its VF back binds it" says '^pf0 vf 0: driver none → vfio-pci$' v apply
}

# As without CAP_SYS_ADMIN.
test_apply_where_vectors_cannot_be_read() {
	applied 12 8 8 8
	define 5 - - - >/dev/null
	cp $pci/0000:01:01.0/config whole
	truncate -s 64 $pci/0000:01:01.0/config
	t "apply, the vectors of a VF can't be read: it is left alone, with a note" same '1 0' \
		"$(v apply 2>&1 | grep -c "can't be read, which takes CAP_SYS_ADMIN") $(v apply 2>/dev/null | grep -c vectors)"
	t "apply, the vectors of a VF can't be read: it keeps its driver" same vfio-pci "$(driver_here 0000:01:01.0)"
	cp whole $pci/0000:01:01.0/config
	t_applies 'the vectors of a VF can be read again' '5 8 8 8'
}

# ---- a card that can't ----

cant() {
	local out code=0
	out=$(v apply other 2>/dev/null) || code=$?
	same '6 1' "$code $(grep -c '^pf1: refused: igb gives its VFs a fixed number of message vectors' <<<"$out")"
}

test_a_card_with_a_fixed_number_of_vectors() {
	cards
	pool other "dev='pf1' numvfs='4'" "<vectors count='8'/>" "<vlan><tag id='9'/></vlan>" >other.xml
	t "define of vectors on a card with a fixed number is taken" v define other.xml
	t 'apply, the card has a fixed number of vectors: said once' cant
	t 'apply, the card has a fixed number of vectors: the rest is done' same 4 "$("$fake/links" kernel 2 4 | grep -c 'vlan 9')"
	t 'apply again, the card has a fixed number of vectors: said again, the VFs left alone' same 1 "$(v apply other 2>/dev/null | wc -l)"
	echo 0 >$pci/0001:01:00.0/sriov_vf_total_msix
	t 'apply, the card says that it has 0 vectors: said once' cant
	t 'list, the card has a fixed number of vectors: its VFs are as defined' same 0 "$(v list | grep -c 'not as defined')"
}

run_tests
