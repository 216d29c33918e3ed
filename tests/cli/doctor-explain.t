#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# doctor --explain: each error message that is known by its check; of messages that are pasted whole, what is a fault in
# them is found, and what is none isn't.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/captured.sh
boot=$top/tests/data/boot-lines

new_pf_host() {
	"$fake/tree" sys 1 2 --netdev
	export PEER_VFS=2
}
explain() { # FILE [OPTION…]
	v doctor --explain - "${@:2}" <"$1"
}
# So many bytes of a text that is repeated.
repeated() { # BYTES TEXT
	yes "$2" | head -c "$1"
}

# ---- one message ----

explains() { # every text of the file by the check that it names
	local check text out
	while IFS=$'\t' read -r check text; do
		out=$(v doctor --explain "$text" --json) || { echo "not known: $text"; return 1; }
		tr -d '\n' <<<"$out" | grep -q "\"checks\": \[[^]]*\"$check\"" || { echo "$text: not by $check: $out"; return 1; }
		sed -n '/"checks"/,/]/s/^ *"\([a-z.-]*\)",\{0,1\}$/\1/p' <<<"$out" >>named
	done <"$top/tests/data/errors"
}

test_error_messages() {
	captured no-intremap
	t 'doctor --explain: every known error message is explained by its check' explains
	# The check guest is there when one is asked for.
	t "doctor --explain: what explains a message is one of the doctor's checks" same '' \
		"$(sort -u named | grep -vxF -f <(anyhow v doctor --json | field check; echo guest))"
	t 'doctor --explain says what the check finds here' says 'FAILED   interrupts: they aren' \
		v doctor --explain 'Failed to set iommu for container: Operation not permitted'
	t 'doctor --explain of a message on standard input' says 'two guests|one guest|IOMMU group has a driver' \
		v doctor --explain - <<<'vfio 0000:01:10.0: group 5 is not viable'
	t "doctor --explain tells of the group of the device that a message names" says '^.-0000:01:10.0 ' \
		v doctor --explain 'vfio 0000:01:10.0: group 13 is not viable.'
	t 'doctor --explain of an errno of something else: not known' \
		fails_with 5 "isn't known" v doctor --explain "Cannot access storage file '/x': Permission denied"
	t 'doctor --explain of an unknown message: not found' fails_with 5 "isn't known" v doctor --explain 'the moon is full'
}

# ---- messages that are pasted whole ----

test_an_ordinary_boot_is_no_fault() {
	new_pf_host
	t 'doctor --explain of some 350 lines of a boot: none of them is a fault' fails_with 5 "isn't known" explain "$boot"
}

test_a_fault_among_ordinary_lines_is_found() {
	local check text
	new_pf_host
	while IFS=$'\t' read -r check text; do
		{ cat "$boot"; printf '[  100.000000] %s\n' "$text"; cat "$boot"; } >messages
		explain messages --json 2>&1 | tr -d '\n' | grep -q "\"checks\": \[[^]]*\"$check\"" || echo "$text" >>lost
	done < <(grep -v -e ' answers: ' "$top/tests/data/errors" | awk 'NR % 4 == 1')
	t 'doctor --explain of each fault between two boots: it is found' test ! -e lost
	{ cat "$boot"; echo '[  100.000000] vfio 0000:01:01.0: group 0 is not viable'; cat "$boot"; } >messages
	explain messages >said 2>/dev/null
	t 'doctor --explain shows the line that it is about' grep -q '^The line: .*0000:01:01.0: group 0 is not viable$' said
	t "doctor --explain tells of the group of that line's device, not of the first address" grep -q '^.-0000:01:01.0 ' said
	printf 'RTNETLINK answers: all is well\r\nnothing else: Invalid argument\r\n' >messages
	t 'doctor --explain of two halves of a fault in two lines: none' fails_with 5 "isn't known" explain messages
	printf 'x\0vfio 0000:01:01.0: group 0 is not viable\0y' >messages
	t 'doctor --explain looks at a text with NUL bytes in it whole' says 'not viable' explain messages
	{ printf '%07000d' 0; printf ' vfio 0000:01:01.0: group 0 is not viable '; printf '%07000d' 0; } >messages
	t 'doctor --explain of a fault within a line of 14,000 bytes: it is found' says 'another device of the IOMMU group' explain messages
}

test_what_is_too_long_is_refused() {
	new_pf_host
	repeated 65536 'all is well' >most
	repeated 65537 'all is well' >longer
	t 'doctor --explain takes a message of 64 KiB' fails_with 5 "isn't known" explain most
	t 'doctor --explain of one byte more than 64 KiB: refused, with what to give instead' fails_with 1 'more than 64 KiB: .*dmesg \| tail' explain longer
	t 'doctor --explain of a message without an end: refused' eval "fails_with 1 'more than 64 KiB' v doctor --explain - < <(yes)"
	t 'doctor --explain of nothing at all: usage' eval "usage 'no message' doctor --explain - </dev/null"
	t 'doctor --explain of more than 64 KiB as an argument: refused, too' fails_with 1 'more than 64 KiB' v doctor --explain "$(cat longer)"
}

run_tests
