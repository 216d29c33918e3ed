/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfpool_apply() works:
 *
 * 1. Scope. The definitions are loaded and checked against each other and the PFs that are here. Nothing is locked,
 *    nothing is changed.
 * 2. Ledger. Each pool's VFs and their parking MACs are recorded, in one transaction a pool, before any VF is
 *    programmed. A kill leaves VFs in the ledger that the host doesn't have yet.
 * 3. Each PF by itself, in two turns, with its lock held for the length of one turn. The PF is looked at and planned
 *    anew under the lock. First turn: its own steps (autoprobe off, up, the number of VFs). Second turn: its VFs
 *    (vectors, settings, then drivers), compared with what the kernel reports. A PF whose lock another process has
 *    comes after the others. What fails is a step of its plan, and stops no other PF. A kill leaves the steps done
 *    so far: the next apply looks, and plans the rest. No VF gets a driver before what keeps owners apart is set.
 * 4. What 'bind --persist' has bound is bound anew, each device under its PF's lock. Only where all pools are applied.
 * 5. Notes and the sum. Nothing is locked; of VFs that no guest can get, the ledger learns so.
 *
 * A dry run locks nothing, changes nothing, and plans by what it sees.
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
		open_ledger_drop(apply->vp);
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

/* Tells whether the plan speaks of who holds a VF. What else is refused has failed. */
static bool has_holder(const struct vfpool_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == VFPOOL_STEP_REFUSED &&
		    plan->steps[i].result != VFPOOL_STEP_FAILED)
			return true;
	return false;
}

/* Fills `wanted` for the PF, as the ledger says at one moment. */
static int read_wanted(struct apply *apply, const struct vfpool_pf *pf, struct wanted *wanted)
{
	CLEANUP(rollback) struct ledger *ledger = apply->ledger;
	int r = ledger ? ledger_begin_read(ledger) : 0;

	return r < 0 ? r : wanted_make(apply, pf, wanted);
}

/* Makes the plan for the PF, with the names of those who hold its VFs. */
static int plan_for_pf(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan **ret_plan)
{
	CLEANUP(wanted_end) struct wanted wanted = { 0 };
	int r = read_wanted(apply, pf, &wanted);

	if (r < 0)
		return r;
	/* Of one pool, what the others ask for isn't known. */
	if (!apply->name && !(apply->flags & VFPOOL_APPLY_DRY_RUN)) {
		r = refusals_forget_unasked(apply->ledger, pf, &wanted);
		if (r < 0)
			return r;
	}
	r = make_plan(apply, &wanted, ret_plan);
	if (r < 0 || !has_holder(*ret_plan))
		return r;
	host_name_holders(&apply->host, pf); /* worth a look at who it is */
	vfpool_plan_free(TAKE_PTR(*ret_plan));
	return make_plan(apply, &wanted, ret_plan);
}

/* Adds the context's error, which is about the PF or one of its VFs, to the PF's plan: the others go on. */
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

/* Tells whether a step of that VF has failed. What a card just doesn't have is no failure of the VF. */
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
	int r = host_read_pf(&apply->host, &claim->pf->address, (int)row->place.vf, &pf);

	if (r < 0)
		return r;
	return vf_free_idle(apply->vp, &apply->host, apply->ledger, claim->pool, row, &pf, NULL,
			    &freed);
}

/* Frees the pool's VFs of that PF, which is still locked, that were found busy once, or are in quarantine, and that
 * nothing has now; not those whose steps have told what is wrong with them. */
static int free_idle_of_claim(struct apply *apply, struct visit *visit,
			      const struct pool_claim *claim)
{
	int64_t pf_id = 0;
	int r = ledger_pf(apply->ledger, claim->pf, false, &pf_id);

	if (r < 0 || !pf_id)
		return r;
	for (size_t i = 0; i < claim->pf->n_vfs; i++) {
		const struct vfpool_vf *vf = &claim->pf->vfs[i];
		struct ledger_vf row = { 0 };

		if (vf->busy || !vfpool_pool_has_vf(claim->want, vf->index) ||
		    has_failed(visit->plan, vf->index))
			continue;
		r = ledger_vf(apply->ledger, pf_id, vf->index, &row);
		if (r < 0)
			return r;
		if (!row.avoid && !row.quarantined)
			continue;
		if (free_vf(apply, claim, &row) < 0 && add_failure(apply, visit) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Does so for each pool of the visited PF. */
static int free_idle_on_pf(struct apply *apply, struct visit *visit)
{
	for (size_t i = 0; i < apply->n_claims; i++) {
		const struct pool_claim *claim = &apply->claims[i];
		int r;

		if (claim->pf != visit->pf || !scope_has_claim(apply, claim))
			continue;
		r = free_idle_of_claim(apply, visit, claim);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- one PF, from lock to unlock ---- */

static bool has_pf_step(const struct vfpool_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (steps_is_pf(&plan->steps[i]))
			return true;
	return false;
}

/* Carries out the PF's own steps. Its VFs have their turn when the other PFs' VFs are made too, and links have
 * had time to come. */
static void begin_pf(struct apply *apply, struct visit *visit, struct vfpool_plan **plan, int lock)
{
	visit->plan = TAKE_PTR(*plan);
	visit->is_due = steps_do_pf(apply, visit->pf, visit->plan, lock);
	steps_keep_done(visit->plan);
}

/* Looks at the PF, plans, and does its own steps or those of its VFs; `lock` is the PF's, -1 in a dry run. */
static int do_locked(struct apply *apply, struct visit *visit, int lock)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = NULL;
	const bool dry_run = apply->flags & VFPOOL_APPLY_DRY_RUN;
	int r = scope_look_at_pf(apply, visit->pf, lock >= 0);

	if (r < 0)
		return r;
	r = plan_for_pf(apply, visit->pf, &plan);
	if (r < 0)
		return r;
	if (!dry_run && !visit->plan && has_pf_step(plan)) {
		begin_pf(apply, visit, &plan, lock);
		return 0;
	}
	if (!visit->plan)
		visit->plan = TAKE_PTR(plan);
	else if (steps_add_after_pf(visit->plan, plan) < 0)
		return fail_oom(&apply->vp->err);
	if (dry_run)
		return 0;
	r = steps_do_vfs(apply, visit->pf, visit->plan);
	return r < 0 || apply->unrecorded ? r : free_idle_on_pf(apply, visit);
}

/* Takes the PF's lock; -EWOULDBLOCK, without `wait`, when another vfpool has it. */
static int lock_pf(struct apply *apply, const struct vfpool_pf *pf, bool wait, int *ret_lock)
{
	if (apply->flags & VFPOOL_APPLY_DRY_RUN)
		return 0;
	return wait ? host_lock_pf(&apply->host, pf, ret_lock) :
		      host_try_lock_pf(&apply->host, pf, ret_lock);
}

/* Gives the PF one turn. Without `wait`, one that another vfpool has stays due. */
static int visit_pf(struct apply *apply, struct visit *visit, bool wait)
{
	AUTO_CLOSE int lock = -1;
	int r = lock_pf(apply, visit->pf, wait, &lock);

	if (r == -EWOULDBLOCK && !wait)
		return 0;
	visit->is_due = false;
	r = r < 0 ? r : do_locked(apply, visit, lock);
	return r < 0 && r != -ENOMEM ? add_failure(apply, visit) : r;
}

static int visit_due(struct apply *apply, const struct visits *visits, bool wait)
{
	for (size_t i = 0; i < visits->n; i++) {
		int r = visits->list[i].is_due ? visit_pf(apply, &visits->list[i], wait) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Tells the host to wait for the links of the PFs whose own steps were just done. */
static void expect_links(struct apply *apply, const struct visits *visits)
{
	for (size_t i = 0; i < visits->n; i++)
		if (visits->list[i].is_due && visits->list[i].plan)
			host_expect_links(&apply->host);
}

static int visit_all(struct apply *apply, struct visits *visits)
{
	const struct vfpool_inventory *inventory = apply->inventory;

	visits->list = calloc(inventory->n_pfs + 1, sizeof(*visits->list));
	if (!visits->list)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (scope_has_pf(apply, &inventory->pfs[i]))
			visits->list[visits->n++] = (struct visit){ .pf = &inventory->pfs[i],
								    .is_due = true };
	/* Each has two turns, the second for its VFs. First those that are at once to be had, then those that
	 * others have now: nobody waits for them. */
	for (int turn = 0; turn < 4; turn++) {
		int r = visit_due(apply, visits, turn >= 2);

		if (r < 0)
			return r;
		expect_links(apply, visits);
	}
	return 0;
}

/* Puts the PFs' plans together, whatever became of them. */
static int gather(struct apply *apply, const struct visits *visits, struct vfpool_plan **ret_plan)
{
	CLEANUP(cleanup_plan) struct vfpool_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < visits->n; i++)
		if (visits->list[i].plan && steps_add_plan(plan, visits->list[i].plan) < 0)
			return fail_oom(&apply->vp->err);
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		plan->n_pools++;
	plan->n_pools += apply->n_broken;
	*ret_plan = TAKE_PTR(plan);
	return 0;
}

/* ---- all of it ---- */

/* Fails when a PF of the one pool that is meant isn't here. Of all pools, the plan notes it. */
static int check_pfs_are_here(struct apply *apply)
{
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->name && scope_has_claim(apply, &apply->claims[i]) &&
		    !apply->claims[i].pf &&
		    !vfpool_may_be_unread(apply->inventory, apply->claims[i].want))
			return claims_fail_missing_pf(apply->vp, &apply->host, &apply->claims[i]);
	return 0;
}

/* Takes a copy of a ledger whose /var is full or read-only: the VFs are to come back at boot all the same, as far as
 * the ledger knows them. */
static int go_on_unrecorded(struct apply *apply)
{
	apply->unrecorded = strdup(apply->vp->err.text);
	return apply->unrecorded ? open_ledger_copy(apply->vp, &apply->ledger) :
				   fail_oom(&apply->vp->err);
}

/* Opens the ledger and records the pools' VFs in it; in a dry run it is only read. */
static int open_apply_ledger(struct apply *apply)
{
	int r;

	if (apply->flags & VFPOOL_APPLY_DRY_RUN)
		return open_ledger(apply->vp, LEDGER_READ, &apply->ledger);
	r = open_ledger(apply->vp, LEDGER_WRITE, &apply->ledger);
	r = r < 0 ? r : wanted_record_pools(apply);
	return ledger_takes_no_more(r) ? go_on_unrecorded(apply) : r;
}

static int note_unrecorded(struct apply *apply, struct vfpool_plan *plan)
{
	unsigned n = 0;
	int r = wanted_count_unknown(apply, &n);

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
	int r = open_host(apply->vp, &apply->host);

	if (r < 0)
		return r;
	r = host_read_inventory(&apply->host, HOST_NO_VFS, &apply->inventory);
	if (r < 0)
		return r;
	r = scope_find(apply);
	if (r < 0)
		return r;
	r = check_pfs_are_here(apply);
	if (r < 0)
		return r;
	host_read_eswitch(apply->inventory);
	return open_apply_ledger(apply);
}

/* Adds to the plan what goes beyond single PFs; *ret_missing becomes true when a PF or a device isn't here. */
static int finish(struct apply *apply, struct vfpool_plan *plan, bool *ret_missing)
{
	int r;

	if (!apply->name) {
		r = rebind_persistent(apply, plan, ret_missing);
		if (r < 0)
			return r;
	}
	if (apply->unrecorded) {
		r = note_unrecorded(apply, plan);
		if (r < 0)
			return r;
	}
	r = note_obstacles(apply, plan);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(&apply->vp->err) : r;
	if (note_vlans(apply, plan) < 0 || note_boot(apply, plan) < 0 ||
	    note_missing_pfs(apply, plan, ret_missing) < 0)
		return fail_oom(&apply->vp->err);
	return 0;
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
	bool missing = false;
	int r = check_root(vp, "applying a pool");

	if (r < 0)
		return r;
	r = prepare(&apply);
	if (r < 0)
		return r;
	r = visit_all(&apply, &visits);
	if (gather(&apply, &visits, &steps) < 0)
		return fail_oom(&vp->err);
	r = r < 0 ? r : finish(&apply, steps, &missing);
	r = r < 0 ? r : sum_up(&apply, steps, missing || apply.unrecorded);
	*ret_plan = TAKE_PTR(steps); /* after a failure too: it says what was done */
	return r;
}
