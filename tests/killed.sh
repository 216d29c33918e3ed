# A storm of kill -9: vfpool is started, killed at a random moment, and what it left is checked, again
# and again. tests/cli/killed.t has it on the scripted kernel; it needs nothing of that one.
# shellcheck shell=bash disable=SC2154  # the caller sets those
#
# The caller sets
#   storm_tool=(vfpool OPTION…)   the tool
#   storm_killer, storm_check     tests/fake/killer as built, tests/check-ledger
#   storm_ledger                  the ledger's file
#   storm_pool                    a pool that was applied; nothing else may use it
#   storm_definitions=(FILE…)     definitions of that pool which differ in its VLAN
#   storm_owners=(NAME…)          who asks for VFs; more than there are VFs, with two nics each
#   storm_work                    an empty folder
#   storm_rounds, storm_seed      how many, and where the random numbers begin
#   storm_pfs                     check-ledger's PFS, empty: by permanent MAC
#   storm_links()                 what `ip link show` says of the pool's PFs
# and calls storm_run, storm_settle, storm_give_back. Each says what is wrong and fails; storm_run leaves
# its numbers in $storm_work/summary, and every round in $storm_work/log.

declare -A storm_usual storm_promised storm_mac storm_started storm_killed

# A random number below N, in REPLY. No subshell: that would begin anew.
storm_random() {
	REPLY=$(((RANDOM * 32768 + RANDOM) % $1))
}

storm_fail() {
	echo "$1"
	echo "seed $storm_seed; the last rounds:"
	tail -n 5 "$storm_work/log"
	sed 's/^/stdout: /' "$storm_work/out"
	sed 's/^/stderr: /' "$storm_work/err"
	return 1
}

# storm_start MICROSECONDS VERB ARGUMENT…: sets storm_fate (killed or exited), storm_code, storm_took.
storm_start() {
	"$storm_killer" "$1" "${storm_tool[@]}" "${@:2}" >"$storm_work/out" 2>"$storm_work/err" 3>"$storm_work/fate" ||
		storm_fail "the killer can't work" || return
	read -r storm_fate storm_code storm_took <"$storm_work/fate"
	echo "${*:2}: $storm_fate $storm_code after $storm_took us, at most $1" >>"$storm_work/log"
}

# storm_plain VERB ARGUMENT…: nobody kills it, and it succeeds.
storm_plain() {
	storm_start 60000000 "$@" || return
	[ "$storm_fate $storm_code" = 'exited 0' ] || storm_fail "$*: $storm_fate $storm_code"
}

# Does the ledger agree with the kernel, and has it every lease that somebody was told of?
storm_checked() {
	local key
	storm_links >"$storm_work/links"
	for key in "${!storm_promised[@]}"; do # NIC OWNER
		echo "$storm_pool ${key%% *} ${storm_mac[$key]} ${key#* }"
	done >"$storm_work/promises"
	"$storm_check" "$storm_ledger" "$storm_work/links" "$storm_pfs" "$storm_work/promises" >"$storm_work/checked" ||
		storm_fail "$(cat "$storm_work/checked")"
}

# An alloc for OWNER NIC has ended somehow: was its <interface> printed whole?
storm_was_told() {
	local key="$2 $1" text mac address
	text=$(<"$storm_work/out")
	if [[ $text != *'</interface>' ]]; then
		[ "$storm_fate $storm_code" != 'exited 0' ] || storm_fail 'alloc succeeded and printed no whole <interface>'
		return
	fi
	[[ $text =~ mac\ address=\"([0-9a-f:]*)\" ]]
	mac=${BASH_REMATCH[1]}
	[[ $text =~ address\ type=\"pci\"\ ([^/]*) ]]
	address=${BASH_REMATCH[1]}
	[ "${storm_mac[$key]:-$mac}" = "$mac" ] || storm_fail "its MAC was ${storm_mac[$key]}" || return
	[ "${storm_promised[$key]:-$address}" = "$address" ] || storm_fail "its VF was ${storm_promised[$key]}" || return
	storm_mac[$key]=$mac
	storm_promised[$key]=$address
}

# The shortest time counts: others had to wait for the machine.
storm_note() { # VERB
	[ "${storm_usual[$1]:-$storm_took}" -lt "$storm_took" ] || storm_usual[$1]=$storm_took
}

# Each verb a few times, to know how long it takes.
storm_measure() {
	local i n=${#storm_definitions[@]}
	for ((i = 0; i < 6; i++)); do
		storm_plain --version && storm_note start || return
		storm_plain alloc "$storm_pool" --owner measured --nic 0 && storm_note alloc || return
		storm_plain release "$storm_pool" --owner measured --nic 0 && storm_note release || return
		storm_plain define "${storm_definitions[i % n]}" || return
		storm_plain apply && storm_note apply || return
		[ -z "$storm_has_gc" ] || { storm_plain gc && storm_note gc; } || return
	done
}

# What the round does, in storm_verb, storm_owner, storm_nic and storm_words.
storm_choose() {
	local keys=("${!storm_promised[@]}")
	storm_random "${#storm_owners[@]}"
	storm_owner=${storm_owners[REPLY]}
	storm_random 2
	storm_nic=$REPLY
	storm_random 100
	if [ "$REPLY" -lt 40 ]; then
		storm_verb=alloc
	elif [ "$REPLY" -lt 75 ]; then
		storm_verb=release
		storm_random 4
		if [ "$REPLY" != 0 ] && [ "${#keys[@]}" != 0 ]; then # most of the time of a lease that is there
			storm_random "${#keys[@]}"
			storm_nic=${keys[REPLY]%% *} storm_owner=${keys[REPLY]#* }
		fi
	elif [ "$REPLY" -lt 90 ] || [ -z "$storm_has_gc" ]; then
		storm_verb=apply
	else
		storm_verb=gc
	fi
	case $storm_verb in
	alloc | release) storm_words=("$storm_verb" "$storm_pool" --owner "$storm_owner" --nic "$storm_nic") ;;
	*) storm_words=("$storm_verb") ;;
	esac
}

# The verb ended by itself: 3 is no VF free, 5 is no such lease.
storm_code_is_fine() {
	case $storm_verb:$storm_code in
	*:0 | alloc:3 | release:5) return ;;
	esac
	storm_fail "${storm_words[*]}: exit code $storm_code"
}

storm_round() {
	local delay
	storm_choose
	if [ "$storm_verb" = apply ]; then # with something to do, most of the time
		storm_random $((${#storm_definitions[@]} + 1))
		[ "$REPLY" = 0 ] || storm_plain define "${storm_definitions[REPLY - 1]}" || return
	fi
	[ "$storm_verb" != release ] || unset "storm_promised[$storm_nic $storm_owner]"
	storm_random 2 # every second time not before it begins its work
	delay=$((REPLY * storm_usual[start]))
	[ "$delay" -lt "${storm_usual[$storm_verb]}" ] || delay=0
	storm_random $((storm_usual[$storm_verb] * 6 / 5 - delay))
	storm_start $((delay + REPLY)) "${storm_words[@]}" || return
	storm_started[$storm_verb]=$((${storm_started[$storm_verb]:-0} + 1))
	# The machine may be faster or slower by now: two of three are to be killed.
	if [ "$storm_fate" = killed ]; then
		storm_killed[$storm_verb]=$((${storm_killed[$storm_verb]:-0} + 1))
		storm_usual[$storm_verb]=$((${storm_usual[$storm_verb]} * 51 / 50))
	else
		storm_usual[$storm_verb]=$((${storm_usual[$storm_verb]} * 24 / 25))
		storm_code_is_fine || return
	fi
	[ "$storm_verb" != alloc ] || storm_was_told "$storm_owner" "$storm_nic" || return
	storm_checked || return
	grep -q ' 0 pending, 0 releasing' "$storm_work/checked" || storm_left=$((storm_left + 1))
}

# Whatever was killed before, the next one can work. A pool that is full has to be relieved first.
storm_works() {
	local lease owner=fresh-$1
	storm_start 60000000 alloc "$storm_pool" --owner "$owner" || return
	if [ "$storm_fate $storm_code" = 'exited 3' ]; then
		lease=$(sqlite3 -readonly "$storm_ledger" "SELECT nic, owner FROM held WHERE pool = '$storm_pool' LIMIT 1")
		[ -n "$lease" ] || storm_fail 'no VF is free, and nobody has one' || return
		storm_plain release "$storm_pool" --owner "${lease#*|}" --nic "${lease%%|*}" || return
		unset "storm_promised[${lease%%|*} ${lease#*|}]"
		storm_plain alloc "$storm_pool" --owner "$owner" || return
	fi
	[ "$storm_fate $storm_code" = 'exited 0' ] || storm_fail "alloc: exit code $storm_code" || return
	storm_was_told "$owner" 0 && storm_checked || return
	storm_plain list || return
	storm_plain release "$storm_pool" --owner "$owner" || return
	unset "storm_promised[0 $owner]"
	storm_checked
}

storm_sum_up() {
	local verb started=0 killed=0 words=
	for verb in alloc release apply gc; do
		started=$((started + ${storm_started[$verb]:-0})) killed=$((killed + ${storm_killed[$verb]:-0}))
		words+=", $verb ${storm_killed[$verb]:-0} of ${storm_started[$verb]:-0} (usually ${storm_usual[$verb]:-0} us)"
	done
	echo "killed $killed of $started$words; after $storm_left rounds a lease was pending or releasing" >"$storm_work/summary"
	[ $((killed * 4)) -gt "$started" ] || storm_fail "only $killed of $started were killed" || return
	[ "$storm_left" -gt 0 ] || [ "$storm_rounds" -lt 100 ] || storm_fail 'no kill came in the middle of the work'
}

storm_run() {
	local round
	RANDOM=$storm_seed
	storm_left=0
	: >"$storm_work/log"
	storm_has_gc=$("${storm_tool[@]}" --help | grep -E '^ +gc( |$)')
	storm_measure && storm_checked || return
	for ((round = 1; round <= storm_rounds; round++)); do
		echo "-- round $round" >>"$storm_work/log"
		storm_round || return
		((round % 10)) || storm_works "$round" || return
	done
	storm_sum_up
}

# After the storm: gc leaves nothing half done.
storm_settle() {
	declare -A storm_promised=()
	storm_plain gc && storm_checked || return
	grep ' 0 pending, 0 releasing' "$storm_work/checked" || storm_fail "$(cat "$storm_work/checked")"
}

# And everyone can give back what he has.
storm_give_back() {
	declare -A storm_promised=()
	local nic owner
	while IFS='|' read -r nic owner; do
		storm_plain release "$storm_pool" --owner "$owner" --nic "$nic" || return
	done < <(sqlite3 -readonly "$storm_ledger" "SELECT nic, owner FROM held WHERE pool = '$storm_pool'")
	storm_checked || return
	grep ' 0 leases' "$storm_work/checked" || storm_fail "$(cat "$storm_work/checked")"
}
