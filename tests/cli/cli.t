#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command line, on a tree of files in the place of /sys: words in, words out, exit codes.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_folder cli
"$fake/tree" sys 1 7

v() { # no fake kernel
	"${fake%/tests/fake}/vfpool" "${at[@]}" "$@"
}

# ---- words ----
t 'help lists the verbs' says '^  alloc POOL --owner NAME' v --help
t 'the version' says '^vfpool [0-9]' v --version
every_verb_has_help() {
	local verb
	for verb in $(v --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		says "^Usage: vfpool $verb" v "$verb" --help || return
	done
}
t 'every verb has its help' every_verb_has_help
the_manual_has_it_all() {
	local word
	for word in $(v --help | sed -n 's/^  \([a-z]*\|--[a-z-]*\) .*/\1/p'; for verb in $(v --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do v "$verb" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'; done); do
		grep -qF -- "$word" <(sed 's/\\-/-/g' "$top/man/vfpool.8") || { echo "not in man/vfpool.8: $word"; return 1; }
	done
}
t 'the manual page has every verb and option' the_manual_has_it_all
t 'no verb: 2' usage 'no verb'
t 'an unknown verb: 2' usage "no verb 'frob'" frob
t 'an unknown option: 2' usage "unknown option '--frob'" list --frob
t 'an unknown global option: 2' usage "unknown option '--frob'" --frob list
t 'an argument too few: 2' usage 'missing arguments' define
t 'an argument too many: 2' usage 'too many' list x
t 'alloc without owner: 2' usage 'owner' alloc a
t 'a nic that is no number: 2' usage 'takes a number' alloc a --owner x --nic -1
t 'network --start alone: 2' usage "go with --define" network a --start

# ---- definitions ----
address="address='0000:01:00.0' numvfs='7'"
pool a "$address vfs='0-3'" >a.xml
pool b "$address vfs='4-6'" "<allocate by='libvirt'/>" >b.xml
pool all "$address" "<allocate by='libvirt'/>" >all.xml
pool over "$address vfs='3,5'" >over.xml
pool more "address='0000:01:00.0' numvfs='8'" >more.xml
pool range "$address vfs='5-7'" >range.xml
pool nosriov "address='ffff:00:02.0' numvfs='1'" >nosriov.xml
printf '<pool>\n<name>x</name>\n<pf dev="e" numvfs="1">\n</pool>\n' >broken.xml
printf '<pool>\n<name>x</name>\n<pf dev="e" numvfs="1"/>\n<colour/>\n</pool>\n' >unknown.xml
head -c 300000 /dev/zero | tr '\0' ' ' >large.xml

t 'broken XML: its file and line' fails_with 1 'broken.xml:5: ' v define broken.xml
t 'an unknown element: its file and line' fails_with 1 'unknown.xml:4: .*colour' v define unknown.xml
t 'a file that is no file' fails_with 1 'opening nope.xml: No such file' v define nope.xml
t 'a file that is too large' fails_with 1 'large.xml is larger' v define large.xml
t 'a VF range outside numvfs' fails_with 1 'range.xml:3: vfs has VF 7, but' v define range.xml
t 'numvfs above what the card has' fails_with 1 'more.xml:3: .*0000:01:00.0 has 7 VFs at most' v define more.xml
t 'validate changes nothing' says 'valid definition of pool a' v validate a.xml
t 'define --dry-run changes nothing' says 'would be defined' v define a.xml --dry-run
t 'nothing was changed' test ! -e etc -a ! -e state
t 'define' says 'pool a defined' v define a.xml
t 'again' says 'unchanged' v define a.xml
t 'overlapping pools: both places' fails_with 1 'over.xml:3: VF 3 is already in pool a \(etc/pools/a.xml:3\)' v define over.xml
t 'the second pool' v define b.xml
t 'dumpxml gives back what was given' same "$(cat a.xml)" "$(v dumpxml a)"
t 'dumpxml of no pool: 5' fails_with 5 "no pool 'nope'" v dumpxml nope
t 'a name that leads elsewhere: 5' fails_with 5 'no pool' v dumpxml ../../etc/passwd
t 'no temporary file is left' sh -c '! ls etc/pools | grep -v "\.xml$"'
pool a "address='0000:01:00.0' numvfs='6' vfs='0-3'" >a6.xml
pool b "address='0000:01:00.0' numvfs='6' vfs='4-5'" "<allocate by='libvirt'/>" >b6.xml
t 'numvfs of a shared PF, changed in one pool alone' fails_with 1 "numvfs='6', but .*numvfs='7'.*several files" v define a6.xml
t 'in both at once' says '^pool b defined' v define a6.xml b6.xml
t 'both are stored' same "$(cat a6.xml b6.xml)" "$(v dumpxml a; v dumpxml b)"
t 'and back' says '^pool a defined' v define b.xml a.xml
t 'one pool in two files' fails_with 1 'a.xml and a6.xml both define pool a' v define a.xml a6.xml
cp a.xml etc/pools/other.xml
t 'a file with another name than its pool: named, and the pools are listed' says 'note: .*file must be a.xml' with_stderr v list
rm etc/pools/other.xml

# ---- the host ----
t 'list shows pools and VFs' says 'vf 6 *0000:01:01.6 .* b *free' v list
t 'list --json is JSON with everything' says '"iommu_group": *6' v list --json
t 'show' says 'vf 3 *0000:01:01.3 .* a *free' v show a
t 'show has only its own VFs' sh -c '! echo "$1" | grep "vf 4"' sh "$(v show a)"
t 'show of no pool: 5' fails_with 5 "no pool 'nope'" v show nope
t 'the plan' says 'autoprobe off' v apply --dry-run
t 'apply of no pool: 5' fails_with 5 "no pool 'nope'" v apply nope
v define nosriov.xml >/dev/null
t 'a card without SR-IOV: 5' fails_with 5 'nosriov.xml:3: ffff:00:02.0 has no SR-IOV' v apply nosriov
v undefine nosriov >/dev/null
apply_without_netdev() {
	local code=0 out
	out=$(v apply a 2>&1) || code=$?
	[ "$code" = 6 ] && grep -q 'vf 0.*FAILED.*no netdev' <<<"$out" || { echo "$code: $out"; return 1; }
}
t 'a PF without netdev: each VF says why, 6' apply_without_netdev

the_manual_has_each_field() {
	local field
	for field in $({ v list --json; v show a --json; v apply --dry-run --json; v iommu --json; anyhow v doctor --json; v doctor --explain EBUSY --json; } | sed -n 's/^ *"\([a-z_]*\)":.*/\1/p' | sort -u); do
		sed -n '/^.SH JSON/,/^.SH EXIT/p' "$top/man/vfpool.8" | grep -qw "$field" || { echo "not in man/vfpool.8: $field"; return 1; }
	done
}
t 'the manual page has every field of the JSON' the_manual_has_each_field
echo 0x010802 >sys/bus/pci/devices/0000:01:00.0/class # an NVMe disk with SR-IOV
t 'other SR-IOV devices are listed' says '"network": *false' v list --json
pool disk "address='0000:01:00.0' numvfs='7'" >disk.xml
v undefine a >/dev/null; v undefine b >/dev/null
t 'but have no pools' fails_with 1 'disk.xml:3: 0000:01:00.0 is no network card' v define disk.xml
echo 0x020000 >sys/bus/pci/devices/0000:01:00.0/class
v define a.xml >/dev/null; v define b.xml >/dev/null

# ---- what others read ----
t 'the network of a pool with some VFs lists them' says '<address type="pci" domain="0x0000" bus="0x01" slot="0x01" function="0x6"/>' v network b
t 'a pool of the other kind: a refusal' fails_with 1 "allocated by vfpool" v network a
rule='^SUBSYSTEM=="pci", .*KERNEL=="0000:01:00.0", .*ATTR{sriov_numvfs}="7"$'
t 'the rule names its port' says "$rule" v udev a
t 'it names no driver' sh -c '! echo "$1" | grep -i igb' sh "$(v udev a)"
t 'undefine' says 'undefined' v undefine b
t 'undefine again: 5' fails_with 5 "no pool 'b'" v undefine b

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
t 'completes verbs' completes '^alloc$' vfpool al
t 'completes options of a verb' completes '^--dry-run$' vfpool apply --d
t 'completes pools' completes '^a$' vfpool show ''

# ---- when writing fails ----
full_output() {
	local code=0 err
	err=$(v list 2>&1 >/dev/full) || code=$?
	[ "$code" = 1 ] && grep -q 'writing the output: No space left' <<<"$err" || { echo "$code: $err"; return 1; }
}
t 'a full disk behind stdout is an error' full_output
tap_end
