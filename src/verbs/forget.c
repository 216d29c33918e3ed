/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `forget`: MACs that are kept for owners who have had no lease for long. */
#include "verbs/verb.h"
#include "verbs/json.h"

#include <time.h>

static void print_forgotten(const struct vfpool_reservation *reservation, bool dry_run)
{
	char mac[VFPOOL_MAC_TEXT], day[16] = "?";
	struct tm tm;

	vfpool_mac_format(&reservation->mac, mac);
	if (localtime_r(&(time_t){ reservation->used }, &tm))
		strftime(day, sizeof(day), "%F", &tm);
	say("%s %s of %s nic %u in pool %s, last used %s\n", dry_run ? "would forget" : "forgot",
	    mac, reservation->owner, reservation->nic, reservation->pool, day);
}

static int run_forget(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	const char *idle = NULL, *pool = NULL;
	struct vfpool_reservation *list;
	bool json = false, dry_run = false;
	const struct verb_option options[] = {
		OPTION_TEXT("idle", &idle,
			    "those without a lease that were last used so long ago: 90d, 12h"),
		OPTION_TEXT("pool", &pool, "of this pool only"),
		OPTION_FLAG("json", &json, "what is forgotten, as JSON"),
		OPTION_DRY_RUN(&dry_run),
		OPTION_END,
	};
	int64_t before;
	char **args;
	size_t n;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if (!idle || !verb_parse_ago(idle, &before))
		return verb_fail_usage(verb, "--idle says for how long, as 90d or 12h");
	r = vfpool_forget_idle(vp, pool, before, dry_run, &list, &n);
	if (r < 0)
		return r;
	if (json)
		print_json(json_reservations(list, n));
	for (size_t i = 0; !json && i < n; i++)
		print_forgotten(&list[i], dry_run);
	if (!json && n == 0)
		say("nothing to do\n");
	vfpool_reservations_free(list, n);
	return 0;
}

const struct verb verb_forget = {
	.name = "forget",
	.args = "--idle AGE [--pool POOL] [--json] [--dry-run]",
	.help = "MACs of owners who have had no lease for so long are nobody's",
	.run = run_forget,
};
