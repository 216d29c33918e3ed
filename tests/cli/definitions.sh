# Definitions that are stored together. Read after host.sh and tests/lab/suite/lib.sh.
# shellcheck shell=bash

# a and b, which share a PF, in two forms that contradict each other when they are mixed.
definitions() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2-3'" >b.xml
	pool a "dev='pf0' numvfs='4' vfs='2-3'" >a2.xml
	pool b "dev='pf0' numvfs='4' vfs='0-1'" >b2.xml
}
# which: "old" or "new" when both files are of one form
which() {
	cmp -s etc/pools/a.xml a.xml && cmp -s etc/pools/b.xml b.xml && echo old
	cmp -s etc/pools/a.xml a2.xml && cmp -s etc/pools/b.xml b2.xml && echo new
}

# journal_of FILE…: that a define of them writes, on stdout
journal_of() {
	local file
	for file; do
		echo "store ${file%2.xml} 644 $(wc -c <"$file")"
		cat "$file"
	done
}
