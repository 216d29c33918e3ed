/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices get back what they had before they were bound by hand. */
#include "manager/bind/change.h"
#include "manager/bind/check.h"
#include "manager/bind/targets.h"
#include "manager/bind/record.h"
#include "manager/context.h"
#include "manager/open_ledger.h"

#include <string.h>

/* Forgets what was bound at the address and isn't there any more: there is nothing to give it back. */
static int forget_absent(struct binding_job *job, const struct vfpool_pci *address,
			 const char *text, bool *ret_found)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	struct ledger_binding binding = { 0 };
	const bool dry_run = job->request->dry_run;
	int r = open_ledger(job->vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &ledger);

	*ret_found = false;
	if (r < 0 || !ledger)
		return r;
	r = ledger_begin(ledger);
	if (r < 0)
		return r;
	r = ledger_binding_at(ledger, address, job->boot, &binding);
	if (r < 0 || !binding.id)
		return r;
	if (!dry_run) {
		r = ledger_forget_binding(ledger, &binding);
		if (r < 0)
			return r;
		r = ledger_commit(ledger);
		if (r < 0)
			return r;
	}
	note(job->vp, "%s isn't there any more: %s", text,
	     dry_run ? "it would be forgotten" : "it is forgotten");
	*ret_found = true;
	return 0;
}

/* Forgets those of the request that aren't there any more, and leaves the others in `present`. */
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

static int decide_unbind(struct binding_job *job, struct target *target)
{
	char text[VFPOOL_PCI_TEXT];
	bool is_undone, new_driver;

	if (!target->bound.id) {
		target->state = TARGET_LEFT;
		if (target->other.id)
			note(job->vp,
			     "%s is another device than the one that vfpool bound there, which is forgotten",
			     target_text(target, text));
		if (target->other.id || job->request->group)
			return 0;
		return fail(
			&job->vp->err, -VFPOOL_ENOTFOUND,
			"vfpool hasn't bound %s, or not since the host was "
			"booted; 'vfpool bind %s --driver host' gives it its own driver; nothing was changed",
			target_text(target, text), text);
	}
	/* A reboot undid it, and nothing was bound anew. */
	is_undone = strcmp(target->bound.boot, job->boot) != 0;
	target->driver = is_undone ? driver_of(&target->before) : target->bound.from_driver;
	target->override = is_undone ? override_of(&target->before) : target->bound.from_override;
	new_driver = strcmp(driver_of(&target->before), target->driver) != 0;
	if (new_driver || strcmp(override_of(&target->before), target->override) != 0)
		target->state = TARGET_CHANGES;
	return new_driver ? check_change(job, target) : 0;
}

static int prepare_unbind(struct binding_job *job)
{
	bool any = false;
	int r = record_begin(job);

	for (size_t i = 0; r == 0 && i < job->n; i++) {
		r = decide_unbind(job, &job->targets[i]);
		any = any || job->targets[i].other.id || job->targets[i].state != TARGET_LEFT;
	}
	ledger_rollback(job->ledger); /* nothing was written */
	if (r < 0)
		return r;
	if (job->n > 0 && !any)
		return fail(
			&job->vp->err, -VFPOOL_ENOTFOUND,
			"vfpool has bound nothing in there, or not since the "
			"host was booted; 'vfpool bind ADDRESS --driver host' gives a device its own driver");
	return 0;
}

static int forget_targets(struct binding_job *job)
{
	int r = ledger_begin(job->ledger);

	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		const struct target *target = &job->targets[i];

		if (!target->bound.id && !target->other.id)
			continue;
		r = ledger_forget_binding(job->ledger,
					  target->other.id ? &target->other : &target->bound);
		if (r < 0)
			return r;
	}
	return ledger_commit(job->ledger);
}

static int carry_out_unbinding(struct binding_job *job)
{
	int r = change_carry_out(job);

	if (r < 0)
		return r;
	r = forget_targets(job);
	if (r < 0)
		return fail_while(
			&job->vp->err, r,
			"the drivers are as they were before, and the same command tells the ledger so");
	return 0;
}

static int unbind_targets(struct binding_job *job)
{
	int r = targets_find(job);

	if (r < 0)
		return r;
	r = prepare_unbind(job);
	if (r < 0)
		return r;
	r = check_pools(job);
	if (r < 0)
		return r;
	r = job->request->dry_run ? 0 : carry_out_unbinding(job);
	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++)
		change_note_target(job, &job->targets[i]);
	return 0;
}

int vfpool_unbind(struct vfpool *vp, const struct vfpool_bind_request *request,
		  struct vfpool_binding **ret_bindings, size_t *ret_n)
{
	AUTO_FREE const char **present = calloc(request->n_addresses + 1, sizeof(*present));
	struct vfpool_bind_request of_present = *request;
	CLEANUP(binding_job_end)
	struct binding_job job = { .vp = vp, .request = &of_present, .host = NO_HOST };
	int r = present ? binding_job_open(vp, "unbinding a device", &job) : fail_oom(&vp->err);

	of_present.persist = false;
	if (r < 0)
		return r;
	r = forget_absent_ones(&job, present, &of_present.n_addresses);
	of_present.addresses = present;
	r = r < 0 ? r : unbind_targets(&job);
	if (r < 0)
		return fail_while(&vp->err, r, "unbinding");
	return change_fill_bindings(&job, ret_bindings, ret_n);
}
