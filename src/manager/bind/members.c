/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices that bind and unbind are about: found, locked, looked at. */
#include "manager/bind/members.h"

#include "util/name.h"

#include <string.h>

static void member_end(struct member *member)
{
	device_end(&member->is);
	pf_end(&member->pf);
	free(member->used);
	free(member->live);
	free(member->pool);
}

void binding_job_end(struct binding_job *job)
{
	for (size_t i = 0; i < job->n; i++)
		member_end(&job->members[i]);
	for (size_t i = 0; i < job->n_locks; i++)
		cleanup_close(&job->locks[i]);
	free(job->members);
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

const char *text_of(const struct member *member, char text[VFPOOL_PCI_TEXT])
{
	vfpool_pci_format(&member->address, text);
	return text;
}

int open_binding_job(struct vfpool *vp, const char *doing, struct binding_job *job)
{
	int r = check_root(vp, doing);

	if (r == 0)
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

static int add_member(struct binding_job *job, const struct vfpool_pci *address)
{
	struct member *grown;

	for (size_t i = 0; i < job->n; i++)
		if (vfpool_pci_equal(&job->members[i].address, address))
			return 0;
	grown = reallocarray(job->members, job->n + 1, sizeof(*grown));
	if (!grown)
		return fail_oom(&job->vp->err);
	job->members = grown;
	job->members[job->n++] = (struct member){ .address = *address };
	return 0;
}

static int add_endpoints(struct binding_job *job, const struct vfpool_group *group)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->n_devices; i++)
		if (!is_bridge(&group->devices[i]))
			r = add_member(job, &group->devices[i].address);
	return r;
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
	r = add_member(job, &address);
	return r == 0 && job->request->group ? add_endpoints(job, &group) : r;
}

static int by_address(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return vfpool_pci_compare(&x->address, &y->address);
}

/* ---- locks ---- */

static int compare_addresses(const void *a, const void *b)
{
	return vfpool_pci_compare(a, b);
}

/* A VF's PF; else the device's own. */
static int lock_address(struct binding_job *job, const struct member *member,
			struct vfpool_pci *ret_address)
{
	struct vfpool_device device;
	int r = host_read_device(&job->host, &member->address, &device);

	if (r < 0)
		return r;
	*ret_address = device.is_vf ? device.pf : member->address;
	device_end(&device);
	return 0;
}

/* In the order of addresses, as all do. */
static int lock_members(struct binding_job *job)
{
	AUTO_FREE struct vfpool_pci *addresses = calloc(job->n + 1, sizeof(*addresses));
	int r = 0;

	job->locks = calloc(job->n + 1, sizeof(*job->locks));
	if (!addresses || !job->locks)
		return fail_oom(&job->vp->err);
	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = lock_address(job, &job->members[i], &addresses[i]);
	if (r < 0)
		return r;
	qsort(addresses, job->n, sizeof(*addresses), compare_addresses);
	for (size_t i = 0; r == 0 && i < job->n; i++) {
		const struct vfpool_pf pf = { .address = addresses[i] };

		if (i > 0 && vfpool_pci_equal(&addresses[i - 1], &addresses[i]))
			continue;
		r = host_lock_pf(&job->host, &pf, &job->locks[job->n_locks]);
		job->n_locks += r == 0;
	}
	return r;
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

int look_at_use(struct binding_job *job, const struct member *member, char **ret_used)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	int r = host_read_device(&job->host, &member->address, &device);

	return r < 0 ? r : take_use(job, &device, ret_used);
}

/*
 * A guest that has a device of the group open through vfio has the whole group. Another driver that
 * comes to one of it is refused by kernels since 5.19; older ones stop the host with a BUG.
 */
static int look_at_others(struct binding_job *job, const struct vfpool_group *group,
			  struct member *member)
{
	for (size_t i = 0; i < group->n_devices && !member->live; i++) {
		const struct vfpool_device *other = &group->devices[i];
		char text[VFPOOL_PCI_TEXT];

		if (vfpool_pci_equal(&other->address, &member->address) || !other->used ||
		    !driver_is_vfio(driver_of(other)))
			continue;
		vfpool_pci_format(&other->address, text);
		if (asprintf(&member->live, "%s in its IOMMU group is %s", text, other->used) < 0) {
			member->live = NULL;
			return fail_oom(&job->vp->err);
		}
	}
	return 0;
}

int look_at_group(struct binding_job *job, struct member *member)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	int r = host_read_group_of(&job->host, &member->address, &group);

	return r < 0 ? r : look_at_others(job, &group, member);
}

static int look_at_member(struct binding_job *job, struct member *member)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	struct vfpool_device *device;
	int r = host_read_group_of(&job->host, &member->address, &group);

	if (r < 0)
		return r;
	device = (struct vfpool_device *)find_device(&group, &member->address);
	if (!device)
		return fail_gone(job, &member->address);
	for (size_t i = 0; i < group.n_devices; i++)
		member->is_near_vf = member->is_near_vf || group.devices[i].is_vf;
	if ((r = take_use(job, device, &member->used)) < 0 ||
	    (r = look_at_others(job, &group, member)) < 0)
		return r;
	member->is = *device;
	*device = (struct vfpool_device){ 0 };
	return member->is.is_vf ?
		       host_read_pf(&job->host, &member->is.pf, HOST_NO_VFS, &member->pf) :
		       0;
}

int find_members(struct binding_job *job)
{
	const struct vfpool_bind_request *request = job->request;
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->n_addresses; i++)
		r = add_meant(job, request->addresses[i]);
	if (r < 0 || job->n == 0)
		return r;
	qsort(job->members, job->n, sizeof(*job->members), by_address);
	if (!request->dry_run)
		r = lock_members(job);
	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = look_at_member(job, &job->members[i]);
	return r;
}
