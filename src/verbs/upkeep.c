/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hold`, `unhold`, `rename`, `gc`, `adopt` and `backup`. */
#include "verbs.h"
#include "verbs/output.h"

#include "util/cleanup.h"

#include <stdio.h>

static int hold(struct vfpool *vp, const struct verb *verb, int argc, char **argv, bool on)
{
	const char *reason = "";
	bool dry_run = false, changed;
	int vf = -1;
	const struct verb_option options[] = {
		{ "vf", OPTION_NUMBER, &vf, "this VF of the PF, not all of it" },
		{ "dry-run", OPTION_FLAG, &dry_run, "say what would be done, change nothing" },
		{ on ? "reason" : NULL, OPTION_PROSE, &reason, "what 'vfpool list' says of it" },
		{ 0 },
	};
	char **args, index[24] = "";
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0 || (r = vfpool_hold(vp, args[0], vf, on ? reason : NULL, dry_run, &changed)) < 0)
		return r;
	if (vf >= 0)
		snprintf(index, sizeof(index), "VF %d of ", vf);
	if (!changed)
		say("%s%s: nothing to do\n", index, args[0]);
	else
		say("%s%s %s\n", index, args[0],
		    on ? (dry_run ? "would be held" : "is held: nobody gets it") :
			    (dry_run ? "would be free to get" : "is free to get"));
	return 0;
}

static int run_hold(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return hold(vp, verb, argc, argv, true);
}

static int run_unhold(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return hold(vp, verb, argc, argv, false);
}

static int rename_pool(struct vfpool *vp, char **args, bool dry_run)
{
	int r = vfpool_rename_pool(vp, args[0], args[1], dry_run);

	if (r == 0)
		say("pool %s, with its leases and MACs, %s %s\n", args[0], dry_run ? "would be" : "is now", args[1]);
	return r;
}

static int rename_owner(struct vfpool *vp, char **args, bool dry_run)
{
	unsigned n;
	int r = vfpool_rename(vp, args[0], args[1], dry_run, &n);

	if (r == 0)
		say("%u MAC%s of %s, with %s leases, %s %s's\n", n, n == 1 ? "" : "s", args[0],
		    n == 1 ? "its" : "their", dry_run ? "would be" : n == 1 ? "is now" : "are now", args[1]);
	return r;
}

static int run_rename(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool pool = false, dry_run = false;
	const struct verb_option options[] = {
		{ "pool", OPTION_FLAG, &pool, "a pool, not an owner" },
		{ "dry-run", OPTION_FLAG, &dry_run, "say what would be done, change nothing" },
		{ 0 },
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, 2, 2, &args);

	if (r < 0)
		return r;
	if (pool)
		return rename_pool(vp, args, dry_run);
	/* The old name may be one that isn't taken any more. */
	if (verb_check_owner(verb, args[1]) < 0)
		return -VERB_USAGE;
	return rename_owner(vp, args, dry_run);
}

static void print_finding(const struct vfpool_finding *finding, bool dry_run)
{
	static const char *const results[] = {
		[VFPOOL_FINDING_DONE] = "", [VFPOOL_FINDING_LEFT] = "left: ",
		[VFPOOL_FINDING_FAILED] = "FAILED: ",
	};
	const struct vfpool_lease *lease = finding->lease;

	if (lease)
		say("%s nic %u in pool %s (lease %llu): ", lease->owner, lease->nic, lease->pool,
		    (unsigned long long)lease->id);
	say("%s%s\n", finding->result == VFPOOL_FINDING_DONE && dry_run ? "would: " :
									    results[finding->result],
	    finding->text);
}

void print_findings(const struct vfpool_findings *found, bool json, bool dry_run)
{
	if (found && json)
		print_json(json_findings(found));
	for (size_t i = 0; found && !json && i < found->n; i++)
		print_finding(&found->list[i], dry_run);
	if (found && !json && found->n == 0)
		say("nothing to do\n");
}

static int run_gc(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	struct vfpool_gc_request request = VFPOOL_GC_REQUEST;
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool json = false;
	const struct verb_option options[] = {
		{ "history-days", OPTION_NUMBER, &request.history_days, "how long the history is kept (400)" },
		{ "history-rows", OPTION_NUMBER, &request.history_rows, "how many of its entries are kept (200000)" },
		{ "json", OPTION_FLAG, &json, "what was found, as JSON" },
		{ "dry-run", OPTION_FLAG, &request.dry_run, "say what would be done, change nothing" },
		{ 0 },
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, 0, 0, &args);

	if (r < 0)
		return r;
	r = vfpool_gc(vp, &request, &found);
	print_findings(found, json, request.dry_run);
	return r;
}

static int run_adopt(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool dry_run = false, json = false;
	const struct verb_option options[] = {
		{ "json", OPTION_FLAG, &json, "what was found, as JSON" },
		{ "dry-run", OPTION_FLAG, &dry_run, "say what would be done, change nothing" },
		{ 0 },
	};
	char **args;
	int n = verb_parse(verb, argc, argv, options, 0, 1, &args), r;

	if (n < 0)
		return n;
	r = n > 0 ? verb_check_owner(verb, args[0]) : 0;
	if (r < 0)
		return r;
	r = vfpool_adopt(vp, n > 0 ? args[0] : NULL, dry_run, &found);
	print_findings(found, json, dry_run);
	return r;
}

static int run_backup(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool force = false;
	const struct verb_option options[] = {
		{ "force", OPTION_FLAG, &force, "replace a file that is there" },
		{ 0 },
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0 || (r = vfpool_backup(vp, args[0], force)) < 0)
		return r;
	say("the ledger is in %s, whole and checked\n", args[0]);
	return 0;
}

static int run_restore(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool dry_run = false;
	const struct verb_option options[] = {
		{ "dry-run", OPTION_FLAG, &dry_run, "say whether the backup is sound, change nothing" },
		{ 0 },
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0 || (r = vfpool_restore(vp, args[0], dry_run, &found)) < 0)
		return r;
	if (found->n > 0)
		print_findings(found, false, dry_run);
	say("%s %s\n", args[0], dry_run ? "is whole and checked" :
					     "is the ledger now; 'vfpool adopt' records what libvirt's guests have besides, then 'vfpool apply'");
	return 0;
}

const struct verb verb_restore = {
	"restore", "FILE [--dry-run]", "put a backup in the ledger's place, and record what the VFs have",
	run_restore,
};

const struct verb verb_hold = {
	"hold", "PF|ADDRESS [--vf N] [--reason TEXT] [--dry-run]", "nobody gets that VF, or any of that PF",
	run_hold,
};

const struct verb verb_unhold = {
	"unhold", "PF|ADDRESS [--vf N] [--dry-run]", "the end of a hold", run_unhold,
};

const struct verb verb_rename = {
	"rename", "[--pool] NAME NEW-NAME [--dry-run]", "an owner, or a pool, has a new name: leases and MACs go along",
	run_rename,
};

const struct verb verb_gc = {
	"gc", "[--history-days N] [--history-rows N] [--dry-run] [--json]", "finish or undo what was interrupted, end leases of guests that are gone",
	run_gc,
};

const struct verb verb_adopt = {
	"adopt", "[GUEST] [--json] [--dry-run]", "record leases for what libvirt's guests name already",
	run_adopt,
};

const struct verb verb_backup = {
	"backup", "FILE [--force]", "a whole copy of the ledger, while it is in use", run_backup,
};
