#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rooms of the house: who includes whom, and what only one place may know.
cd "$(dirname "$0")/.." || exit
. tests/tap.sh

# A room's files include nothing of our own but what is listed.
includes_only() { # ROOM ALLOWED-PATTERN
	! grep -nE '^#include "' "src/$1"/*.[ch] | grep -vE "#include \"($2)"
}
# A pattern stands in no other file of src/ than those that FILES (grep -E) names.
only_in() { # FILES PATTERN
	! grep -rnE "$2" src --include='*.[chS]' | grep -vE "^($1)"
}
not_in() { # ROOM PATTERN
	! grep -rnE "$2" "src/$1"
}

# Who includes whom, a pair of files a line; a file's own header is the file.
arrows() { # FILE...
	grep -HE '^#include "' "$@" | sed -nE 's|^src/([^:]*)\.[ch]:#include "([^"]*)\.h"|\1 \2|p' | awk '$1 != $2'
}
no_circle() { # FILE...
	[ -n "$(arrows "$@")" ] && arrows "$@" | tsort 2>&1 >/dev/null
}
# The same by what is called: a room's face (host/host.h) is included by all of the room, and so hides who needs whom.
calls() { # FILE.c...
	perl -0777 -ne 's{/\*.*?\*/}{}gs; s/"(\\.|[^"\\])*"/""/gs; s/\b(struct) \w+/$1/g; $text{$ARGV} = $_;
		$home{$1} = $ARGV while /^(?!static\b)[a-z][\w *]*?\b(\w+)\([^;{}]*\)\s*\{/gm;
		END { for my $file (keys %text) { my %to;
			while ($text{$file} =~ /\b(\w+)\b/g) { $to{$home{$1}} = 1 if $home{$1} && $home{$1} ne $file }
			print "$file $_\n" for keys %to } }' "$@"
}
no_circle_of_calls() { # ROOM
	local files

	mapfile -t files < <(find "src/$1" -name '*.c')
	[ -n "$(calls "${files[@]}")" ] && calls "${files[@]}" | tsort 2>&1 >/dev/null
}
# A header that stands for several files would hide who of them needs whom.
headers_are_of_files() { # ROOM
	local header status=0

	while read -r header; do
		[ "$header" = "src/$1/$1.h" ] && continue # the room's face, for who is outside
		[ -e "${header%.h}.c" ] || { echo "$header: of which file?"; status=1; }
	done < <(find "src/$1" -name '*.h')
	return "$status"
}

# The manager's wings, each a folder, include the hall around them, and of the other wings those that are said here.
hall_includes_no_wing() {
	! grep -nE '^#include "manager/[^"]*/' src/manager/*.[ch]
}
wing_may_include() { # WING
	case $1 in
	apply) echo 'apply|bind' ;;
	guests) echo 'guests|lease' ;;
	doctor) echo '[a-z]+' ;;
	*) echo "$1" ;;
	esac
}
wings_keep_apart() {
	local wing status=0

	for wing in src/manager/*/; do
		wing=$(basename "$wing")
		! grep -rnE '^#include "manager/[^"]*/' "src/manager/$wing" |
			grep -vE "\"manager/($(wing_may_include "$wing"))/" || status=1
	done
	return "$status"
}

# A verb that takes back what another does may stand in that one's file: unbind in bind.c.
each_verb_has_its_file() {
	local verb status=0

	while read -r verb; do
		[ -e "src/verbs/$verb.c" ] || [ -e "src/verbs/${verb#un}.c" ] || { echo "$verb: where is it?"; status=1; }
	done < <(grep -oP '\bV\(\K[a-z]+' src/verbs.c)
	return $status
}
# The source of the files, without its comments and what its strings say, matches PATTERN nowhere.
code_has_no() { # PATTERN FILE...
	! perl -0777 -ne 'BEGIN { $pattern = shift } s{/\*.*?\*/}{}gs; s/"(\\.|[^"\\])*"/""/gs;
		print "$ARGV: $&\n" while /$pattern/g' "$@" | grep .
}
# Errors are handled in one way: r = a(); if (r < 0) return r;
assigned_in_condition='(?<!for )\(\s*\*?[\w.>\[\]-]+ [-+|&*\/]?= [^;{]*'
ladder='if \(r == 0[^;{]*\)\s+r = .*'
all_sources=(src/*.c src/*/*.[ch] src/*/*/*.[ch])

says_its_licence() {
	! find src include tests -name '*.[chS]' -exec grep -L 'SPDX-License-Identifier: LGPL-2.1-or-later' {} + | grep .
}

# A check's line stands alone: one of three words or fewer leans on the line before. A variable says it elsewhere.
names_stand_alone() {
	! perl -ne '
		my @names = ((/(?:^|[;&{]|\bdo|\bthen)\s*t (["\x27])(.*?)(?<!\\)\1 /)[1], /cmocka_unit_test\w*\((\w+)/);
		for (grep { defined && !/^\$\S*$/ } @names) { print "$ARGV:$.: $_\n" if (my @words = /[^\s_]+/g) < 4 }
		close ARGV if eof' tests/layers.t tests/cli/*.t tests/unit/*.c | grep .
}

# Each function of tests/cli has a host of its own; what stands outside of them would be shared.
tests_are_functions() {
	! grep -nE '^t(_[a-z]+)? ' tests/cli/*.t && ! grep -L '^run_tests$' tests/cli/*.t | grep .
}

t 'util/ includes only util/ and vfpool.h' includes_only util 'util/|vfpool\.h"'
t 'pool/ includes only util/ and vfpool.h' includes_only pool 'pool/|util/|vfpool\.h"'
t 'host/ includes only util/ and vfpool.h' includes_only host 'host/|util/|vfpool\.h"'
t 'ledger/ includes only util/ and vfpool.h' includes_only ledger 'ledger/|util/|vfpool\.h"'
t 'guest/ includes only util/ and vfpool.h' includes_only guest 'guest/|util/|vfpool\.h"'
t 'verbs/ includes only util/ and vfpool.h' includes_only verbs 'verbs/|util/|vfpool\.h"'
t 'the tool has no circle: no file of it needs one that needs it' no_circle src/main.c src/verbs.[ch] src/verbs/*.[ch]
t 'each verb is in the file of its name' each_verb_has_its_file
t 'verbs/ has no header but those of its files' headers_are_of_files verbs
t 'manager/ has no circle, in the hall and its wings' no_circle src/manager/*.[ch] src/manager/*/*.[ch]
t 'manager/ has no header but those of its files' headers_are_of_files manager
for room in util pool host ledger guest manager; do
	t "$room/ has no circle: no file of it calls one that calls it" no_circle_of_calls "$room"
done
for room in pool host guest ledger; do
	t "$room/ has no header but those of its files, and its face" headers_are_of_files "$room"
done
t 'manager/: the hall includes no wing' hall_includes_no_wing
t 'manager/: apply/ includes bind/, guests/ lease/, and doctor/ any: no other wing another one' wings_keep_apart
t 'only host/sysfs.c knows the paths of sysfs' only_in 'src/host/sysfs.c' '"[^"]*(bus/pci|class/net|module)/'
t 'only the context knows /sys' only_in 'src/manager/context.c' '"/sys[/"]'
t 'only host/rtnl.c speaks rtnetlink' only_in 'src/host/rtnl.c' '\b(RTM_|IFLA_)[A-Z]'
t 'only host/nlsock.c sends to the kernel' only_in 'src/host/nlsock.c' '\bnl_(send|recv|connect)'
t 'only guest/libvirt.c calls libvirt' only_in 'src/guest/libvirt.c' '\bvir(Connect|Network|Domain)[A-Z]|libvirt/libvirt\.h'
t 'only ledger/ knows SQL' only_in 'src/ledger/' '(SELECT|INSERT|UPDATE|DELETE|sqlite3_)'
t 'only the verbs print' only_in 'src/main\.c|src/verbs' '\b(printf|puts|putchar|vprintf)\(|\b(stdout|stderr)\b'
t 'only verbs/print.c prints what came from outside' only_in 'src/main\.c|src/verbs/(verb|print)\.c|src/(host|guest|ledger)/|[^:]*:[0-9]+:.*\b(fputs\((colour|"))' '\b(printf|puts|putchar|vprintf|fputs)\('
t 'pool/ asks the system nothing' not_in pool '\b(open|read|write|ioctl|time|fork)\('
t 'no shell is called' only_in 'none' '\b(system|popen)\('
t 'no environment variable is read' only_in 'none' '\bgetenv\('
t 'no condition is an assignment' code_has_no "$assigned_in_condition" "${all_sources[@]}"
t 'no ladder of if (r == 0) r = …' code_has_no "$ladder" "${all_sources[@]}"
t 'each test of the command line is a function' tests_are_functions
t 'the name of a check is more than three words' names_stand_alone
t 'every source says its licence' says_its_licence
tap_end
