#!/bin/bash
# The cases of suite/ in the lab: cases.t [--list] [WORD…] runs those with one of these words in their name, and what they
# go on from; with --list it says which cases share which boot.
#
# Each says in its head which machine it needs:
#   # lab: chain=boot boot=2 cards=2 after=boot/install
# Cases of one chain share its disk, those of one boot the machine, in the order of their names but for `after`. Two
# chains run side by side. Further words: crowded, iommu-off, no-intremap, before=N (cards, see run), long-cards=N (so many in check-long), cut (its end is a
# power cut), cut=long (in check-long alone), long (a case for check-long alone).
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
. "$here/common.sh"
long=${VFPOOL_LONG:-}
list=
[ "${1-}" != --list ] || { list=yes; shift; }
words=("$@")
work=$(mktemp -d "${TMPDIR:-/tmp}/vfpool-cases.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'stop_below $$; exit 143' TERM INT HUP

# The chains that take longest come first, so that the lanes end together.
first=(guests boot pools doctor apply)
declare -A head chosen machine in_boot boots_of
chains=()

main() {
	local chain lane
	read_heads || bail "a case whose machine isn't known"
	choose
	plan || bail 'cases of one boot that need different machines'
	[ ${#chains[@]} -gt 0 ] || bail "no case has ${words[*]} in its name"
	if [ -n "$list" ]; then
		list_boots
		return
	fi
	case " ${chains[*]} " in *' boot '*)
		rm -rf "$here/../../build/boot"
		make -s -C "$here/../.." install DESTDIR=build/boot >&2 || bail 'make install failed'
		;;
	esac
	"$here/build" | sed -u "s|^|# |"
	printf '%s\n' "${chains[@]}" >"$work/queue"
	for ((lane = 0; lane < $(lanes); lane++)); do
		run_lane &
	done
	wait
	! grep -h '^Bail out' "$work"/*.tap || exit 1
	for chain in "${chains[@]}"; do [ -e "$work/$chain.tap" ] || bail "$chain didn't run"; done
	cat "$work"/*.tap >"$work/all"
	tap_plan "$work/all"
	! grep -q '^not ok' "$work/all"
}

# stop_below PROCESS: ends all that it has started.
stop_below() {
	local child
	for child in $(pgrep -P "$1"); do
		stop_below "$child"
		kill "$child" 2>/dev/null
	done
}

bail() {
	echo "Bail out! $1"
	exit 1
}

# An emulated machine takes one processor, and mostly all of it.
lanes() {
	local processors
	processors=$(nproc)
	echo $((processors < 2 ? 1 : processors < 4 ? 2 : processors / 2))
}

# word CASE NAME: the value that its head has for it; for a word without a value, itself.
word() {
	local pair
	for pair in ${head[$1]}; do
		case $pair in "$2") echo "$2" ;; "$2="*) echo "${pair#*=}" ;; esac
	done
}

read_heads() {
	local path
	for path in "$here"/suite/*/*; do
		head[${path#"$here/suite/"}]=$(sed -n 's/^# lab: //p' "$path")
	done
	for path in "${!head[@]}"; do
		[ -n "$(word "$path" chain)" ] && [ -n "$(word "$path" boot)" ] && [ -n "$(word "$path" cards)" ] ||
			{ echo "# $path: no '# lab: chain=… boot=… cards=…' in its head"; return 1; }
	done
}

choose() {
	local case each
	for case in "${!head[@]}"; do
		if [ ${#words[@]} = 0 ]; then
			[ -z "$long" ] && [ -n "$(word "$case" long)" ] || chosen[$case]=yes
		fi
		for each in "${words[@]}"; do
			[[ $case != *"$each"* ]] || take "$case"
		done
	done
}

take() { # CASE, and what it goes on from
	local after
	chosen[$1]=yes
	after=$(word "$1" after)
	[ -z "$after" ] || take "$after"
}

# Which boots each chain has, what machine each is, and which cases run in it.
plan() {
	local case chain boot options
	for case in $(printf '%s\n' "${!chosen[@]}" | sort); do
		chain=$(word "$case" chain)
		options="--cards $(word "$case" cards)"
		[ -z "$long" ] || [ -z "$(word "$case" long-cards)" ] || options="--cards $(word "$case" long-cards)"
		[ -z "$(word "$case" before)" ] || options+=" --before $(word "$case" before)"
		for boot in crowded iommu-off no-intremap; do
			[ -z "$(word "$case" $boot)" ] || options+=" --$boot"
		done
		for boot in $(word "$case" boot | tr , ' '); do
			[ "${machine[$chain $boot]:-$options}" = "$options" ] || { echo "# $case: $options, and others of its boot ${machine[$chain $boot]}"; return 1; }
			machine[$chain $boot]=$options
			in_boot[$chain $boot]+=" $case"
			case " ${boots_of[$chain]:-} " in *" $boot "*) ;; *) boots_of[$chain]+=" $boot" ;; esac
		done
	done
	for chain in "${first[@]}" "${!boots_of[@]}"; do
		[ -n "${boots_of[$chain]:-}" ] || continue
		case " ${chains[*]} " in *" $chain "*) ;; *) chains+=("$chain") ;; esac
	done
}

# boots CHAIN: the numbers of its boots, in order.
boots() {
	tr ' ' '\n' <<<"${boots_of[$1]}" | grep . | sort -n
}

list_boots() {
	local chain boot
	for chain in "${chains[@]}"; do
		for boot in $(boots "$chain"); do
			# shellcheck disable=SC2086
			echo "$chain $boot: run ${machine[$chain $boot]}: $(sorted ${in_boot[$chain $boot]} | paste -sd ' ')"
		done
	done
}

run_lane() {
	local chain tries
	while chain=$(next_chain) && [ -n "$chain" ]; do
		for tries in 1 2 3; do
			run_chain "$chain" | while IFS= read -r line; do printf '%s\n' "$line"; done
			[ -e "$work/$chain.again" ] || break
			rm -f "$work/$chain.again" "$work/$chain.disk"
			[ "$tries" = 3 ] && echo "Bail out! the emulator broke three times in $chain" | tee -a "$work/$chain.tap"
		done
	done
}

next_chain() {
	(
		flock 9
		head -n 1 "$work/queue"
		sed -i 1d "$work/queue"
	) 9>"$work/lock"
}

# run_chain CHAIN: its boots, one after the other. What it says is kept in $work/CHAIN.tap.
run_chain() {
	local chain=$1 disk=$work/$1.disk said=$work/$1.said boot code last keep from tap=$work/$1.tap
	local boots promised=() in_order lab
	mapfile -t boots < <(boots "$chain")
	for boot in "${boots[@]}"; do
		from=$SECONDS
		# shellcheck disable=SC2086
		mapfile -t in_order < <(sorted ${in_boot[$chain $boot]})
		last=${in_order[-1]}
		keep=()
		[ ${#boots[@]} = 1 ] || keep=(--disk "$disk")
		# shellcheck disable=SC2086,SC2206
		lab=("$here/run" --share "$here/../.." --timeout 1500 ${machine[$chain $boot]} "${keep[@]}"
			"$here/suite/cases" "$boot" "$long" "${in_order[@]}" -- "${promised[@]}")
		promised=()
		if is_cut "$(word "$last" cut)"; then
			power_cut "$said" "${lab[@]}" | tee -a "$tap"
			t "$last: the file system is whole after the power cut" file_system_is_whole "$disk" | tee -a "$tap"
			mapfile -t promised < <(promises "$said")
		else
			"${lab[@]}" | tee -a "$tap"
			code=${PIPESTATUS[0]}
			[ "$code" != 126 ] || { : >"$work/$chain.again"; return; }
			[ "$code" -le 1 ] || { echo "Bail out! exit code $code of boot $boot of $chain" | tee -a "$tap"; return; }
		fi
		echo "# boot $boot of $chain: $((SECONDS - from)) s"
	done
	rm -f "$disk"
}

is_cut() {
	[ "$1" = cut ] || { [ "$1" = long ] && [ -n "$long" ]; }
}

is_continued() { # CASE: another one goes on from it
	local case
	for case in "${!chosen[@]}"; do
		[ "$(word "$case" after)" != "$1" ] || return 0
	done
	return 1
}

# sorted CASE…: first those that go on from a boot before, last those from which the next boot goes on.
sorted() {
	local case after left=() done=' ' rest
	for case; do [ -z "$(word "$case" after)" ] || left+=("$case"); done
	for case; do [ -n "$(word "$case" after)" ] || is_continued "$case" || left+=("$case"); done
	for case; do [ -n "$(word "$case" after)" ] || ! is_continued "$case" || left+=("$case"); done
	while [ ${#left[@]} -gt 0 ]; do
		rest=()
		for case in "${left[@]}"; do
			after=$(word "$case" after)
			if [[ " ${left[*]} " == *" $after "* && -n $after && $done != *" $after "* ]]; then
				rest+=("$case")
			else
				echo "$case"
				done+="$case "
			fi
		done
		left=("${rest[@]}")
	done
}

# power_cut SAID COMMAND…: runs it until some moment after it has said that the power may be cut. What it says until then
# is in the file SAID; the checks are shown too.
power_cut() {
	local said=$1 runner shown
	shift
	: >"$said"
	setsid "$@" >"$said" 2>&1 &
	runner=$!
	tail -n +1 -f -s 0.5 --pid="$runner" "$said" | grep --line-buffered -E '^(ok|not ok|#)' &
	shown=$!
	while kill -0 $runner 2>/dev/null && ! grep -q '^cut here' "$said"; do sleep 0.2; done
	sleep $((RANDOM % 8 + 3)).$((RANDOM % 10))
	kill -KILL $runner # and QEMU with it
	wait $runner 2>/dev/null
	wait "$shown"
	grep -q '^cut here' "$said" || echo "not ok - the power was to be cut, and the script had ended: $(tail -n 1 "$said")"
}

# What must be there after a cut: each lease that was printed and not yet given back.
promises() {
	sed -n 's/^promise //p' "$1" | while read -r promise; do
		grep -qx "release ${promise%=*}" "$1" || echo "$promise"
	done
}

# The disk as the power cut left it: its journal makes it whole.
file_system_is_whole() {
	local image
	image=$(image_folder /var/cache/vfpool-lab)
	tree_program "$image" qemu-img convert -O raw "$1" "$1.raw" && e2fsck -fy "$1.raw" >"$1.fsck" 2>&1
	[ $? -le 1 ] || { cat "$1.fsck"; return 1; }
	rm "$1.raw"
}

main
