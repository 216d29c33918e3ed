#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command line itself, on a tree of files in the place of /sys: words in, words out, exit codes, the manual page,
# completion, and what list, show, apply, network, udev and undefine say of one card.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

v() { # no fake kernel
	"${fake%/tests/fake}/vfpool" "${at[@]}" "$@"
}

# two_pools: a card with 7 VFs and no netdev, and pools a, for vfpool, and b, for libvirt, of them.
two_pools() {
	"$fake/tree" sys 1 7
	address="address='0000:01:00.0' numvfs='7'"
	pool a "$address vfs='0-3'" >a.xml
	pool b "$address vfs='4-6'" "<allocate by='libvirt'/>" >b.xml
	v define a.xml b.xml >/dev/null
}
verbs() {
	v --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}
hidden() { # PATTERN COMMAND…: it succeeds, and none of its lines matches
	local pattern=$1 out
	shift
	out=$("$@") || return
	! grep "$pattern" <<<"$out"
}

# ---- words ----

every_verb_has_help() {
	local verb
	for verb in $(verbs); do
		says "^Usage: vfpool $verb" v "$verb" --help || return
	done
}
the_manual_has_it_all() {
	local word
	for word in $(v --help | sed -n 's/^  \([a-z]*\|--[a-z-]*\) .*/\1/p'; for verb in $(verbs); do v "$verb" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'; done); do
		grep -qF -- "$word" <(sed 's/\\-/-/g' "$top/man/vfpool.8") || { echo "not in man/vfpool.8: $word"; return 1; }
	done
}

test_help_and_version() {
	t 'vfpool --help lists the verbs' says '^  alloc POOL --owner NAME' v --help
	t 'vfpool --version says its version' says '^vfpool [0-9]' v --version
	t 'every verb has its help' every_verb_has_help
	t 'the manual page has every verb and option' the_manual_has_it_all
}

test_wrong_usage() {
	"$fake/tree" sys 1 7
	t 'vfpool without a verb: usage' usage 'no verb'
	t 'an unknown verb is wrong usage' usage "no verb 'frob'" frob
	t 'an unknown option is wrong usage' usage "unknown option '--frob'" list --frob
	t 'an unknown global option is wrong usage' usage "unknown option '--frob'" --frob list
	t 'an argument too few is wrong usage' usage 'missing arguments' define
	t 'an argument too many is wrong usage' usage 'too many' list x
	t 'alloc without an owner: usage' usage 'owner' alloc a
	t 'alloc of a nic that is no number: usage' usage 'takes a number' alloc a --owner x --nic -1
	t 'network --start without --define: usage' usage "go with --define" network a --start
}

# ---- the host ----

test_list_and_show() {
	two_pools
	t 'list shows pools and their VFs' says 'vf 6 *0000:01:01.6 .* b *free' v list
	t 'list --json has the IOMMU group of a VF' says '"iommu_group": *6' v list --json
	t 'show has the VFs of the pool' says 'vf 3 *0000:01:01.3 .* a *free' v show a
	t 'show has no VF of another pool' hidden 'vf 4' v show a
	t 'show of a pool that is not there: not found' fails_with 5 "no pool 'nope'" v show nope
	echo 0x010802 >sys/bus/pci/devices/0000:01:00.0/class # an NVMe disk with SR-IOV
	t 'list has SR-IOV devices other than network cards' says '"network": *false' v list --json
}

apply_without_netdev() {
	local code=0 out
	out=$(v apply a 2>&1) || code=$?
	[ "$code" = 6 ] && grep -q 'vf 0.*FAILED.*no netdev' <<<"$out" || { echo "$code: $out"; return 1; }
}

test_apply_where_it_cannot() {
	two_pools
	t 'apply --dry-run prints the plan' says 'autoprobe off' v apply --dry-run
	t 'apply of a pool that is not there: not found' fails_with 5 "no pool 'nope'" v apply nope
	pool nosriov "address='ffff:00:02.0' numvfs='1'" >nosriov.xml
	v define nosriov.xml >/dev/null
	t 'apply, the card has no SR-IOV: not found, with the line' fails_with 5 'nosriov.xml:3: ffff:00:02.0 has no SR-IOV' v apply nosriov
	t 'apply, the PF has no netdev: each VF says why, exit code 6' apply_without_netdev
}

the_manual_has_each_field() {
	local field
	for field in $({ v list --json; v show a --json; v apply --dry-run --json; v iommu --json; anyhow v doctor --json; v doctor --explain EBUSY --json; } | sed -n 's/^ *"\([a-z_]*\)":.*/\1/p' | sort -u); do
		sed -n '/^.SH JSON/,/^.SH EXIT/p' "$top/man/vfpool.8" | grep -qw "$field" || { echo "not in man/vfpool.8: $field"; return 1; }
	done
	[ -n "$field" ]
}

test_the_manual_has_the_json() {
	two_pools
	t 'the manual page has every field of the JSON' the_manual_has_each_field
}

# ---- what others read ----

test_network_udev_and_undefine() {
	two_pools
	local rule='^SUBSYSTEM=="pci", .*KERNEL=="0000:01:00.0", .*ATTR{sriov_numvfs}="7"$'
	t 'network of a pool of some VFs of a card lists them' \
		says '<address type="pci" domain="0x0000" bus="0x01" slot="0x01" function="0x6"/>' v network b
	t 'network of a pool that vfpool allocates: an error' fails_with 1 "allocated by vfpool" v network a
	t 'udev: the rule names the port of its card' says "$rule" v udev a
	t 'udev: the rule names no driver' hidden '[iI][gG][bB]' v udev a
	t 'undefine of a pool says so' says 'undefined' v undefine b
	t 'undefine of a pool again: not found' fails_with 5 "no pool 'b'" v undefine b
}

# ---- completion ----

completes() { # PATTERN WORD…: what bash would offer for the last word
	local pattern=$1
	shift
	vfpool() { v "$@"; }
	. "$top/completions/vfpool"
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_vfpool
	says "$pattern" echo "${COMPREPLY[@]}"
}

test_completion() {
	two_pools
	v undefine b >/dev/null
	t 'completion offers the verbs that begin so' completes '^alloc$' vfpool al
	t 'completion offers the options of a verb' completes '^--dry-run$' vfpool apply --d
	t 'completion offers the pools that there are' completes '^a$' vfpool show ''
}

# ---- when writing fails ----

full_output() {
	local code=0 err
	err=$(v list 2>&1 >/dev/full) || code=$?
	[ "$code" = 1 ] && grep -q 'writing the output: No space left' <<<"$err" || { echo "$code: $err"; return 1; }
}

# proves: says-so
test_a_full_disk_behind_stdout() {
	two_pools
	t 'a full disk behind stdout is an error' full_output
}

run_tests
