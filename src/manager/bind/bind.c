/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices get a driver by hand, and back what they had: all that are meant, or none. */
#include "manager/bind/bind.h"

#include "util/name.h"

#include <string.h>

/* ---- may it be? ---- */

/* It becomes part of a path in sysfs. */
static int check_driver(struct vfpool *vp, const char *driver)
{
	const size_t length = strlen(driver);

	for (const char *p = driver; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '/')
			return fail(&vp->err, -EINVAL, "'%s' is no name of a driver", driver);
	if (length == 0 || length > 63 || driver[0] == '.' || driver[0] == '(')
		return fail(&vp->err, -EINVAL, "'%s' is no name of a driver", driver);
	/* DPDK's. The kernel counts nobody who has it open then, as it does with vfio. */
	if (strncmp(driver, "uio", 3) == 0 || strcmp(driver, "igb_uio") == 0)
		return fail(&vp->err, -EINVAL,
			    "with %s nobody can see whether a device is in use; take vfio-pci",
			    driver);
	return 0;
}

/* Does that driver itself have the device's DMA? */
static bool has_dma(const char *driver)
{
	return *driver && !driver_is_vfio(driver) && !driver_is_stub(driver);
}

static int check_use(struct binding_job *job, const struct member *member)
{
	const char *used = member->used;
	char text[VFPOOL_PCI_TEXT];

	if (!used && has_dma(member->driver))
		used = member->live;
	if (!used)
		return 0;
	return fail(&job->vp->err, -VFPOOL_EINUSE, "%s is in use: %s; nothing was changed",
		    text_of(member, text), used);
}

/* A lease's VF stays as it was handed out; one in quarantine isn't scrubbed yet. A lease that comes after this
 * binds the VF anew, under the PF's lock. */
static int check_lease(struct binding_job *job, const struct member *member)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row = { 0 };
	char text[VFPOOL_PCI_TEXT];
	int r = member->pf_id ? ledger_vf(job->ledger, member->pf_id, member->is.vf, &row) : 0;

	if (r == 0 && row.lease)
		r = ledger_get_lease(job->ledger, row.lease, &lease);
	if (r < 0)
		return r;
	text_of(member, text);
	if (row.quarantined)
		return fail(&job->vp->err, -VFPOOL_EINUSE,
			    "%s is in quarantine; 'vfpool gc' ends that when "
			    "nothing has it; nothing was changed",
			    text);
	if (lease)
		return fail(&job->vp->err, -VFPOOL_EINUSE,
			    "%s is leased to %s nic %u of pool %s; 'vfpool release' "
			    "ends that; nothing was changed",
			    text, lease->owner, lease->nic, lease->pool);
	return 0;
}

int check_change(struct binding_job *job, const struct member *member)
{
	int r = check_use(job, member);

	return r == 0 && job->ledger ? check_lease(job, member) : r;
}

/* ---- what the definitions say ---- */

struct definitions {
	struct vfpool_inventory *inventory;
	struct vfpool_pool **pools;
	struct pool_use *uses;
	size_t n_uses;
};

static void definitions_end(struct definitions *definitions)
{
	free(definitions->uses);
	vfpool_pools_free(definitions->pools);
	vfpool_inventory_free(definitions->inventory);
}

static int load_definitions(struct binding_job *job, struct definitions *definitions)
{
	int r = host_read(&job->host, HOST_NO_VFS, &definitions->inventory);

	if (r == 0)
		r = load_sound(job->vp, &definitions->pools);
	return r < 0 ? r :
		       resolve_uses(job->vp, definitions->pools, definitions->inventory,
				    &definitions->uses, &definitions->n_uses);
}

/* apply would undo it. */
static int check_pool(struct binding_job *job, const struct definitions *definitions,
		      struct member *member)
{
	const struct vfpool_pool *pool = NULL;
	char text[VFPOOL_PCI_TEXT];

	for (size_t i = 0; i < definitions->n_uses && !member->is_left; i++)
		if (definitions->uses[i].pf &&
		    vfpool_pci_equal(&definitions->uses[i].pf->address, &member->address))
			return driver_is(member->driver, "host") ?
				       0 :
				       fail(&job->vp->err, -EINVAL,
					    "%s is a PF of pool %s, whose VFs its own driver makes; nothing was "
					    "changed",
					    text_of(member, text), definitions->uses[i].pool->name);
	if (member->is.is_vf && !member->is_left)
		pool = pool_of_vf(definitions->uses, definitions->n_uses, &member->is.pf,
				  member->is.vf);
	if (!pool || strcmp(driver_name(pool->driver), member->driver) == 0 ||
	    (strcmp(member->driver, "host") != 0 &&
	     driver_is(member->driver, driver_name(pool->driver))))
		return 0;
	if (job->request->persist)
		return fail(
			&job->vp->err, -EINVAL,
			"%s is a VF of pool %s, whose definition has another driver (%s): change <driver> in the "
			"definition, or 'vfpool unbind' it; nothing was changed",
			text_of(member, text), pool->name,
			pool->driver == VFPOOL_DRIVER_NONE ? "none" : driver_name(pool->driver));
	member->pool = strdup(pool->name);
	return member->pool ? 0 : fail_oom(&job->vp->err);
}

int check_pools(struct binding_job *job)
{
	CLEANUP(definitions_end) struct definitions definitions = { 0 };
	int r = load_definitions(job, &definitions);

	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = check_pool(job, &definitions, &job->members[i]);
	return r;
}

void note_member(struct binding_job *job, const struct member *member)
{
	char text[VFPOOL_PCI_TEXT];

	text_of(member, text);
	if (member->pool)
		note(job->vp,
		     "%s is a VF of pool %s, whose definition has another driver: the next "
		     "'vfpool apply' puts it back",
		     text, member->pool);
	if (member->is_recorded && member->record.persists && !unit_is_enabled(job->vp, BOOT_UNIT))
		note(job->vp, "nothing binds %s at boot yet: 'systemctl enable " BOOT_UNIT "'",
		     text);
	if (member->is_recorded && member->was.persists && !member->record.persists)
		note(job->vp, "%s doesn't get the driver %s at each boot any more", text,
		     member->was.driver);
}

/* ---- the record ---- */

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

static int record_member(struct binding_job *job, struct member *member)
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

/* ---- bind ---- */

static int check_is_ours(struct binding_job *job, const struct member *member)
{
	char text[VFPOOL_PCI_TEXT];

	/* What was bound when it was in a group with a VF stays vfpool's when there are no VFs. */
	if (member->is.is_vf || member->is_near_vf || is_network_class(member->is.class) ||
	    member->was.id)
		return 0;
	return fail(&job->vp->err, -EINVAL,
		    "%s is no VF, no network card and in no IOMMU group with a VF, and only such "
		    "devices are vfpool's to bind; nothing was changed",
		    text_of(member, text));
}

static int prepare_bind(struct binding_job *job)
{
	int r = begin_binding(job);

	for (size_t i = 0; r == 0 && i < job->n; i++) {
		struct member *member = &job->members[i];

		member->driver = job->request->driver;
		member->changes = !driver_is(driver_of(&member->is), member->driver);
		r = check_is_ours(job, member);
		if (r == 0 && member->changes)
			r = check_change(job, member);
	}
	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = record_member(job, &job->members[i]);
	if (r == 0 && !job->request->dry_run)
		r = ledger_commit(job->ledger);
	ledger_rollback(job->ledger);
	return r;
}

static bool is_member(const struct binding_job *job, const struct vfpool_pci *address)
{
	for (size_t i = 0; i < job->n; i++)
		if (vfpool_pci_equal(&job->members[i].address, address))
			return true;
	return false;
}

/* A group goes to a guest when none of it is in the way any more: what else is, which wasn't meant? */
static void note_group(struct binding_job *job, const struct member *member)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	char text[VFPOOL_PCI_TEXT], others[600] = "";
	size_t n = 0;

	if (host_read_group_of(&job->host, &member->address, &group) < 0 || group.number < 0)
		return;
	for (size_t i = 0; i < group.n_devices && n < sizeof(others); i++) {
		const struct vfpool_device *device = &group.devices[i];

		if (is_member(job, &device->address)) {
			if (vfpool_pci_compare(&device->address, &member->address) < 0)
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
		     group.number, others, text_of(member, text));
}

static int bind_members(struct binding_job *job)
{
	int r = find_members(job);

	for (size_t i = 0; r == 0 && i < job->n; i++)
		job->members[i].driver = job->request->driver;
	if (r == 0)
		r = check_pools(job);
	if (r == 0)
		r = prepare_bind(job);
	if (r == 0 && !job->request->dry_run)
		r = carry_out_binding(job);
	for (size_t i = 0; r == 0 && i < job->n; i++)
		note_member(job, &job->members[i]);
	for (size_t i = 0; r == 0 && driver_is_vfio(job->request->driver) && i < job->n; i++)
		note_group(job, &job->members[i]);
	return r;
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
	if ((r = check_driver(vp, with_driver.driver)) < 0 ||
	    (r = open_binding_job(vp, "binding a device", &job)) < 0 ||
	    (r = host_check_driver(&job.host, with_driver.driver)) < 0)
		return r;
	r = bind_members(&job);
	if (r < 0)
		return fail_while(&vp->err, r, "binding to %s", with_driver.driver);
	return fill_bindings(&job, ret_bindings, ret_n);
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
