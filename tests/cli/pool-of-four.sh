# A pool of four VFs on one card, and what the tests of its ledger's files look at. Read after host.sh and
# tests/lab/suite/lib.sh.
# shellcheck shell=bash

# a_pool: a, of four VFs, applied.
a_pool() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}
leases() {
	sql 'SELECT owner FROM held ORDER BY owner' | paste -sd ' '
}
inode() {
	stat -c %i state/ledger.db
}
mode() {
	stat -c %a "$@" | paste -sd ' '
}

lease_of() { # OWNER
	v alloc a --owner "$1" --json | field lease
}
links() {
	"$fake/links" kernel 1 4
}
