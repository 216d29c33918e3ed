/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `apply`: the host becomes what the definitions say. */
#include "verbs/verb.h"
#include "verbs/json.h"

#include <stdio.h>

/* Prints those of step->to that are in `attrs`, a set of enum vfpool_attr: "mac - → d2:56:46:…,
 * vlan none → 42", or "trust on" where it isn't known what there is. */
static void print_attrs(const struct vfpool_step *step, unsigned attrs)
{
	const char *separator = "";

	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		char from[VFPOOL_SETTING_TEXT], to[VFPOOL_SETTING_TEXT];

		if (!(attrs & attr))
			continue;
		vfpool_setting_format(&step->from, attr, from);
		vfpool_setting_format(&step->to, attr, to);
		if (step->from.have & attr)
			say("%s%s %s → %s", separator, vfpool_attr_name(attr), from, to);
		else
			say("%s%s %s", separator, vfpool_attr_name(attr), to);
		separator = ", ";
	}
}

static void print_step(const struct vfpool_step *step)
{
	say("%s", step->pf_name);
	if (step->has_vf)
		say(" vf %u", step->vf);
	say(": ");
	switch (step->kind) {
	case VFPOOL_STEP_AUTOPROBE_OFF:
		say("switch the drivers' autoprobe off");
		break;
	case VFPOOL_STEP_MAKE_VFS:
		if (step->count_from)
			say("destroy its %u VFs and make %u", step->count_from, step->count);
		else
			say("make %u VFs", step->count);
		break;
	case VFPOOL_STEP_UP:
		say("bring the PF up");
		break;
	case VFPOOL_STEP_PROGRAM:
		print_attrs(step, step->to.have);
		break;
	case VFPOOL_STEP_BIND:
		say("driver %s → %s", *step->driver_from ? step->driver_from : "none",
		    *step->driver ? step->driver : "none");
		break;
	case VFPOOL_STEP_VECTORS:
		if (step->count_from)
			say("message vectors %u → %u", step->count_from, step->count);
		else
			say("message vectors %u", step->count);
		if (*step->driver_from)
			say(", without its driver %s meanwhile", step->driver_from);
		if (step->text && step->result == VFPOOL_STEP_DONE)
			say(" (%s)", step->text);
		break;
	case VFPOOL_STEP_REFUSED:
		say("refused: %s", step->text);
		break;
	case VFPOOL_STEP_UNSUPPORTED:
		say("FAILED for every VF that is to have it: %s doesn't have ", step->driver);
		print_attrs(step, step->unsupported);
		break;
	}
	if (step->unverified)
		say(" (unverified: the kernel doesn't report it)");
	if (step->deferred)
		say(": the rate waits for the PF's link; apply again when it is there");
	if (step->result == VFPOOL_STEP_FAILED && step->kind != VFPOOL_STEP_UNSUPPORTED &&
	    step->kind != VFPOOL_STEP_REFUSED)
		say(": FAILED: %s", step->text ? step->text : "no reason known");
	say("\n");
}

static void print_plan(const struct vfpool_plan *plan, bool dry_run, bool failed)
{
	if (plan->n_pools == 0 && plan->n_steps == 0)
		say("nothing to do: no pools are defined; 'vfpool define FILE.xml' comes first\n");
	else if (plan->n_steps == 0 && !failed)
		say("nothing to do: everything is as the definitions say\n");
	for (size_t i = 0; i < plan->n_steps; i++)
		print_step(&plan->steps[i]);
	if (dry_run && plan->n_steps > 0)
		say("(nothing was changed)\n");
	fflush(stdout);
	for (size_t i = 0; i < plan->n_notes; i++)
		warn_user("note: %s", plan->notes[i]);
}

static int run_apply(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = NULL;
	bool dry_run = false, json = false, live = false, up = false, all;
	unsigned wait = 0;
	const struct verb_option options[] = {
		OPTION_FLAG("dry-run", &dry_run, "print the plan, change nothing"),
		OPTION_FLAG("up", &up, "bring the PFs up, as up='yes' does"),
		OPTION_FLAG("live", &live, "change the settings of busy VFs too"),
		OPTION_COUNT("wait", &wait,
			     "first wait so many seconds at most for PFs that aren't there yet"),
		OPTION_FLAG("json", &json, "the steps as JSON"),
		OPTION_END,
	};
	char **args;
	int n = verb_parse(verb, argc, argv, options, &args), r;

	if (n < 0)
		return n;
	r = wait ? vfpool_wait(vp, n > 0 ? args[0] : NULL, wait, &all) : 0;
	if (r < 0)
		return r;
	r = vfpool_apply(vp, n > 0 ? args[0] : NULL,
			 (dry_run ? VFPOOL_APPLY_DRY_RUN : 0) | (live ? VFPOOL_APPLY_LIVE : 0) |
				 (up ? VFPOOL_APPLY_UP : 0),
			 &plan);
	if (plan && json)
		print_json(json_plan(plan));
	else if (plan)
		print_plan(plan, dry_run, r < 0);
	return r;
}

const struct verb verb_apply = {
	.name = "apply",
	.args = "[POOL] [--dry-run] [--up] [--live] [--wait N] [--json]",
	.max_args = 1,
	.help = "make the host as the definitions say",
	.run = run_apply,
};
