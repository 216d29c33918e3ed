/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions → inventory → plan → carry it out, read back, compare.
 *
 * Each PF by itself: it is locked, looked at, planned, worked on and let go, so that one that hangs, or that another
 * vfpool has, keeps no other waiting or from being done. A kill leaves what was done so far; the next
 * apply plans the rest.
 */
#include "manager/apply/notes.h"
#include "manager/apply/rebind.h"
#include "manager/apply/scope.h"
#include "manager/apply/steps.h"
#include "manager/apply/wanted.h"
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/open_ledger.h"
#include "manager/refusals.h"
#include "manager/vf.h"

#include <string.h>

/* A PF, and what becomes of it. */
struct visit {
	struct vfpool_pf *pf;
	struct vfpool_plan *plan;
	bool is_due; /* its turn comes, or comes again */
};

struct visits {
	struct visit *list;
	size_t n;
};

static void visits_end(struct visits *visits)
{
	for (size_t i = 0; i < visits->n; i++)
		vfpool_plan_free(visits->list[i].plan);
	free(visits->list);
}

static void apply_end(struct apply *apply)
{
	free(apply->claims);
	vfpool_pools_free(apply->pools);
	vfpool_inventory_free(apply->inventory);
	ledger_rollback(apply->ledger);
	if (apply->unrecorded)
		drop_ledger(apply->vp);
	free(apply->unrecorded);
	host_end(&apply->host);
}

/* ---- the plan for one PF ---- */

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
		if (plan->steps[i].kind == VFPOOL_STEP_REFUSED &&
		    plan->steps[i].result != VFPOOL_STEP_FAILED)
			return true;
	return false;
}

static int plan_for_pf(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan **ret_plan)
{
	CLEANUP(wanted_end) struct wanted wanted = { 0 };
	int r = apply->ledger ? ledger_begin_read(apply->ledger) : 0;

	if (r == 0)
		r = make_wanted(apply, pf, &wanted);
	ledger_rollback(apply->ledger);
	/* Of one pool, what the others ask for isn't known. */
	if (r == 0 && !apply->name && !(apply->flags & VFPOOL_APPLY_DRY_RUN))
		r = forget_unasked(apply->ledger, pf, &wanted);
	if (r == 0)
		r = make_plan(apply, &wanted, ret_plan);
	if (r < 0 || !has_holder(*ret_plan))
		return r;
	host_name_holders(&apply->host, pf); /* worth a look at who it is */
	vfpool_plan_free(TAKE_PTR(*ret_plan));
	return make_plan(apply, &wanted, ret_plan);
}

/* What is wrong with one PF, or one of its VFs, is told in its plan: the others go on. */
static int add_failure(struct apply *apply, struct visit *visit)
{
	struct vfpool_step *step;

	if (!visit->plan)
		visit->plan = calloc(1, sizeof(*visit->plan));
	step = visit->plan ? plan_add(visit->plan, VFPOOL_STEP_REFUSED, visit->pf) : NULL;
	if (!step)
		return fail_oom(&apply->vp->err);
	step->result = VFPOOL_STEP_FAILED;
	step->text = strdup(apply->vp->err.text);
	return step->text ? 0 : fail_oom(&apply->vp->err);
}

/* ---- VFs that were busy ---- */

/* Has a step of that VF failed? What a card just doesn't have is no failure of the VF. */
static bool has_failed(const struct vfpool_plan *plan, unsigned vf)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct vfpool_step *step = &plan->steps[i];

		if (step->has_vf && step->vf == vf && step->result == VFPOOL_STEP_FAILED &&
		    (step->failed || !step->unsupported))
			return true;
	}
	return false;
}

static int free_vf(struct apply *apply, const struct pool_claim *claim, const struct ledger_vf *row)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	bool freed;
	int r = host_read_pf(&apply->host, &claim->pf->address, (int)row->index, &pf);

	return r < 0 ? r :
		       free_idle_vf(apply->vp, &apply->host, apply->ledger, claim->pool, row, &pf,
				    NULL, &freed);
}

/* A VF that was found busy once, or is in quarantine, is free when nothing has it now, unless its steps have told
 * what is wrong with it. The PF is still locked. */
static int free_idle_vfs(struct apply *apply, struct visit *visit, const struct pool_claim *claim)
{
	int64_t pf_id = 0;
	int r = ledger_pf(apply->ledger, claim->pf, false, &pf_id);

	for (size_t i = 0; r == 0 && pf_id && i < claim->pf->n_vfs; i++) {
		const struct vfpool_vf *vf = &claim->pf->vfs[i];
		struct ledger_vf row = { 0 };

		if (vf->busy || !vfpool_pool_has_vf(claim->want, vf->index) ||
		    has_failed(visit->plan, vf->index))
			continue;
		r = ledger_vf(apply->ledger, pf_id, vf->index, &row);
		if (r == 0 && (row.avoid || row.quarantined) && free_vf(apply, claim, &row) < 0)
			r = add_failure(apply, visit);
	}
	return r;
}

static int free_idle_vfs_of(struct apply *apply, struct visit *visit)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < apply->n_claims; i++)
		if (apply->claims[i].pf == visit->pf && claim_is_meant(apply, &apply->claims[i]))
			r = free_idle_vfs(apply, visit, &apply->claims[i]);
	return r;
}

/* ---- one PF, from lock to unlock ---- */

static bool has_pf_step(const struct vfpool_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (is_pf_step(&plan->steps[i]))
			return true;
	return false;
}

/* The PF's own steps. Its VFs have their turn when the other PFs' VFs are made too, and links have
 * had time to come. */
static void begin_pf(struct apply *apply, struct visit *visit, struct vfpool_plan **plan, int lock)
{
	visit->plan = TAKE_PTR(*plan);
	visit->is_due = do_pf_steps(apply, visit->pf, visit->plan, lock);
	keep_done(visit->plan);
}

static int do_locked(struct apply *apply, struct visit *visit, int lock)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = NULL;
	const bool dry_run = apply->flags & VFPOOL_APPLY_DRY_RUN;
	int r = look_at_pf(apply, visit->pf, lock >= 0);

	if (r == 0)
		r = plan_for_pf(apply, visit->pf, &plan);
	if (r < 0)
		return r;
	if (!dry_run && !visit->plan && has_pf_step(plan)) {
		begin_pf(apply, visit, &plan, lock);
		return 0;
	}
	if (!visit->plan)
		visit->plan = TAKE_PTR(plan);
	else if (add_after_pf_steps(visit->plan, plan) < 0)
		return fail_oom(&apply->vp->err);
	if (dry_run)
		return 0;
	r = do_vf_steps(apply, visit->pf, visit->plan);
	return r < 0 || apply->unrecorded ? r : free_idle_vfs_of(apply, visit);
}

/* Without `wait`, a PF that another vfpool has stays due. */
static int visit_pf(struct apply *apply, struct visit *visit, bool wait)
{
	AUTO_CLOSE int lock = -1;
	int r = 0;

	if (!(apply->flags & VFPOOL_APPLY_DRY_RUN))
		r = wait ? host_lock_pf(&apply->host, visit->pf, &lock) :
			   host_try_lock_pf(&apply->host, visit->pf, &lock);
	if (r == -EWOULDBLOCK && !wait)
		return 0;
	visit->is_due = false;
	if (r == 0)
		r = do_locked(apply, visit, lock);
	return r < 0 && r != -ENOMEM ? add_failure(apply, visit) : r;
}

static int visit_due(struct apply *apply, const struct visits *visits, bool wait)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < visits->n; i++)
		if (visits->list[i].is_due)
			r = visit_pf(apply, &visits->list[i], wait);
	return r;
}

/* Of PFs whose own steps were just done. */
static void expect_links(struct apply *apply, const struct visits *visits)
{
	for (size_t i = 0; i < visits->n; i++)
		if (visits->list[i].is_due && visits->list[i].plan)
			host_expect_links(&apply->host);
}

static int visit_all(struct apply *apply, struct visits *visits)
{
	const struct vfpool_inventory *inventory = apply->inventory;
	int r = 0;

	visits->list = calloc(inventory->n_pfs + 1, sizeof(*visits->list));
	if (!visits->list)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (pf_is_meant(apply, &inventory->pfs[i]))
			visits->list[visits->n++] = (struct visit){ .pf = &inventory->pfs[i],
								    .is_due = true };
	/* Each has two turns, the second for its VFs. First those that are at once to be had, then those that
	 * others have now: nobody waits for them. */
	for (int turn = 0; r == 0 && turn < 4; turn++) {
		r = visit_due(apply, visits, turn >= 2);
		expect_links(apply, visits);
	}
	return r;
}

static int gather(struct apply *apply, const struct visits *visits, struct vfpool_plan **ret_plan)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < visits->n; i++)
		if (visits->list[i].plan && add_plan(plan, visits->list[i].plan) < 0)
			return fail_oom(&apply->vp->err);
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		plan->n_pools++;
	plan->n_pools += apply->n_broken;
	*ret_plan = TAKE_PTR(plan);
	return 0;
}

/* ---- all of it ---- */

static int check_pfs_are_here(struct apply *apply)
{
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->name && claim_is_meant(apply, &apply->claims[i]) &&
		    !apply->claims[i].pf &&
		    !vfpool_may_be_unread(apply->inventory, apply->claims[i].want))
			return claims_fail_missing_pf(apply->vp, &apply->host, &apply->claims[i]);
	return 0;
}

/* /var is full or read-only: the VFs are to come back at boot all the same, as far as the ledger knows them. */
static int go_on_unrecorded(struct apply *apply)
{
	apply->unrecorded = strdup(apply->vp->err.text);
	return apply->unrecorded ? copy_ledger(apply->vp, &apply->ledger) :
				   fail_oom(&apply->vp->err);
}

/* With the pools' VFs in it. */
static int open_apply_ledger(struct apply *apply)
{
	const bool dry_run = apply->flags & VFPOOL_APPLY_DRY_RUN;
	int r = open_ledger(apply->vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &apply->ledger);

	if (r == 0 && !dry_run)
		r = record_pools(apply);
	return ledger_takes_no_more(r) && !dry_run ? go_on_unrecorded(apply) : r;
}

static int note_unrecorded(struct apply *apply, struct vfpool_plan *plan)
{
	unsigned n = 0;
	int r = count_unknown(apply, &n);

	if (r < 0)
		return r;
	if (n > 0)
		r = plan_note(
			plan,
			"%s. %u VF%s that the ledger doesn't know %s left alone; the others have what it says",
			apply->unrecorded, n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
	else
		r = plan_note(plan, "%s. The VFs have what it says", apply->unrecorded);
	return r < 0 ? fail_oom(&apply->vp->err) : 0;
}

static int prepare(struct apply *apply)
{
	struct vfpool *vp = apply->vp;
	int r = open_host(vp, &apply->host);

	if (r == 0)
		r = host_read(&apply->host, HOST_NO_VFS, &apply->inventory);
	if (r == 0)
		r = find_scope(apply);
	if (r == 0)
		r = check_pfs_are_here(apply);
	if (r < 0)
		return r;
	host_read_eswitch(apply->inventory);
	return open_apply_ledger(apply);
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
		return fail(
			&apply->vp->err, -VFPOOL_EINUSE,
			"some VFs are in use and were left as they are; the steps above say which");
	return 0;
}

int vfpool_apply(struct vfpool *vp, const char *name, unsigned flags, struct vfpool_plan **ret_plan)
{
	CLEANUP(apply_end)
	struct apply apply = {
		.vp = vp,
		.name = name,
		.flags = flags,
		.host = NO_HOST,
	};
	CLEANUP(cleanup_plan) struct vfpool_plan *steps = NULL;
	CLEANUP(visits_end) struct visits visits = { 0 };
	struct error why;
	bool missing = false;
	int r = check_root(vp, "applying a pool");

	if (r == 0)
		r = prepare(&apply);
	if (r < 0)
		return r;
	r = visit_all(&apply, &visits);
	why = vp->err;
	if (gather(&apply, &visits, &steps) < 0)
		return -ENOMEM;
	if (r < 0)
		vp->err = why;
	if (r == 0 && !name)
		r = bind_persistent(&apply, steps, &missing);
	if (r == 0 && apply.unrecorded)
		r = note_unrecorded(&apply, steps);
	if (r == 0 &&
	    (note_obstacles(&apply, steps) < 0 || note_vlans(&apply, steps) < 0 ||
	     note_boot(&apply, steps) < 0 || note_missing_pfs(&apply, steps, &missing) < 0))
		r = fail_oom(&vp->err);
	if (r == 0)
		r = sum_up(&apply, steps, missing || apply.unrecorded);
	*ret_plan = TAKE_PTR(steps); /* after a failure too: it says what was done */
	return r;
}
