#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Messages that are pasted whole: what is a fault in them is found, and what is none isn't.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
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

test_an_ordinary_boot_is_no_fault() {
	new_pf_host
	t 'some 350 lines of a boot: none of them is a fault' fails_with 5 "isn't known" explain "$boot"
}

test_a_fault_among_ordinary_lines_is_found() {
	local check text
	new_pf_host
	while IFS=$'\t' read -r check text; do
		{ cat "$boot"; printf '[  100.000000] %s\n' "$text"; cat "$boot"; } >messages
		explain messages --json 2>&1 | tr -d '\n' | grep -q "\"checks\": \[[^]]*\"$check\"" || echo "$text" >>lost
	done < <(grep -v -e ' answers: ' "$top/tests/data/errors" | awk 'NR % 4 == 1')
	t 'each fault between two boots: found' test ! -e lost
	{ cat "$boot"; echo '[  100.000000] vfio 0000:01:01.0: group 0 is not viable'; cat "$boot"; } >messages
	explain messages >said 2>/dev/null
	t 'the line that it is about is shown' grep -q '^The line: .*0000:01:01.0: group 0 is not viable$' said
	t "the group is the one of that line's device, not of the first address" grep -q '^.-0000:01:01.0 ' said
	printf 'RTNETLINK answers: all is well\r\nnothing else: Invalid argument\r\n' >messages
	t 'two halves of a fault in two lines are none' fails_with 5 "isn't known" explain messages
	printf 'x\0vfio 0000:01:01.0: group 0 is not viable\0y' >messages
	t 'text with NUL bytes in it is looked at whole' says 'not viable' explain messages
	{ printf '%07000d' 0; printf ' vfio 0000:01:01.0: group 0 is not viable '; printf '%07000d' 0; } >messages
	t 'a fault within a line of 14,000 bytes: found' says 'another device of the IOMMU group' explain messages
}

test_what_is_too_long_is_refused() {
	new_pf_host
	repeated 65536 'all is well' >most
	repeated 65537 'all is well' >longer
	t '64 KiB are taken' fails_with 5 "isn't known" explain most
	t 'one byte more: refused, with what to give instead' fails_with 1 'more than 64 KiB: .*dmesg \| tail' explain longer
	t 'one without an end: refused' eval "fails_with 1 'more than 64 KiB' v doctor --explain - < <(yes)"
	t 'nothing at all: usage' eval "usage 'no message' doctor --explain - </dev/null"
	t 'as an argument: refused too' fails_with 1 'more than 64 KiB' v doctor --explain "$(cat longer)"
}

run_tests
