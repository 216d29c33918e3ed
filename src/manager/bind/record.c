/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ledger says of devices that were bound by hand, and is to say. */
#include "manager/bind/record.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include <string.h>

/* Tells whether the device of that record isn't on this host any more. A VF's PF is known by its MAC; the address is
 * where both were last. */
static bool is_gone(struct binding_job *job, const struct ledger_binding *found)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	KEEP_ERROR(&job->vp->err);
	int r;

	if (!found->pf_id)
		return false;
	r = vf_open_pf(&job->host, &found->place, &pf, NULL);
	return r == -VFPOOL_ENOTFOUND || (r == 0 && pf.n_vfs == 0);
}

/* What was bound there may have been another device, which is gone. */
static int find_record_of_other(struct binding_job *job, struct target *target)
{
	struct ledger_binding found = { 0 };
	int r = ledger_binding_at(job->ledger, &target->address, job->boot, &found);

	if (r < 0)
		return r;
	if (found.id && is_gone(job, &found))
		target->other = found;
	return 0;
}

/* Finds what the ledger says of the target, or of another device in its place. */
static int find_record(struct binding_job *job, struct target *target)
{
	struct ledger_binding found = { 0 };
	int r = 0;

	if (target->before.is_vf) {
		r = ledger_pf(job->ledger, &target->pf, false, &target->pf_id);
		if (r < 0)
			return r;
	}
	if (target->pf_id || !target->before.is_vf) {
		r = ledger_binding(job->ledger, target->pf_id, target->before.vf, &target->address,
				   job->boot, &found);
		if (r < 0)
			return r;
	}
	if (!found.id)
		return find_record_of_other(job, target);
	if (found.vendor == target->before.vendor && found.device == target->before.device)
		target->bound = found;
	else
		target->other = found;
	return 0;
}

/* Opens the ledger for a change, and finds what it says of the targets. */
int record_begin(struct binding_job *job)
{
	const bool dry_run = job->request->dry_run;
	int r = open_ledger(job->vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &job->ledger);

	if (r < 0 || !job->ledger)
		return r;
	r = dry_run ? ledger_begin_read(job->ledger) : ledger_begin(job->ledger);
	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		r = find_record(job, &job->targets[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

bool record_persists_anyway(const struct target *target)
{
	return target->bound.id && target->bound.persists &&
	       strcmp(target->bound.driver, target->driver) == 0;
}

/* Fills in what is written for the change. What the target had is what it had before vfpool's first change since the
 * host was booted. So early at boot that its driver isn't there yet, it will be the same as last time. */
static void fill_record(struct binding_job *job, struct target *target)
{
	const bool is_old = target->bound.id && strcmp(target->bound.boot, job->boot) != 0;
	struct ledger_binding record = target->bound;

	record.pf_id = target->pf_id;
	record.place.vf = target->before.vf;
	record.address = target->address;
	record.vendor = target->before.vendor;
	record.device = target->before.device;
	record.persists = job->request->persist || record_persists_anyway(target);
	snprintf(record.driver, sizeof(record.driver), "%s", target->driver);
	snprintf(record.boot, sizeof(record.boot), "%s", job->boot);
	if (!target->bound.id || (is_old && target->before.driver))
		snprintf(record.from_driver, sizeof(record.from_driver), "%s",
			 driver_of(&target->before));
	if (!target->bound.id || is_old)
		snprintf(record.from_override, sizeof(record.from_override), "%s",
			 override_of(&target->before));
	target->record = record;
}

int record_target(struct binding_job *job, struct target *target)
{
	if (target->state != TARGET_CHANGES &&
	    (!job->request->persist || record_persists_anyway(target)))
		return 0;
	if (target->before.is_vf && !target->pf_id && !job->request->dry_run) {
		int r = ledger_pf(job->ledger, &target->pf, true, &target->pf_id);

		if (r < 0)
			return r;
	}
	fill_record(job, target);
	target->is_recorded = true;
	return job->request->dry_run ? 0 : ledger_set_binding(job->ledger, &target->record);
}
