#!/bin/bash
# The host over reboots and power cuts, on one disk: everything comes back by vfpool's units. The tests are in suite/.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
. "$here/common.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/vfpool-boot.XXXXXX")
trap 'rm -rf "$work"' EXIT
: >"$work/tap"

lab() { # PART OPTION… [-- ARGUMENT…]
	local part=$1 options=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
	"$here/run" --disk "$work/disk" --share "$here/../.." --timeout 1500 "${options[@]}" "$here/suite/$part" "${@:2}"
}
boot() { # likewise, to its end
	tap_in_lab "$work/tap" lab "$@"
}

# Likewise, until some moment after it has said that the power may be cut. What it says until then is in $work/said.
power_cut() {
	local runner
	setsid "$here/run" --disk "$work/disk" --share "$here/../.." --timeout 600 --cards 2 "$here/suite/$1" "${@:2}" >"$work/said" 2>&1 &
	runner=$!
	while kill -0 $runner 2>/dev/null && ! grep -q '^cut here' "$work/said"; do sleep 0.2; done
	sleep $((RANDOM % 8 + 3)).$((RANDOM % 10))
	kill -KILL $runner # and QEMU with it
	wait $runner 2>/dev/null
	grep -E '^(ok|not ok|#)' "$work/said" | tee -a "$work/tap"
}

# What must be there after a cut: each lease that was printed and not yet given back.
promises() {
	sed -n 's/^promise //p' "$work/said" | while read -r promise; do
		grep -qx "release ${promise%=*}" "$work/said" || echo "$promise"
	done
}

# The disk as the power cut left it: its journal makes it whole.
file_system_is_whole() {
	local image
	image=$(image_folder /var/cache/vfpool-lab)
	tree_program "$image" qemu-img convert -O raw "$work/disk" "$work/raw" && e2fsck -fy "$work/raw" >"$work/fsck" 2>&1
	[ $? -le 1 ] || { cat "$work/fsck"; return 1; }
	rm "$work/raw"
}

rm -rf "$here/../../build/boot"
make -s -C "$here/../.." install DESTDIR=build/boot >&2 || exit
boot boot-1 --cards 2
boot boot-2 --cards 2
power_cut boot-3
t 'the power was cut among allocs' says '^promise ' cat "$work/said" | tee -a "$work/tap"
t 'the file system is whole' file_system_is_whole | tee -a "$work/tap"
mapfile -t promised < <(promises)
power_cut boot-4 "${promised[@]}"
t 'the file system is whole after a cut among applies' file_system_is_whole | tee -a "$work/tap"
boot boot-5 --before 1 --cards 1
# How long that takes, beside the other ways: four more boots.
if [ -n "${VFPOOL_LONG:-}" ]; then
	rm "$work/disk"
	boot times -- nobody service
	boot times -- service rule
	boot times -- rule link
	boot times -- link nobody
fi
tap_plan "$work/tap"
