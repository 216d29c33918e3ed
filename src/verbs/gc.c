/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `gc`: what was interrupted is finished or undone. */
#include "verbs/verb.h"
#include "verbs/findings.h"

static int run_gc(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	struct vfpool_gc_request request = VFPOOL_GC_REQUEST;
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool json = false;
	const struct verb_option options[] = {
		OPTION_COUNT("history-days", &request.history_days,
			     "how long the history is kept (400)"),
		OPTION_COUNT("history-rows", &request.history_rows,
			     "how many of its entries are kept (200000)"),
		OPTION_FLAG("json", &json, "what was found, as JSON"),
		OPTION_DRY_RUN(&request.dry_run),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_gc(vp, &request, &found);
	findings_print(found, json, request.dry_run);
	return r;
}

const struct verb verb_gc = {
	.name = "gc",
	.args = "[--history-days N] [--history-rows N] [--dry-run] [--json]",
	.help = "finish or undo what was interrupted, end leases of guests that are gone",
	.run = run_gc,
};
