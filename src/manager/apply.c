/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions → inventory → plan → carry it out, read back, compare.
 */
#include "manager/apply.h"

#include "util/file.h"

#include <string.h>

static void unlock_pfs(struct apply *apply)
{
	for (size_t i = 0; apply->locks && i < apply->inventory->n_pfs; i++)
		cleanup_close(&apply->locks[i]);
	free(TAKE_PTR(apply->locks));
}

static void apply_end(struct apply *apply)
{
	unlock_pfs(apply);
	free(apply->failed);
	free(apply->uses);
	vfpool_pools_free(apply->pools);
	vfpool_inventory_free(apply->inventory);
	ledger_rollback(apply->ledger);
	host_end(&apply->host);
}

bool pf_is_meant(const struct apply *apply, const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < apply->n_uses; i++)
		if (apply->uses[i].pf == pf && is_meant(apply, &apply->uses[i]))
			return true;
	return false;
}

static int lock_pfs(struct apply *apply)
{
	apply->locks = calloc(apply->inventory->n_pfs + 1, sizeof(*apply->locks));
	if (!apply->locks)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < apply->inventory->n_pfs; i++)
		apply->locks[i] = -1;
	/* In the order of addresses, so that two applies can't wait for each other. */
	for (size_t i = 0; i < apply->inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &apply->inventory->pfs[i];
		int r;

		if (!pf_is_meant(apply, pf))
			continue;
		r = host_lock_pf(&apply->host, pf, &apply->locks[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mark_pf(struct apply *apply, struct vfpool_pf *pf)
{
	return mark_uses(apply->vp, apply->ledger, apply->uses, apply->n_uses, pf);
}

/* Looks at a PF again, when it has been changed. */
static int refresh_pf(struct apply *apply, struct vfpool_pf *pf)
{
	struct vfpool_pf fresh;
	int r = host_read_pf(&apply->host, &pf->address, HOST_ALL_VFS, &fresh);

	if (r < 0)
		return r;
	fresh.eswitch = TAKE_PTR(pf->eswitch);
	pf_end(pf);
	*pf = fresh;
	read_vectors(&apply->host, apply->uses, apply->n_uses, apply->locks, pf);
	return mark_pf(apply, pf);
}

/* Its VFs can't be looked at, so it is left alone, as if it weren't there: note_missing_pfs() says why. */
static int drop_pf(struct apply *apply, const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < apply->n_uses; i++)
		if (apply->uses[i].pf == pf)
			apply->uses[i].pf = NULL;
	return 0;
}

static int check_pfs_are_here(struct apply *apply)
{
	bool found = !apply->name;

	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		found = found || strcmp((*pool)->name, apply->name) == 0;
	if (!found)
		return fail(&apply->vp->err, -VFPOOL_ENOTFOUND,
			    "there is no pool '%s'; 'vfpool list' shows the pools", apply->name);
	for (size_t i = 0; i < apply->n_uses; i++)
		if (apply->name && is_meant(apply, &apply->uses[i]) && !apply->uses[i].pf &&
		    !vfpool_may_be_unread(apply->inventory, apply->uses[i].want))
			return fail_missing_pf(apply->vp, &apply->host, &apply->uses[i]);
	return 0;
}

static int make_plan(struct apply *apply, const struct wanted *wanted,
		     struct vfpool_plan **ret_plan)
{
	struct vfpool_plan *plan = calloc(1, sizeof(*plan));

	if (!plan || plan_make(wanted, apply->flags & VFPOOL_APPLY_LIVE, plan) < 0) {
		vfpool_plan_free(plan);
		return fail_oom(&apply->vp->err);
	}
	*ret_plan = plan;
	return 0;
}

/* Does the plan speak of who holds a VF? What else is refused has failed. */
static bool has_holder(const struct vfpool_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == VFPOOL_STEP_REFUSED && plan->steps[i].result != VFPOOL_STEP_FAILED)
			return true;
	return false;
}

/* Of one pool, what the others ask for isn't known. */
static int forget_what_was_refused(struct apply *apply, const struct wanted *wanted)
{
	int r = 0;

	if (apply->name || apply->flags & VFPOOL_APPLY_DRY_RUN)
		return 0;
	for (size_t i = 0; r == 0 && i < wanted->n_pfs; i++)
		r = forget_unasked(apply->ledger, wanted->pfs[i].pf, wanted);
	return r;
}

static int plan(struct apply *apply, struct vfpool_plan **ret_plan)
{
	CLEANUP(wanted_end) struct wanted wanted = { 0 };
	int r = apply->ledger ? ledger_begin_read(apply->ledger) : 0;

	if (r == 0)
		r = make_wanted(apply, &wanted);
	if (apply->ledger)
		ledger_rollback(apply->ledger);
	if (r == 0)
		r = forget_what_was_refused(apply, &wanted);
	if (r == 0)
		r = make_plan(apply, &wanted, ret_plan);
	if (r < 0 || !has_holder(*ret_plan))
		return r;
	/* Worth a look at who it is. */
	for (size_t i = 0; i < apply->inventory->n_pfs; i++)
		host_name_holders(&apply->host, &apply->inventory->pfs[i]);
	vfpool_plan_free(TAKE_PTR(*ret_plan));
	return make_plan(apply, &wanted, ret_plan);
}

/* ---- carrying it out ---- */

static size_t pf_index(const struct apply *apply, const struct vfpool_pci *address)
{
	size_t i = 0;

	while (!vfpool_pci_equal(&apply->inventory->pfs[i].address, address))
		i++; /* every step's PF is in the inventory */
	return i;
}

static bool is_pf_step(const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_AUTOPROBE_OFF || step->kind == VFPOOL_STEP_MAKE_VFS ||
	       step->kind == VFPOOL_STEP_UP;
}

/* Notes how a step went; its error becomes its text. */
static void finish_step(struct apply *apply, struct vfpool_step *step, int r)
{
	step->result = r < 0 ? VFPOOL_STEP_FAILED : VFPOOL_STEP_DONE;
	if (r < 0) {
		free(step->text);
		step->text = strdup(apply->vp->err.text);
	}
}

static int do_pf_step(struct apply *apply, const struct vfpool_step *step)
{
	size_t i_pf = pf_index(apply, &step->pf);
	struct vfpool_pf *pf = &apply->inventory->pfs[i_pf];
	int r;

	switch (step->kind) {
	case VFPOOL_STEP_AUTOPROBE_OFF:
		return host_autoprobe_off(&apply->host, pf);
	case VFPOOL_STEP_UP:
		return host_set_up(&apply->host, pf);
	default:
		/* Others may have taken a VF since the plan was made. */
		r = refresh_pf(apply, pf);
		for (size_t i = 0; r == 0 && i < pf->n_vfs; i++)
			if (pf->vfs[i].busy || pf->vfs[i].owner)
				return fail(&apply->vp->err, -VFPOOL_EINUSE, "VF %u is in use: %s",
					    pf->vfs[i].index,
					    pf->vfs[i].busy ? pf->vfs[i].busy : pf->vfs[i].owner);
		if (r == 0)
			r = forget_refusals(apply->ledger, pf);
		return r < 0 ? r : host_make_vfs(&apply->host, pf, step->count, apply->locks[i_pf]);
	}
}

/* A PF that went away while it was worked on. */
static int add_lost_pf(struct apply *apply, struct vfpool_plan *plan, const struct vfpool_pf *pf)
{
	struct vfpool_step *step = plan_add(plan, VFPOOL_STEP_REFUSED, pf);

	if (!step)
		return fail_oom(&apply->vp->err);
	step->result = VFPOOL_STEP_FAILED;
	step->text = strdup(apply->vp->err.text);
	return step->text ? 0 : fail_oom(&apply->vp->err);
}

/* The PFs as they are after their steps. */
static int refresh_pfs(struct apply *apply, struct vfpool_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < apply->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &apply->inventory->pfs[i];

		if (!pf_is_meant(apply, pf) || apply->failed[i] || refresh_pf(apply, pf) == 0)
			continue;
		apply->failed[i] = true;
		r = add_lost_pf(apply, plan, pf);
	}
	return r;
}

/* The steps on PFs themselves, in order; after a failure none of that PF. */
static int do_pf_steps(struct apply *apply, struct vfpool_plan *plan, bool *ret_any)
{
	*ret_any = false;
	apply->failed = calloc(apply->inventory->n_pfs + 1, sizeof(*apply->failed));
	if (!apply->failed)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];
		size_t pf = is_pf_step(step) ? pf_index(apply, &step->pf) : 0;

		if (!is_pf_step(step) || apply->failed[pf])
			continue;
		finish_step(apply, step, do_pf_step(apply, step));
		apply->failed[pf] = step->result == VFPOOL_STEP_FAILED;
		*ret_any = true;
	}
	if (!*ret_any)
		return 0;
	host_expect_links(&apply->host);
	return refresh_pfs(apply, plan);
}

/* Or does the fresh plan have it again, as all that is refused at a PF that is still worked on? */
static bool is_finished(const struct apply *apply, const struct vfpool_step *step)
{
	return step->result != VFPOOL_STEP_PLANNED &&
	       (is_pf_step(step) || apply->failed[pf_index(apply, &step->pf)]);
}

static void move_step(struct vfpool_plan *to, struct vfpool_step *step)
{
	to->steps[to->n_steps++] = *step;
	*step = (struct vfpool_step){ 0 };
}

/* The fresh plan has a step that was done already: the kernel doesn't show it. */
static int doubt_step(struct vfpool_plan *plan, const struct vfpool_step *again)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];

		if (step->kind != again->kind || !vfpool_pci_equal(&step->pf, &again->pf) ||
		    step->result != VFPOOL_STEP_DONE)
			continue;
		step->result = VFPOOL_STEP_FAILED;
		step->text = strdup("it was accepted, but the kernel doesn't show it");
		if (!step->text)
			return -ENOMEM;
	}
	return 0;
}

/* The PFs' steps that were done, then the VFs' steps as the fresh plan has
 * them. */
static int join_plans(struct apply *apply, struct vfpool_plan *done, struct vfpool_plan *fresh,
		      struct vfpool_plan **ret_plan)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return fail_oom(&apply->vp->err);
	plan->steps = calloc(done->n_steps + fresh->n_steps + 1, sizeof(*plan->steps));
	if (!plan->steps)
		return fail_oom(&apply->vp->err);
	plan->notes = TAKE_PTR(fresh->notes);
	plan->n_notes = fresh->n_notes;
	fresh->n_notes = 0;
	for (size_t i = 0; i < done->n_steps; i++)
		if (is_finished(apply, &done->steps[i]))
			move_step(plan, &done->steps[i]);
	for (size_t i = 0; i < fresh->n_steps; i++)
		if (!is_pf_step(&fresh->steps[i]))
			move_step(plan, &fresh->steps[i]);
		else if (doubt_step(plan, &fresh->steps[i]) < 0)
			return fail_oom(&apply->vp->err);
	*ret_plan = TAKE_PTR(plan);
	return 0;
}

/* What the card's driver doesn't have is said once for the PF, and remembered where the kernel doesn't
 * report it either: else the next apply would find nothing to do. */
static int tell_unsupported(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pf *pf)
{
	const size_t n = plan->n_steps; /* what is added comes after these */
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct vfpool_step step = plan->steps[i]; /* a copy: the array may move */

		if (step.kind != VFPOOL_STEP_PROGRAM || !step.unsupported ||
		    !vfpool_pci_equal(&step.pf, &pf->address))
			continue;
		if (plan_lacks(plan, pf, step.unsupported, &step.to) < 0)
			return fail_oom(&apply->vp->err);
		r = remember_refused(apply->vp, apply->ledger, pf, &step);
	}
	return r;
}

static int program_pf(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pf *pf)
{
	AUTO_FREE struct vfpool_step **steps = calloc(plan->n_steps + 1, sizeof(*steps));
	size_t n = 0;
	int r;

	if (!steps)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == VFPOOL_STEP_PROGRAM &&
		    vfpool_pci_equal(&plan->steps[i].pf, &pf->address))
			steps[n++] = &plan->steps[i];
	if (n == 0)
		return 0;
	r = host_program(&apply->host, pf, steps, n);
	for (size_t i = 0; r < 0 && i < n; i++)
		finish_step(apply, steps[i], r);
	return r < 0 ? 0 : tell_unsupported(apply, plan, pf);
}

/* No driver gets a VF before what keeps owners apart is set. A VF's programming stands right
 * before its binding. */
#define SETS_OWNERS_APART                                                                           \
	(VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID | VFPOOL_ATTR_VLAN | VFPOOL_ATTR_TRUST | VFPOOL_ATTR_SPOOFCHK)

/* What of that the VF hasn't, as a set of enum vfpool_attr; *ret_to has the values. */
static unsigned missing_settings(const struct vfpool_plan *plan, const struct vfpool_step *bind,
				 const struct vfpool_settings **ret_to)
{
	const struct vfpool_step *step = bind - 1;

	if (bind == plan->steps || !step->has_vf || step->vf != bind->vf ||
	    !vfpool_pci_equal(&step->pf, &bind->pf) || !step->to.have)
		return 0; /* there was nothing to program */
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

	if (r == 0 && !verified && !(step->text = strdup("unverified: its config space can't be read")))
		return fail_oom(&apply->vp->err);
	return r;
}

static int do_vf_step(struct apply *apply, const struct vfpool_plan *plan, struct vfpool_step *step)
{
	AUTO_FREE char *busy = NULL, *why = NULL;
	const struct vfpool_pf *pf = &apply->inventory->pfs[pf_index(apply, &step->pf)];
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
		return why ? fail(&apply->vp->err, -ECANCELED, "%s", why) : fail_oom(&apply->vp->err);
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

static void do_vf_steps_that(bool (*are_meant)(const struct vfpool_step *), const char *doing,
			     struct apply *apply, struct vfpool_plan *plan)
{
	unsigned done = 0, total = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		total += are_meant(&plan->steps[i]);
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct vfpool_step *step = &plan->steps[i];
		int r;

		if (!are_meant(step))
			continue;
		r = do_vf_step(apply, plan, step);
		finish_step(apply, step, r);
		if (r == -VFPOOL_EINUSE) { /* no failure: its holder is in the right */
			step->kind = VFPOOL_STEP_REFUSED;
			step->result = VFPOOL_STEP_PLANNED;
		}
		if (apply->vp->progress)
			apply->vp->progress(apply->vp->progress_arg, step->pf_name, doing, ++done,
					    total);
	}
}

static int do_vf_steps(struct apply *apply, struct vfpool_plan *plan)
{
	int r = 0;

	/* A PF may have no vector left before some VFs have given theirs back. */
	do_vf_steps_that(gives_vectors, "setting message vectors", apply, plan);
	do_vf_steps_that(takes_vectors, "setting message vectors", apply, plan);
	for (size_t i = 0; r == 0 && i < apply->inventory->n_pfs; i++)
		r = program_pf(apply, plan, &apply->inventory->pfs[i]);
	if (r == 0)
		do_vf_steps_that(binds, "binding", apply, plan);
	return r;
}

static int carry_out(struct apply *apply, struct vfpool_plan **plan_done)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *fresh = NULL;
	struct vfpool_plan *joined = NULL;
	bool any;
	int r = do_pf_steps(apply, *plan_done, &any);

	if (r == 0 && any) {
		r = plan(apply, &fresh);
		if (r == 0)
			r = join_plans(apply, *plan_done, fresh, &joined);
		if (r < 0)
			return r;
		vfpool_plan_free(*plan_done);
		*plan_done = joined;
	}
	return r < 0 ? r : do_vf_steps(apply, *plan_done);
}

/* A VF that was found busy once, or is in quarantine, is free when nothing has it
 * now. The PFs are still locked. */
static int free_idle_vfs(struct apply *apply, const struct pool_use *use)
{
	int64_t pf_id = 0;
	int r = ledger_pf(apply->ledger, use->pf, false, &pf_id);

	for (size_t i = 0; r == 0 && pf_id && i < use->pf->n_vfs; i++) {
		CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
		unsigned index = use->pf->vfs[i].index;
		struct ledger_vf row = { 0 };
		bool freed;

		r = ledger_vf(apply->ledger, pf_id, index, &row);
		if (r < 0 || (!row.avoid && !row.quarantined) || use->pf->vfs[i].busy ||
		    !vfpool_pool_has_vf(use->want, index))
			continue;
		r = host_read_pf(&apply->host, &use->pf->address, (int)index, &pf);
		if (r == 0)
			r = free_idle_vf(apply->vp, &apply->host, apply->ledger, use->pool, &row, &pf,
					 &freed);
	}
	return r;
}

static int free_all_idle_vfs(struct apply *apply)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < apply->n_uses; i++)
		if (apply->uses[i].pf && is_meant(apply, &apply->uses[i]) &&
		    !has_failed(apply, apply->uses[i].pf))
			r = free_idle_vfs(apply, &apply->uses[i]);
	return r;
}

/* ---- what apply doesn't do, and a person should know ---- */

static int note_missing_pfs(struct apply *apply, struct vfpool_plan *plan, bool *ret_any)
{
	for (size_t i = 0; i < apply->n_uses; i++) {
		if (apply->uses[i].pf || !is_meant(apply, &apply->uses[i]))
			continue;
		fail_missing_pf(apply->vp, &apply->host, &apply->uses[i]);
		if (plan_note(plan, "%s", apply->vp->err.text) < 0)
			return -ENOMEM;
		*ret_any = true;
	}
	return 0;
}

/* ---- all of it ---- */

static int prepare(struct apply *apply)
{
	struct vfpool *vp = apply->vp;
	bool dry_run = apply->flags & VFPOOL_APPLY_DRY_RUN;
	int r;

	if ((r = open_host(vp, &apply->host)) < 0)
		return r;
	if ((r = host_read(&apply->host, HOST_NO_VFS, &apply->inventory)) < 0 ||
	    (r = load_checked_uses(vp, &apply->host, apply->inventory, !apply->name, &apply->pools, &apply->n_broken,
				   &apply->uses, &apply->n_uses)) < 0 ||
	    (r = check_pfs_are_here(apply)) < 0)
		return r;
	host_read_eswitch(apply->inventory);
	if (!dry_run && (r = lock_pfs(apply)) < 0)
		return r;
	r = open_ledger(vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &apply->ledger);
	if (r == 0 && apply->ledger)
		r = ledger_begin_read(apply->ledger);
	for (size_t i = 0; r == 0 && i < apply->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &apply->inventory->pfs[i];

		if (!pf_is_meant(apply, pf))
			continue;
		r = host_read_vfs(&apply->host, pf);
		if (r < 0) { /* no other PF's fault */
			r = r == -ENOMEM ? r : drop_pf(apply, pf);
			continue;
		}
		read_vectors(&apply->host, apply->uses, apply->n_uses, apply->locks, pf);
		r = mark_pf(apply, pf);
	}
	if (apply->ledger)
		ledger_rollback(apply->ledger);
	return r;
}

static int sum_up(struct apply *apply, const struct vfpool_plan *plan, bool missing)
{
	size_t failed = missing + apply->n_broken, refused = 0;

	for (size_t i = 0; i < plan->n_steps; i++) {
		bool is_failed = plan->steps[i].result == VFPOOL_STEP_FAILED;

		failed += is_failed;
		refused += plan->steps[i].kind == VFPOOL_STEP_REFUSED && !is_failed;
	}
	if (failed > 0)
		return fail(&apply->vp->err, -VFPOOL_EPARTIAL,
			    "not everything could be applied; the steps above say what and why");
	if (refused > 0)
		return fail(&apply->vp->err, -VFPOOL_EINUSE,
			    "some VFs are in use and were left as they are; the steps above say which");
	return 0;
}

int vfpool_apply(struct vfpool *vp, const char *name, unsigned flags, struct vfpool_plan **ret_plan)
{
	CLEANUP(apply_end) struct apply apply = {
		.vp = vp, .name = name, .flags = flags, .host = NO_HOST,
	};
	CLEANUP(cleanup_plan) struct vfpool_plan *steps = NULL;
	bool missing = false;
	int r = check_root(vp, "applying a pool");

	if (r < 0 || (r = prepare(&apply)) < 0)
		return r;
	if (!(flags & VFPOOL_APPLY_DRY_RUN))
		r = record_pools(&apply);
	if (r == 0)
		r = plan(&apply, &steps);
	if (r == 0 && !(flags & VFPOOL_APPLY_DRY_RUN)) {
		r = carry_out(&apply, &steps);
		if (r == 0)
			r = free_all_idle_vfs(&apply);
	}
	unlock_pfs(&apply);
	if (r == 0 && !name)
		r = bind_persistent(&apply, steps, &missing);
	if (r == 0 && (note_obstacles(&apply, steps) < 0 || note_vlans(&apply, steps) < 0 || note_boot(&apply, steps) < 0 ||
		       note_missing_pfs(&apply, steps, &missing) < 0))
		r = fail_oom(&vp->err);
	for (struct vfpool_pool **pool = apply.pools; steps && *pool; pool++)
		steps->n_pools++;
	if (r == 0)
		r = sum_up(&apply, steps, missing);
	if (steps) /* after a failure too: it says what was done */
		*ret_plan = TAKE_PTR(steps);
	return r;
}
