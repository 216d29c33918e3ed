/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices get back what they had before they were bound by hand. */
#include "manager/bind/change.h"
#include "manager/bind/check.h"
#include "manager/bind/members.h"
#include "manager/bind/record.h"
#include "manager/context.h"
#include "manager/open_ledger.h"

#include <string.h>

/* What was bound and isn't there any more: there is nothing to give it back, so it is forgotten. */
static int forget_absent(struct binding_job *job, const struct vfpool_pci *address,
			 const char *text, bool *ret_found)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	struct ledger_binding binding = { 0 };
	int r = open_ledger(job->vp, job->request->dry_run ? LEDGER_READ : LEDGER_WRITE, &ledger);

	if (r == 0 && ledger)
		r = ledger_begin(ledger);
	if (r == 0 && ledger)
		r = ledger_binding_at(ledger, address, job->boot, &binding);
	if (r == 0 && binding.id && !job->request->dry_run)
		r = ledger_forget_binding(ledger, &binding);
	if (r == 0 && binding.id && !job->request->dry_run)
		r = ledger_commit(ledger);
	*ret_found = r == 0 && binding.id;
	if (*ret_found)
		note(job->vp, "%s isn't there any more: %s", text,
		     job->request->dry_run ? "it would be forgotten" : "it is forgotten");
	return r;
}

/* Leaves those that are there in `present`. */
static int forget_absent_ones(struct binding_job *job, const char **present, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < job->request->n_addresses; i++) {
		const char *text = job->request->addresses[i];
		struct vfpool_device device = { 0 };
		struct vfpool_pci address;
		bool forgotten = false;
		int r;

		if (vfpool_pci_parse(text, &address) == 0) {
			r = host_read_device(&job->host, &address, &device);
			device_end(&device);
			if (r == -VFPOOL_ENOTFOUND)
				r = forget_absent(job, &address, text, &forgotten);
			if (r < 0)
				return r;
		}
		if (!forgotten)
			present[n++] = text;
	}
	*ret_n = n;
	return 0;
}

static int decide_unbind(struct binding_job *job, struct member *member)
{
	char text[VFPOOL_PCI_TEXT];
	bool is_undone, new_driver;

	if (!member->was.id) {
		member->is_left = true;
		if (member->is_other)
			note(job->vp,
			     "%s is another device than the one that vfpool bound there, which is forgotten",
			     text_of(member, text));
		if (member->is_other || job->request->group)
			return 0;
		return fail(
			&job->vp->err, -VFPOOL_ENOTFOUND,
			"vfpool hasn't bound %s, or not since the host was "
			"booted; 'vfpool bind %s --driver host' gives it its own driver; nothing was changed",
			text_of(member, text), text);
	}
	/* A reboot undid it, and nothing was bound anew. */
	is_undone = strcmp(member->was.boot, job->boot) != 0;
	member->driver = is_undone ? driver_of(&member->is) : member->was.from_driver;
	member->override = is_undone ? override_of(&member->is) : member->was.from_override;
	new_driver = strcmp(driver_of(&member->is), member->driver) != 0;
	member->changes = new_driver || strcmp(override_of(&member->is), member->override) != 0;
	return new_driver ? check_change(job, member) : 0;
}

static int prepare_unbind(struct binding_job *job)
{
	bool any = false;
	int r = begin_binding(job);

	for (size_t i = 0; r == 0 && i < job->n; i++) {
		r = decide_unbind(job, &job->members[i]);
		any = any || job->members[i].is_other || !job->members[i].is_left;
	}
	ledger_rollback(job->ledger); /* nothing was written */
	if (r == 0 && job->n > 0 && !any)
		return fail(
			&job->vp->err, -VFPOOL_ENOTFOUND,
			"vfpool has bound nothing in there, or not since the "
			"host was booted; 'vfpool bind ADDRESS --driver host' gives a device its own driver");
	return r;
}

static int forget_members(struct binding_job *job)
{
	int r = ledger_begin(job->ledger);

	for (size_t i = 0; r == 0 && i < job->n; i++) {
		const struct member *member = &job->members[i];

		if (member->was.id || member->is_other)
			r = ledger_forget_binding(job->ledger,
						  member->is_other ? &member->other : &member->was);
	}
	return r < 0 ? r : ledger_commit(job->ledger);
}

static int unbind_members(struct binding_job *job)
{
	int r = find_members(job);

	if (r == 0)
		r = prepare_unbind(job);
	if (r == 0)
		r = check_pools(job);
	if (r == 0 && !job->request->dry_run) {
		r = carry_out_binding(job);
		if (r == 0 && (r = forget_members(job)) < 0)
			r = fail_while(
				&job->vp->err, r,
				"the drivers are as they were before, and the same command tells the "
				"ledger so");
	}
	for (size_t i = 0; r == 0 && i < job->n; i++)
		note_member(job, &job->members[i]);
	return r;
}

int vfpool_unbind(struct vfpool *vp, const struct vfpool_bind_request *request,
		  struct vfpool_binding **ret_bindings, size_t *ret_n)
{
	AUTO_FREE const char **present = calloc(request->n_addresses + 1, sizeof(*present));
	struct vfpool_bind_request of_present = *request;
	CLEANUP(binding_job_end)
	struct binding_job job = { .vp = vp, .request = &of_present, .host = NO_HOST };
	int r = present ? open_binding_job(vp, "unbinding a device", &job) : fail_oom(&vp->err);

	of_present.persist = false;
	if (r < 0)
		return r;
	r = forget_absent_ones(&job, present, &of_present.n_addresses);
	of_present.addresses = present;
	if (r == 0)
		r = unbind_members(&job);
	if (r < 0)
		return fail_while(&vp->err, r, "unbinding");
	return fill_bindings(&job, ret_bindings, ret_n);
}
