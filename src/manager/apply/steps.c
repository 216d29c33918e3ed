/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries out the plan for one PF, whose lock the caller has. */
#include "manager/apply/steps.h"
#include "manager/refusals.h"

#include <string.h>

bool steps_is_pf(const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_AUTOPROBE_OFF || step->kind == VFPOOL_STEP_MAKE_VFS ||
	       step->kind == VFPOOL_STEP_UP;
}

/* Notes in the step how it went; the context's error becomes the text of one that failed. */
static void finish_step(struct apply *apply, struct vfpool_step *step, int r)
{
	step->result = r < 0 ? VFPOOL_STEP_FAILED : VFPOOL_STEP_DONE;
	if (r < 0) {
		free(step->text);
		step->text = strdup(apply->vp->err.text);
	}
}

/* Makes the PF's VFs, unless someone has taken one of those that are there since the plan was made. */
static int make_vfs(struct apply *apply, struct vfpool_pf *pf, unsigned count, int lock)
{
	int r = scope_look_at_pf(apply, pf, true);

	if (r < 0)
		return r;
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i].busy || pf->vfs[i].owner)
			return fail(&apply->vp->err, -VFPOOL_EINUSE, "VF %u is in use: %s",
				    pf->vfs[i].index,
				    pf->vfs[i].busy ? pf->vfs[i].busy : pf->vfs[i].owner);
	if (apply->unrecorded && pf->n_vfs > 0)
		return fail(&apply->vp->err, -EROFS,
			    "the VFs that are there stay, since the ledger can't be changed");
	if (apply->ledger) {
		r = refusals_forget(apply->ledger, pf);
		if (r < 0)
			return r;
	}
	return host_make_vfs(&apply->host, pf, count, lock);
}

static int do_pf_step(struct apply *apply, struct vfpool_pf *pf, const struct vfpool_step *step,
		      int lock)
{
	switch (step->kind) {
	case VFPOOL_STEP_AUTOPROBE_OFF:
		return host_autoprobe_off(&apply->host, pf);
	case VFPOOL_STEP_UP:
		return host_set_link_up(&apply->host, pf);
	default:
		return make_vfs(apply, pf, step->count, lock);
	}
}

bool steps_do_pf(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan, int lock)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];

		if (!steps_is_pf(step))
			continue;
		finish_step(apply, step, do_pf_step(apply, pf, step, lock));
		if (step->result == VFPOOL_STEP_FAILED)
			return false;
	}
	return true;
}

static void move_step(struct vfpool_plan *to, struct vfpool_step *step)
{
	to->steps[to->n_steps++] = *step;
	*step = (struct vfpool_step){ 0 };
}

void steps_keep_done(struct vfpool_plan *plan)
{
	struct vfpool_plan kept = { .steps = plan->steps };

	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step step = plan->steps[i];

		if (steps_is_pf(&step) && step.result != VFPOOL_STEP_PLANNED)
			kept.steps[kept.n_steps++] = step;
		else
			step_end(&step);
	}
	plan->n_steps = kept.n_steps;
	while (plan->n_notes > 0)
		free(plan->notes[--plan->n_notes]);
}

/* Marks as failed what was done and is planned `again`: the kernel doesn't show it. */
static int doubt_step(struct vfpool_plan *plan, const struct vfpool_step *again)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];

		if (step->kind != again->kind || step->result != VFPOOL_STEP_DONE)
			continue;
		step->result = VFPOOL_STEP_FAILED;
		step->text = strdup("it was accepted, but the kernel doesn't show it");
		if (!step->text)
			return -ENOMEM;
	}
	return 0;
}

int steps_add_plan(struct vfpool_plan *plan, struct vfpool_plan *more)
{
	struct vfpool_step *steps = reallocarray(plan->steps, plan->n_steps + more->n_steps + 1,
						 sizeof(*steps));
	char **notes;

	if (!steps)
		return -ENOMEM;
	plan->steps = steps;
	notes = reallocarray(plan->notes, plan->n_notes + more->n_notes + 1, sizeof(*notes));
	if (!notes)
		return -ENOMEM;
	plan->notes = notes;
	for (size_t i = 0; i < more->n_steps; i++)
		move_step(plan, &more->steps[i]);
	for (size_t i = 0; i < more->n_notes; i++)
		notes[plan->n_notes++] = more->notes[i];
	more->n_steps = more->n_notes = 0;
	return 0;
}

int steps_add_after_pf(struct vfpool_plan *done, struct vfpool_plan *fresh)
{
	size_t n = 0;

	for (size_t i = 0; i < fresh->n_steps; i++) {
		struct vfpool_step step = fresh->steps[i];
		int r;

		fresh->steps[i] = (struct vfpool_step){ 0 };
		if (!steps_is_pf(&step)) {
			fresh->steps[n++] = step;
			continue;
		}
		r = doubt_step(done, &step);
		step_end(&step);
		if (r < 0)
			return r; /* what was moved from is zeros */
	}
	fresh->n_steps = n;
	return steps_add_plan(done, fresh);
}

/* Says once for the PF what its card's driver doesn't have, and remembers it where the kernel doesn't
 * report it either: else the next apply would find nothing to do. */
static int tell_unsupported(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pf *pf)
{
	const size_t n = plan->n_steps; /* what is added comes after these */

	for (size_t i = 0; i < n; i++) {
		const struct vfpool_step step = plan->steps[i]; /* a copy: the array may move */
		int r;

		if (step.kind != VFPOOL_STEP_PROGRAM || !step.unsupported)
			continue;
		if (plan_lacks(plan, pf, step.unsupported, &step.to) < 0)
			return fail_oom(&apply->vp->err);
		r = refusals_remember(apply->vp, apply->ledger, pf, &step);
		if (r < 0)
			return r;
	}
	return 0;
}

static int program_pf(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pf *pf)
{
	AUTO_FREE struct vfpool_step **steps = calloc(plan->n_steps + 1, sizeof(*steps));
	size_t n = 0;
	int r;

	if (!steps)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == VFPOOL_STEP_PROGRAM)
			steps[n++] = &plan->steps[i];
	if (n == 0)
		return 0;
	r = host_program(&apply->host, pf, steps, n);
	if (r == 0)
		return tell_unsupported(apply, plan, pf);
	for (size_t i = 0; i < n; i++)
		finish_step(apply, steps[i], r);
	return 0;
}

/* No driver gets a VF before what keeps owners apart is set. */
#define SETS_OWNERS_APART                                                            \
	(VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID | VFPOOL_ATTR_VLAN | VFPOOL_ATTR_TRUST | \
	 VFPOOL_ATTR_SPOOFCHK)

/* Finds the step that programs the VF which `bind` is about, or that is refused in its place. NULL: there was nothing
 * to program. The planner puts it near before its binding. */
static const struct vfpool_step *find_programming(const struct vfpool_plan *plan,
						  const struct vfpool_step *bind)
{
	for (size_t i = (size_t)(bind - plan->steps); i-- > 0;) {
		const struct vfpool_step *step = &plan->steps[i];

		if (step->has_vf && step->vf == bind->vf && step->to.have)
			return step;
	}
	return NULL;
}

/* Returns what of that the VF hasn't, as a set of enum vfpool_attr; *ret_to has the values. */
static unsigned missing_settings(const struct vfpool_plan *plan, const struct vfpool_step *bind,
				 const struct vfpool_settings **ret_to)
{
	const struct vfpool_step *step = find_programming(plan, bind);

	if (!step)
		return 0;
	*ret_to = &step->to;
	if (step->kind == VFPOOL_STEP_REFUSED || /* someone had it, and let it go since */
	    (step->result == VFPOOL_STEP_FAILED && !step->failed && !step->unsupported))
		return step->to.have;
	return (step->failed & SETS_OWNERS_APART) | (step->unsupported & step->to.must);
}

static int set_vectors(struct apply *apply, const struct vfpool_vf *vf, struct vfpool_step *step)
{
	bool verified = true;
	int r = host_set_vectors(&apply->host, &vf->address, step->count, &verified);

	if (r < 0 || verified)
		return r;
	step->text = strdup("unverified: its config space can't be read");
	return step->text ? 0 : fail_oom(&apply->vp->err);
}

static int do_vf_step(struct apply *apply, const struct vfpool_pf *pf,
		      const struct vfpool_plan *plan, struct vfpool_step *step)
{
	AUTO_FREE char *busy = NULL, *why = NULL;
	const struct vfpool_settings *to;
	unsigned missing;
	const struct vfpool_vf *vf = vfpool_find_vf(pf, step->vf);

	if (host_look_again(&apply->host, pf, step->vf, &busy) < 0)
		return fail(&apply->vp->err, -VFPOOL_ENOTFOUND, "the VF is gone");
	if (busy)
		return fail(&apply->vp->err, -VFPOOL_EINUSE,
			    "it was taken meanwhile, and left alone: %s", busy);
	/* It is there: it has just been looked at. */
	if (step->kind == VFPOOL_STEP_VECTORS)
		return set_vectors(apply, vf, step);
	missing = missing_settings(plan, step, &to);
	if (missing) {
		why = plan_why_not_bound(to, missing);
		return why ? fail(&apply->vp->err, -ECANCELED, "%s", why) :
			     fail_oom(&apply->vp->err);
	}
	return host_bind(&apply->host, &vf->address, step->driver);
}

static bool gives_vectors(const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_VECTORS && step->count < step->count_from;
}

static bool takes_vectors(const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_VECTORS && step->result == VFPOOL_STEP_PLANNED;
}

static bool binds(const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_BIND && step->result == VFPOOL_STEP_PLANNED;
}

/* Does the steps that are meant, in their order; how each went is in it, and a VF that was taken meanwhile is refused,
 * which is no failure. `doing` is for who shows progress. */
static void do_each(bool (*are_meant)(const struct vfpool_step *), const char *doing,
		    struct apply *apply, const struct vfpool_pf *pf, struct vfpool_plan *plan)
{
	unsigned done = 0, total = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		total += are_meant(&plan->steps[i]);
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];
		int r;

		if (!are_meant(step))
			continue;
		r = do_vf_step(apply, pf, plan, step);
		finish_step(apply, step, r);
		if (r == -VFPOOL_EINUSE) {
			step->kind = VFPOOL_STEP_REFUSED;
			step->result = VFPOOL_STEP_PLANNED;
		}
		if (apply->vp->progress)
			apply->vp->progress(apply->vp->progress_arg, step->pf_name, doing, ++done,
					    total);
	}
}

int steps_do_vfs(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan)
{
	int r;

	/* A PF may have no vector left before some VFs have given theirs back. */
	do_each(gives_vectors, "setting message vectors", apply, pf, plan);
	do_each(takes_vectors, "setting message vectors", apply, pf, plan);
	r = program_pf(apply, plan, pf);
	if (r == 0)
		do_each(binds, "binding", apply, pf, plan);
	return r;
}
