/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ledger says of devices that were bound by hand, and is to say. */
#include "manager/bind/record.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include <string.h>

/* A VF's PF is known by its MAC; the address is where both were last. */
static bool is_gone(struct binding_job *job, const struct ledger_binding *found)
{
	const struct vfpool_lease place = {
		.pf = found->pf,
		.has_pf_mac = found->has_pf_mac,
		.pf_mac = found->pf_mac,
		.vf = found->vf,
	};
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	const struct error why = job->vp->err;
	int r = found->pf_id ? open_lease_pf(&job->host, &place, &pf, NULL) : 0;

	job->vp->err = why;
	return r == -VFPOOL_ENOTFOUND || (r == 0 && found->pf_id && pf.n_vfs == 0);
}

static int find_record(struct binding_job *job, struct member *member)
{
	struct ledger_binding found = { 0 };
	int r = 0;

	if (member->is.is_vf)
		r = ledger_pf(job->ledger, &member->pf, false, &member->pf_id);
	if (r == 0 && (member->pf_id || !member->is.is_vf))
		r = ledger_binding(job->ledger, member->pf_id, member->is.vf, &member->address,
				   job->boot, &found);
	if (r == 0 && !found.id) {
		/* What was bound there may have been another device, which is gone. */
		r = ledger_binding_at(job->ledger, &member->address, job->boot, &found);
		member->is_other = r == 0 && found.id && is_gone(job, &found);
		if (member->is_other)
			member->other = found;
		return r;
	}
	if (r < 0)
		return r;
	member->is_other = found.vendor != member->is.vendor || found.device != member->is.device;
	*(member->is_other ? &member->other : &member->was) = found;
	return 0;
}

/* Opens the ledger for a change, and finds what it says of the members. */
int begin_binding(struct binding_job *job)
{
	const bool dry_run = job->request->dry_run;
	int r = open_ledger(job->vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &job->ledger);

	if (r == 0 && job->ledger)
		r = dry_run ? ledger_begin_read(job->ledger) : ledger_begin(job->ledger);
	for (size_t i = 0; r == 0 && job->ledger && i < job->n; i++)
		r = find_record(job, &job->members[i]);
	return r;
}

bool persists_anyway(const struct member *member)
{
	return member->was.id && member->was.persists &&
	       strcmp(member->was.driver, member->driver) == 0;
}

/* What it had is what it had before vfpool's first change since the host was booted. So early at boot that
 * its driver isn't there yet, it will be the same as last time. */
static void fill_record(struct binding_job *job, struct member *member)
{
	const bool is_old = member->was.id && strcmp(member->was.boot, job->boot) != 0;
	struct ledger_binding record = member->was;

	record.pf_id = member->pf_id;
	record.vf = member->is.vf;
	record.address = member->address;
	record.vendor = member->is.vendor;
	record.device = member->is.device;
	record.persists = job->request->persist || persists_anyway(member);
	snprintf(record.driver, sizeof(record.driver), "%s", member->driver);
	snprintf(record.boot, sizeof(record.boot), "%s", job->boot);
	if (!member->was.id || (is_old && member->is.driver))
		snprintf(record.from_driver, sizeof(record.from_driver), "%s",
			 driver_of(&member->is));
	if (!member->was.id || is_old)
		snprintf(record.from_override, sizeof(record.from_override), "%s",
			 override_of(&member->is));
	member->record = record;
}

int record_member(struct binding_job *job, struct member *member)
{
	int r = 0;

	if (!member->changes && (!job->request->persist || persists_anyway(member)))
		return 0;
	if (member->is.is_vf && !member->pf_id && !job->request->dry_run)
		r = ledger_pf(job->ledger, &member->pf, true, &member->pf_id);
	if (r < 0)
		return r;
	fill_record(job, member);
	member->is_recorded = true;
	return job->request->dry_run ? 0 : ledger_set_binding(job->ledger, &member->record);
}
