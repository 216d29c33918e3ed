#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Text from outside: what may come in as a name, and what goes out on a terminal and as JSON, whatever there is.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# A character of each kind that no name may have.
hostile=($'\e[31m' $'\177' $'\u009b2J' $'\u2028' $'\u202e' $'\u200b' $'\u200f' $'\u2066' $'\ufeff' $'\xff' $'\xe2\x82' $'\xc0\xaf'
	$'\xed\xa0\x80' $'\u00ad' $'\u061c' $'\U000e0041')

# The same shown: no control characters but ends of lines, no C1, none that turns or hides text, all of it UTF-8.
visible() { # stdin
	perl -MEncode -0777 -ne '$t = eval { decode("UTF-8", $_, 1) } // exit 1;
		exit($t =~ /[^\P{Cc}\n]|[\x{2028}\x{2029}\x{202a}-\x{202e}\x{200b}-\x{200f}\x{2060}-\x{206f}\x{feff}]/ ? 1 : 0)'
}
shows() { # COMMAND…: what it says on both is visible, and that is something
	"$@" >said 2>&1 || true
	[ -s said ] && visible <said || { od -c said; return 1; }
}
is_json() { # COMMAND…: what it prints is JSON, and visible
	"$@" >said.json && perl -MJSON::PP -0777 -ne 'decode_json($_)' said.json && visible <said.json
}
# Decoded by another's parser: the string at that place, as hex.
json_hex() { # PERL-EXPRESSION COMMAND…
	"${@:2}" | perl -MJSON::PP -MEncode -0777 -ne '$j = decode_json($_); print unpack("H*", encode("UTF-8", '"$1"'))'
}
refuses_each() { # CODE PATTERN COMMAND…: with each hostile text at the end of the command: it fails, visibly
	local text
	for text in "${hostile[@]}"; do
		{ code_is "$1" "${@:3:$#-3}" "${*: -1}$text" 2>said && grep -q "$2" said; } || { printf '%q\n' "$text"; return 1; }
		visible <said || return
	done
}
new_pool_host() { # [ELEMENT…]
	"$fake/tree" sys 1 2 --netdev
	export PEER_VFS=2 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='2'" "$@" >p.xml
	v define p.xml >/dev/null && v apply >/dev/null 2>&1
}
validates() {
	v validate "$1" >/dev/null 2>&1
}

# proves: outside
test_names_are_checked_at_the_door() {
	new_pool_host
	t 'alloc, an owner with a character that nobody sees: refused, shown without it' \
		refuses_each 2 "can't be an owner's name" v alloc p --owner web
	t 'rename to such a name: refused' refuses_each 2 "can't be an owner's name" v rename web web
	t 'hold, for such a reason: refused' refuses_each 1 "can't be a reason" v hold pf0 --reason bad
	t 'hold, for a reason in any script: kept as it is' v hold pf0 --reason 'Büro 東京 ✓'
	t "a hold's reason in any script is the one that was given" same 'Büro 東京 ✓' "$(sql 'SELECT held FROM pf WHERE held IS NOT NULL')"
	t 'names that were refused are nowhere in the ledger' same 0 "$(sql 'SELECT count(*) FROM lease')"
}

# proves: outside
test_definitions_are_checked_at_the_door() {
	local text
	"$fake/tree" sys 1 2 --netdev
	for text in "${hostile[@]}"; do
		pool q "dev='pf0' numvfs='2' vfs='0'" "<!-- harmless$text -->" >q.xml
		t "validate, a comment with $(printf %q "$text"): refused" fails_with 1 'q.xml:(4: there is a character|[04]: .*(UTF-8|PCDATA|Char|Comment))' v validate q.xml
		shows v validate q.xml || t 'its message is visible' false
	done
	pool q "dev='pf0' numvfs='2' vfs='0'" "<teaming bridge='br&#x202e;0'/>" >q.xml
	t "a name with a character reference to U+202E: refused, with its line" fails_with 1 'q.xml:4' v validate q.xml
	pool q "dev='pf0' numvfs='2' vfs='0'" "<!-- Büro $(printf '\t') 東京 -->" | sed 's/$/\r/' >q.xml
	t 'a comment in any script, in a file with CRLF: valid' validates q.xml
	{ printf '\xef\xbb\xbf' && cat q.xml; } >bom.xml
	t 'a byte order mark in front: valid' validates bom.xml
	pool q "dev='pf0' numvfs='2' vfs='0'" "<!-- one -->" $'<!-- \u202e -->' >q.xml
	t "refused with the line where it is" fails_with 1 'q.xml:5: .*invisible' v validate q.xml
}

# proves: outside
test_old_rows_are_escaped_at_the_exit() {
	new_pool_host
	v alloc p --owner web --vf 0 >/dev/null && v hold pf0 --vf 1 --reason bad >/dev/null
	sql "UPDATE history SET command = 'vfpool ' || CAST(x'ff1b5b33316de280aee282' AS TEXT)"
	sql "UPDATE vf SET held = CAST(x'c29be2808b80f09f9880f3a08181' AS TEXT) WHERE held IS NOT NULL"
	sql "UPDATE reservation SET owner = CAST(x'77e280ae6562' AS TEXT)"
	t 'history with bytes that are no text: JSON' is_json v history --json
	t 'history --json: a command keeps what can be kept' same 7666706f6f6c20efbfbd1b5b33316de280aeefbfbdefbfbd \
		"$(json_hex '$j->[0]{command}' v history --json)"
	t 'list with a reason that is no text: JSON' is_json v list --json
	t 'what nobody sees is there in JSON, as an escape' grep -q 'u009b\\u200b\\ufffd😀\\udb40\\udc41' said.json
	t 'show, an owner with U+202E: JSON' is_json v show p --json
	t 'list: nothing a terminal would obey or hide' shows v list
	t 'show: nothing a terminal would obey or hide' shows v show p
	t 'history: nothing a terminal would obey or hide' shows v history
	t 'hold, of what has such a reason: nothing a terminal would obey' shows v hold pf0 --vf 1 --reason $'\e[2J'
	t 'an owner of such a name gets a better one' v rename $'w\u202eeb' web2
	t 'an owner of such a name: its lease is released by the better one' v release --owner web2
}

# proves: outside
test_a_drivers_name_is_escaped() {
	local vf
	new_pool_host
	vf=$(echo sys/bus/pci/devices/0000:01:*/physfn | cut -d' ' -f1)
	printf 'vfio\xff\x1b[31m\xe2\x80\xae\n' >"${vf%/physfn}/driver_override"
	t 'list, a driver_override of no text: JSON' is_json v list --json
	t 'iommu, a driver_override of no text: JSON' is_json v iommu --json
	t 'doctor, a driver_override of no text: JSON' is_json anyhow v doctor --json
	t 'list, a driver_override of no text: visible' shows v list
	t 'doctor, a driver_override of no text: visible' shows v doctor
	t 'apply, a driver_override of no text: visible' shows v apply
}

test_notes_are_escaped() {
	new_pool_host "<allocate by='libvirt'/>"
	v hold pf0 --vf 1 --reason bad >/dev/null
	sql "UPDATE vf SET held = CAST(x'1b5b33316dc29be280aeff' AS TEXT) WHERE held IS NOT NULL"
	t 'network, whose note has a reason of escapes: visible' shows v network p
	t 'network, whose note has a reason of escapes: the VF is left out with a word' grep -q 'left out: held: ' said
	t 'apply, whose notes may have it: visible' shows v apply
	t 'hold over a reason of escapes: visible' shows v hold pf0 --vf 1 --reason good
	t 'an unknown option of escapes: visible' shows v list $'--\e]0;owned\a'
	t 'an unknown verb of escapes: visible' shows v $'\e]0;owned\a'
	t 'an unknown pool of escapes: visible' shows v show $'\e]0;owned\a'
	t 'an address of escapes: visible' shows v bind $'\u202e'
	t 'a number of escapes: visible' shows v hold pf0 --vf $'\u009b'
	t 'a file of escapes: visible' shows v validate $'\u009b.xml'
}

test_a_command_is_cut_between_characters() {
	local pad command
	new_pool_host
	for pad in a aa aaa aaaa; do
		command=$(printf "$pad"'%.0s' 1; printf 'ü€%.0s' {1..48})
		v alloc p --owner "$command" --vf 1 >/dev/null || t 'alloc' false
		command=$(sql "SELECT hex(command) FROM history ORDER BY id DESC LIMIT 1")
		t "a long command behind $pad: cut, the last character is whole" eval 'perl -e "print pack q(H*), $command" | visible &&
			[ ${#command} -gt 560 ] && [ "${command: -6}" != EFBFBD ] && [ "${command: -2}" != 3F ]'
		v release --owner "$(printf "$pad"'%.0s' 1; printf 'ü€%.0s' {1..48})" --forget >/dev/null
	done
	v hold pf0 --vf 1 --reason x$'\u202e' 2>/dev/null || v hold pf0 --reason "$(printf 'x%.0s' {1..400})" >/dev/null
	t 'history of all that: JSON' is_json v history --json
}

run_tests
