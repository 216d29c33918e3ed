/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices that bind and unbind are about: found, locked, looked at. */
#include "manager/bind/targets.h"

#include "util/name.h"

#include <string.h>

static void target_end(struct target *target)
{
	device_end(&target->before);
	pf_end(&target->pf);
	free(target->holder);
	free(target->group_holder);
	free(target->pool);
}

void binding_job_end(struct binding_job *job)
{
	for (size_t i = 0; i < job->n; i++)
		target_end(&job->targets[i]);
	for (size_t i = 0; i < job->n_locks; i++)
		cleanup_close(&job->locks[i]);
	free(job->targets);
	free(job->locks);
	ledger_rollback(job->ledger);
	host_end(&job->host);
}

const char *driver_of(const struct vfpool_device *device)
{
	return device->driver ? device->driver : "";
}

const char *override_of(const struct vfpool_device *device)
{
	return device->driver_override ? device->driver_override : "";
}

const char *target_text(const struct target *target, char text[VFPOOL_PCI_TEXT])
{
	vfpool_pci_format(&target->address, text);
	return text;
}

int binding_job_open(struct vfpool *vp, const char *doing, struct binding_job *job)
{
	int r = check_root(vp, doing);

	if (r < 0)
		return r;
	r = open_host(vp, &job->host);
	return r < 0 ? r : host_boot_id(&job->host, job->boot);
}

/* ---- who is meant ---- */

/* By the PCI code and ID assignment specification: the host's own, to ISA, to PCI, … */
#define PCI_BASE_CLASS_BRIDGE 0x06

static bool is_bridge(const struct vfpool_device *device)
{
	return device->kind != VFPOOL_ENDPOINT || device->class >> 16 == PCI_BASE_CLASS_BRIDGE;
}

static int add_target(struct binding_job *job, const struct vfpool_pci *address)
{
	struct target *grown;

	for (size_t i = 0; i < job->n; i++)
		if (vfpool_pci_equal(&job->targets[i].address, address))
			return 0;
	grown = reallocarray(job->targets, job->n + 1, sizeof(*grown));
	if (!grown)
		return fail_oom(&job->vp->err);
	job->targets = grown;
	job->targets[job->n++] = (struct target){ .address = *address };
	return 0;
}

static int add_endpoints(struct binding_job *job, const struct vfpool_group *group)
{
	for (size_t i = 0; i < group->n_devices; i++)
		if (!is_bridge(&group->devices[i]) &&
		    add_target(job, &group->devices[i].address) < 0)
			return -ENOMEM;
	return 0;
}

static const struct vfpool_device *find_device(const struct vfpool_group *group,
					       const struct vfpool_pci *address)
{
	for (size_t i = 0; i < group->n_devices; i++)
		if (vfpool_pci_equal(&group->devices[i].address, address))
			return &group->devices[i];
	return NULL;
}

static int fail_gone(struct binding_job *job, const struct vfpool_pci *address)
{
	char text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(address, text);
	return fail(&job->vp->err, -VFPOOL_ENOTFOUND, "this host has no PCI device %s", text);
}

static int add_meant(struct binding_job *job, const char *text)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	const struct vfpool_device *device;
	struct vfpool_pci address;
	int r;

	if (vfpool_pci_parse(text, &address) < 0)
		return fail(&job->vp->err, -EINVAL,
			    "'%s' is no PCI address, as 0000:01:10.2 or libvirt's pci_0000_01_10_2",
			    text);
	r = host_read_group_of(&job->host, &address, &group);
	if (r < 0)
		return r;
	device = find_device(&group, &address);
	if (!device)
		return fail_gone(job, &address);
	if (is_bridge(device))
		return fail(&job->vp->err, -EINVAL,
			    "%s is a bridge or port: it stays with the kernel's driver, which "
			    "doesn't keep its group from a guest",
			    text);
	r = add_target(job, &address);
	return r == 0 && job->request->group ? add_endpoints(job, &group) : r;
}

static int by_address(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return vfpool_pci_compare(&x->address, &y->address);
}

/* ---- locks ---- */

static int compare_addresses(const void *a, const void *b)
{
	return vfpool_pci_compare(a, b);
}

/* Finds by which address the target is locked: a VF's PF, else the device's own. */
static int lock_address(struct binding_job *job, const struct target *target,
			struct vfpool_pci *ret_address)
{
	struct vfpool_device device;
	int r = host_read_device(&job->host, &target->address, &device);

	if (r < 0)
		return r;
	*ret_address = device.is_vf ? device.pf : target->address;
	device_end(&device);
	return 0;
}

/* Locks the PFs of all targets, in the order of addresses, as all do. */
static int lock_targets(struct binding_job *job)
{
	AUTO_FREE struct vfpool_pci *addresses = calloc(job->n + 1, sizeof(*addresses));
	int r;

	job->locks = calloc(job->n + 1, sizeof(*job->locks));
	if (!addresses || !job->locks)
		return fail_oom(&job->vp->err);
	for (size_t i = 0; i < job->n; i++) {
		r = lock_address(job, &job->targets[i], &addresses[i]);
		if (r < 0)
			return r;
	}
	qsort(addresses, job->n, sizeof(*addresses), compare_addresses);
	for (size_t i = 0; i < job->n; i++) {
		const struct vfpool_pf pf = { .address = addresses[i] };

		if (i > 0 && vfpool_pci_equal(&addresses[i - 1], &addresses[i]))
			continue;
		r = host_lock_pf(&job->host, &pf, &job->locks[job->n_locks]);
		if (r < 0)
			return r;
		job->n_locks++;
	}
	return 0;
}

/* ---- what uses it ---- */

/* libvirt's file says more of a network card's VF than its driver does. */
static int look_at_vf(struct binding_job *job, const struct vfpool_device *device, char **ret_used)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	int r = host_read_pf(&job->host, &device->pf, (int)device->vf, &pf);

	if (r == 0 && pf.is_network && pf.n_vfs > 0 && pf.vfs[0].busy) {
		free(*ret_used);
		*ret_used = TAKE_PTR(pf.vfs[0].busy);
	}
	return r;
}

static int take_use(struct binding_job *job, struct vfpool_device *device, char **ret_used)
{
	AUTO_FREE char *used = TAKE_PTR(device->used);
	int r = device->is_vf ? look_at_vf(job, device, &used) : 0;

	if (r == 0)
		*ret_used = TAKE_PTR(used);
	return r;
}

int target_look_at_use(struct binding_job *job, const struct target *target, char **ret_used)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	int r = host_read_device(&job->host, &target->address, &device);

	return r < 0 ? r : take_use(job, &device, ret_used);
}

/*
 * A guest that has a device of the group open through vfio has the whole group. Another driver that
 * comes to one of it is refused by kernels since 5.19; older ones stop the host with a BUG.
 */
static int look_at_others(struct binding_job *job, const struct vfpool_group *group,
			  struct target *target)
{
	for (size_t i = 0; i < group->n_devices && !target->group_holder; i++) {
		const struct vfpool_device *other = &group->devices[i];
		char text[VFPOOL_PCI_TEXT];

		if (vfpool_pci_equal(&other->address, &target->address) || !other->used ||
		    !driver_is_vfio(driver_of(other)))
			continue;
		vfpool_pci_format(&other->address, text);
		if (asprintf(&target->group_holder, "%s in its IOMMU group is %s", text,
			     other->used) < 0) {
			target->group_holder = NULL;
			return fail_oom(&job->vp->err);
		}
	}
	return 0;
}

int target_look_at_group(struct binding_job *job, struct target *target)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	int r = host_read_group_of(&job->host, &target->address, &group);

	return r < 0 ? r : look_at_others(job, &group, target);
}

static int look_at_target(struct binding_job *job, struct target *target)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	struct vfpool_device *device;
	int r = host_read_group_of(&job->host, &target->address, &group);

	if (r < 0)
		return r;
	device = (struct vfpool_device *)find_device(&group, &target->address);
	if (!device)
		return fail_gone(job, &target->address);
	for (size_t i = 0; i < group.n_devices; i++)
		target->is_near_vf = target->is_near_vf || group.devices[i].is_vf;
	r = take_use(job, device, &target->holder);
	if (r < 0)
		return r;
	r = look_at_others(job, &group, target);
	if (r < 0)
		return r;
	target->before = *device;
	*device = (struct vfpool_device){ 0 };
	if (!target->before.is_vf)
		return 0;
	return host_read_pf(&job->host, &target->before.pf, HOST_NO_VFS, &target->pf);
}

int targets_find(struct binding_job *job)
{
	const struct vfpool_bind_request *request = job->request;
	int r;

	for (size_t i = 0; i < request->n_addresses; i++) {
		r = add_meant(job, request->addresses[i]);
		if (r < 0)
			return r;
	}
	if (job->n == 0)
		return 0;
	qsort(job->targets, job->n, sizeof(*job->targets), by_address);
	r = request->dry_run ? 0 : lock_targets(job);
	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		r = look_at_target(job, &job->targets[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
