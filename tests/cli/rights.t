#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What others than root are told, and whose programs vfpool runs.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# As somebody who can't read the ledger.
as_other() { # COMMAND…
	chmod 711 . .. && chmod -R a+rX sys etc run && chmod 700 state && chmod a+rw kernel
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		chmod 000 state
		"$@" || { chmod 700 state; return 1; }
		chmod 700 state
	fi
}
new_pool_host() { # [ELEMENT…]
	"$fake/tree" sys 1 2 --netdev
	export PEER_VFS=2 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='2'" "$@" >p.xml
	v define p.xml >/dev/null && v apply >/dev/null 2>&1 && v alloc p --owner web >/dev/null
}
json() { # PERL-EXPRESSION FILE: of the JSON $j
	perl -MJSON::PP -0777 -ne '$j = decode_json($_); $, = " "; print map { $_ // "null" } '"$1" "$2"
}

test_json_without_rights_says_what_it_does_not_know() {
	new_pool_host
	as_other "$fake/vfpool" "${at[@]}" list --json >list.json 2>said
	t 'list --json as another user: says that leases are for root' grep -q 'who leases what is for root' said
	t 'leases are null, not none' same null "$(json '$j->{leases}' list.json)"
	t "a VF's state, owner and as_defined are null" same 'null null null 0' \
		"$(json '@{$j->{pfs}[0]{vfs}[0]}{qw(state owner as_defined index)}' list.json)"
	as_other "$fake/vfpool" "${at[@]}" show p --json >show.json 2>said
	t 'show --json: leases and reservations are null' same 'null null' "$(json '@$j{qw(leases reservations)}' show.json)"
	v list --json >root.json
	t 'to root: the lease, its owner, and as defined' same '1 leased web 1' \
		"$(json '(scalar @{$j->{leases}}, @{$j->{pfs}[0]{vfs}[0]}{qw(state owner as_defined)})' root.json)"
	v release --owner web >/dev/null && v list --json >none.json
	t 'nobody leases: an empty list' same 0 "$(json 'scalar @{$j->{leases}}' none.json)"
}

# The only program of each name in PATH says that it ran.
evil_path() {
	local name
	mkdir evil
	for name in diff udevadm sh env modprobe; do
		printf '#!/bin/bash\necho "$0 $*" >>%q\nexit 1\n' "$work/ran" >evil/"$name"
		chmod 755 evil/"$name"
	done
}

# proves: outside
test_no_program_is_taken_from_the_callers_path() {
	local path
	new_pool_host
	evil_path
	v udev p --install >/dev/null 2>&1 || v udev p >rules/90-vfpool-p.rules
	echo '# mine' >>rules/90-vfpool-p.rules
	for path in "$work/evil" evil evil:/usr/bin '' .; do
		PATH=$path v udev p --diff >said 2>&1
		t "PATH=${path/*"$work"/…}, udev --diff: the system's diff" grep -q '^-# mine' said
		PATH=$path v udev p --install >said 2>&1
		PATH=$path v apply >said 2>&1
		PATH=$path v doctor >said 2>&1
		t "PATH=${path/*"$work"/…}: nothing that the caller has there ran" test ! -e ran
		echo '# mine' >>rules/90-vfpool-p.rules
	done
}

test_programs_get_no_environment_of_the_caller() {
	new_pool_host
	mkdir bin
	printf '#!/bin/sh\nenv >env\nexit 1\n' >bin/diff && chmod 755 bin/diff
	mkdir -p rules && echo '# mine' >rules/90-vfpool-p.rules
	EVIL=1 BASH_ENV=./evil LD_AUDIT='' v udev p --diff >said 2>&1
	t 'udev --diff of another environment: diff was run' test -s env
	t 'udev --diff: diff has nothing that the caller has set' same 0 "$(grep -c -e EVIL -e BASH_ENV -e LD_AUDIT env)"
}

run_tests
