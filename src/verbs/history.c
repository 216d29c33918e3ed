/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `history`: who got and gave back what, when, by which command. */
#include "verbs/verb.h"
#include "verbs/json.h"
#include "verbs/table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Reads a date, "2026-11-20" or "2026-11-20 14:30", in this host's time zone. True when it is one;
 * *ret_since is in seconds since 1970. */
static bool parse_date(const char *text, int64_t *ret_since)
{
	static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, formats[i], &tm);

		if (end && !*end) {
			*ret_since = mktime(&tm);
			return true;
		}
	}
	return false;
}

/* Prints the n events as a table. Returns 0 or a negative errno. */
static int print_history(const struct vfpool_event *events, size_t n)
{
	static const char *const columns[] = {
		"TIME", "EVENT", "LEASE", "POOL", "OWNER", "MAC", "VF", "COMMAND", NULL,
	};
	CLEANUP(cleanup_table) struct libscols_table *table = table_new(columns, -1);

	for (size_t i = 0; table && i < n; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		char at[32] = "", lease[24] = "", owner[400] = "", vf[64] = "";
		const struct vfpool_event *event = &events[i];
		struct tm tm;

		if (!line)
			return -ENOMEM;
		if (localtime_r(&(time_t){ event->at }, &tm))
			strftime(at, sizeof(at), "%F %T", &tm);
		if (event->lease)
			snprintf(lease, sizeof(lease), "%llu", (unsigned long long)event->lease);
		if (*event->pool && *event->owner)
			snprintf(owner, sizeof(owner), "%s nic %u", event->owner, event->nic);
		if (event->has_vf)
			snprintf(vf, sizeof(vf), "%s/%u", event->pf, event->vf);
		table_set(line, 0, at);
		table_set(line, 1, event->event);
		table_set(line, 2, lease);
		table_set(line, 3, event->pool);
		table_set(line, 4, *owner ? owner : event->owner);
		table_set(line, 5, event->mac);
		table_set(line, 6, *vf ? vf : event->pf);
		table_set(line, 7, event->command);
	}
	if (!table)
		return -ENOMEM;
	return table_print(table);
}

static int run_history(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	struct vfpool_history_filter filter = { .owner = NULL };
	const char *since = NULL, *address = NULL;
	struct vfpool_event *events;
	struct vfpool_pci vf;
	bool json = false;
	const struct verb_option options[] = {
		OPTION_TEXT("owner", &filter.owner, "what this owner got and gave back"),
		OPTION_TEXT("vf", &address, "who had the VF with this PCI address"),
		OPTION_TEXT("since", &since,
			    "a date (2026-11-20 [14:30]), or how long ago (3d, 12h, 30m)"),
		OPTION_FLAG("json", &json, "as JSON"),
		OPTION_END,
	};
	char **args;
	size_t n;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if (since && !verb_parse_ago(since, &filter.since) && !parse_date(since, &filter.since)) {
		warn_user(
			"--since takes a date like '2026-11-20' or '2026-11-20 14:30', or 3d, 12h, 30m, "
			"not '%s'",
			since);
		return -VERB_USAGE;
	}
	r = address ? verb_parse_vf(address, &vf) : 0;
	if (r < 0)
		return r;
	filter.vf = address ? &vf : NULL;
	r = vfpool_history(vp, &filter, &events, &n);
	if (r < 0)
		return r;
	if (json)
		print_json(json_history(events, n));
	else
		r = print_history(events, n);
	vfpool_events_free(events, n);
	return r;
}

const struct verb verb_history = {
	.name = "history",
	.args = "[--owner NAME] [--vf ADDRESS] [--since WHEN] [--json]",
	.help = "who got and gave back what, when, by which command",
	.run = run_history,
};
