/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `gc`, `adopt`, `restore` and `attach --refresh` found and did. */
#include "verbs/findings.h"
#include "verbs/json.h"
#include "verbs/print.h"

/* Prints the finding; in a dry run what was to be done isn't yet. */
static void print_finding(const struct vfpool_finding *finding, bool dry_run)
{
	static const char *const results[] = {
		[VFPOOL_FINDING_DONE] = "",
		[VFPOOL_FINDING_LEFT] = "left: ",
		[VFPOOL_FINDING_FAILED] = "FAILED: ",
	};
	const struct vfpool_lease *lease = finding->lease;

	if (lease)
		say("%s nic %u in pool %s (lease %llu): ", lease->owner, lease->nic, lease->pool,
		    (unsigned long long)lease->id);
	say("%s%s\n",
	    finding->result == VFPOOL_FINDING_DONE && dry_run ? "would: " :
								results[finding->result],
	    finding->text);
}

void findings_print(const struct vfpool_findings *found, bool json, bool dry_run)
{
	if (found && json)
		print_json(json_findings(found));
	for (size_t i = 0; found && !json && i < found->n; i++)
		print_finding(&found->list[i], dry_run);
	if (found && !json && found->n == 0)
		say("nothing to do\n");
}
