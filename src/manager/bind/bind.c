/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices get a driver by hand, and back what they had: all that are meant, or none. */
#include "manager/bind/bind.h"
#include "manager/bind/change.h"
#include "manager/bind/check.h"
#include "manager/bind/targets.h"
#include "manager/bind/record.h"

#include "util/name.h"

#include <string.h>

static int decide_bind(struct binding_job *job, struct target *target)
{
	int r = check_is_ours(job, target);

	if (r < 0)
		return r;
	if (driver_is(driver_of(&target->before), target->driver))
		return 0;
	target->state = TARGET_CHANGES;
	return check_change(job, target);
}

/* Decides which of the targets change, and records what is to be, in one transaction of the ledger. */
static int decide_and_record(struct binding_job *job)
{
	int r = record_begin(job);

	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		r = decide_bind(job, &job->targets[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < job->n; i++) {
		r = record_target(job, &job->targets[i]);
		if (r < 0)
			return r;
	}
	return job->request->dry_run ? 0 : ledger_commit(job->ledger);
}

static int prepare_bind(struct binding_job *job)
{
	int r = decide_and_record(job);

	ledger_rollback(job->ledger);
	return r;
}

static bool is_target(const struct binding_job *job, const struct vfpool_pci *address)
{
	for (size_t i = 0; i < job->n; i++)
		if (vfpool_pci_equal(&job->targets[i].address, address))
			return true;
	return false;
}

/* Notes what else of the target's group, which wasn't meant, keeps the group from guests. */
static void note_group(struct binding_job *job, const struct target *target)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	char text[VFPOOL_PCI_TEXT], others[600] = "";
	size_t n = 0;

	if (host_read_group_of(&job->host, &target->address, &group) < 0 || group.number < 0)
		return;
	for (size_t i = 0; i < group.n_devices && n < sizeof(others); i++) {
		const struct vfpool_device *device = &group.devices[i];

		if (is_target(job, &device->address)) {
			if (vfpool_pci_compare(&device->address, &target->address) < 0)
				return; /* it was said of that one */
		} else if (device->is_in_the_way) {
			vfpool_pci_format(&device->address, text);
			n += (size_t)snprintf(others + n, sizeof(others) - n, "%s%s (%s)",
					      n ? ", " : "", text,
					      device->driver ? device->driver : device->used);
		}
	}
	if (n > 0)
		note(job->vp,
		     "no guest can have IOMMU group %d yet: it also has %s; 'vfpool bind %s --group' takes all of it",
		     group.number, others, target_text(target, text));
}

static int bind_targets(struct binding_job *job)
{
	int r = targets_find(job);

	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++)
		job->targets[i].driver = job->request->driver;
	r = check_pools(job);
	if (r < 0)
		return r;
	r = prepare_bind(job);
	if (r < 0)
		return r;
	r = job->request->dry_run ? 0 : change_carry_out(job);
	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++)
		change_note_target(job, &job->targets[i]);
	for (size_t i = 0; driver_is_vfio(job->request->driver) && i < job->n; i++)
		note_group(job, &job->targets[i]);
	return 0;
}

int vfpool_bind(struct vfpool *vp, const struct vfpool_bind_request *request,
		struct vfpool_binding **ret_bindings, size_t *ret_n)
{
	struct vfpool_bind_request with_driver = *request;
	CLEANUP(binding_job_end)
	struct binding_job job = { .vp = vp, .request = &with_driver, .host = NO_HOST };
	int r;

	if (!with_driver.driver)
		with_driver.driver = "vfio-pci";
	r = check_driver(vp, with_driver.driver);
	if (r < 0)
		return r;
	r = binding_job_open(vp, "binding a device", &job);
	if (r < 0)
		return r;
	r = host_check_driver(&job.host, with_driver.driver);
	if (r < 0)
		return r;
	r = bind_targets(&job);
	if (r < 0)
		return fail_while(&vp->err, r, "binding to %s", with_driver.driver);
	return change_fill_bindings(&job, ret_bindings, ret_n);
}

int bind_again(struct vfpool *vp, const struct vfpool_pci *device, const char *driver, bool dry_run,
	       struct vfpool_binding **ret_binding)
{
	char text[VFPOOL_PCI_TEXT];
	const char *const address = text;
	const struct vfpool_bind_request request = {
		.addresses = &address,
		.n_addresses = 1,
		.driver = driver,
		.persist = true,
		.dry_run = dry_run,
	};
	size_t n;

	vfpool_pci_format(device, text);
	return vfpool_bind(vp, &request, ret_binding, &n);
}
