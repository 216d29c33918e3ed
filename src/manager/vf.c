/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What alloc, release and apply do alike with one VF. */
#include "manager/vf.h"
#include "manager/iommu.h"

#include "util/name.h"

#include <string.h>

/* Returns the EUI-64 of an Ethernet address, as IEEE makes it. */
static uint64_t guid_of(const struct vfpool_mac *mac)
{
	const uint8_t *b = mac->byte;

	return (uint64_t)b[0] << 56 | (uint64_t)b[1] << 48 | (uint64_t)b[2] << 40 |
	       (uint64_t)0xfffe << 24 | (uint64_t)b[3] << 16 | (uint64_t)b[4] << 8 | b[5];
}

/* Returns the settings that keep owners apart: nobody gets a VF whose card can't do them. A card without VLANs is
 * as good as one with them to whom asks for none, and so with trust. */
static unsigned must_have(const struct vfpool_settings *settings)
{
	return settings->must | VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID |
	       (settings->vlan ? VFPOOL_ATTR_VLAN : 0) | (settings->trust ? VFPOOL_ATTR_TRUST : 0);
}

struct vfpool_settings vf_settings_with_mac(const struct vfpool_pool *pool,
					    const struct vfpool_pf *pf,
					    const struct vfpool_mac *mac)
{
	struct vfpool_settings settings = pool->policy;

	settings.have |= VFPOOL_ATTR_MAC;
	settings.mac = *mac;
	if (pf->is_infiniband) { /* has neither MACs nor VLANs */
		settings.have = VFPOOL_ATTR_GUID | VFPOOL_ATTR_LINK;
		settings.guid = guid_of(mac);
	}
	settings.must = must_have(&settings);
	return settings;
}

struct vfpool_settings vf_settings_of_lease(const struct vfpool_pool *pool,
					    const struct vfpool_pf *pf,
					    const struct vfpool_lease *lease)
{
	struct vfpool_settings settings = vf_settings_with_mac(pool, pf, &lease->mac);

	if (lease->vlan >= 0)
		settings.vlan = (uint16_t)lease->vlan;
	if (!settings.vlan) {
		settings.qos = 0;
		settings.vlan_proto = 0x8100;
	}
	settings.must = must_have(&settings); /* a pool's VLAN can't be had as none */
	return settings;
}

/* Programs one VF that the caller has locked, only where it differs, and compares. The step has the result; its
 * text is the caller's to free. */
static int run_step(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
		    const struct vfpool_settings *to, bool live, struct vfpool_step *ret_step)
{
	struct vfpool_step step = {
		.kind = VFPOOL_STEP_PROGRAM,
		.vf = vf->index,
		.to = *to,
		.live = live,
	};
	struct vfpool_step *steps[] = { &step };
	int r = 0;

	/* What was refused and can't be read back isn't sent again, but failed all the same. */
	step.to.have = vfpool_settings_to_send(&vf->programmed, to) |
		       vfpool_settings_refused(to, pf->refusals, pf->n_refusals);
	if (step.to.have)
		r = host_program(host, pf, steps, 1);
	*ret_step = step;
	return r;
}

/* Fills the message for a step that didn't go well; returns 0 when it did. */
static int judge_step(struct host *host, const struct vfpool_pf *pf, const struct vfpool_step *step)
{
	const char *name = pf_name(pf, "its PF");

	if (step->kind == VFPOOL_STEP_REFUSED)
		return fail(host->err, -VFPOOL_EINUSE, "VF %u of %s: %s", step->vf, name,
			    step->text);
	/* A card without what its pool doesn't ask for is as good as any. */
	if (step->result == VFPOOL_STEP_FAILED &&
	    (step->failed || !step->unsupported ||
	     step->unsupported & (step->to.must | vfpool_settings_asked(&step->to))))
		return fail(host->err, step->failed || !step->unsupported ? -EIO : -EOPNOTSUPP,
			    "programming VF %u of %s: %s", step->vf, name,
			    step->text ? step->text : "failed");
	return 0;
}

int vf_program(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       const struct vfpool_settings *to, unsigned *ret_deferred, unsigned *ret_sent)
{
	struct vfpool_step step;
	int r = run_step(host, pf, vf, to, false, &step);

	r = r < 0 ? r : judge_step(host, pf, &step);
	*ret_deferred = step.deferred;
	/* A refused VF was left alone. */
	*ret_sent = step.kind == VFPOOL_STEP_REFUSED ?
			    0 :
			    step.to.have & ~(step.failed | step.unsupported | step.deferred);
	free(step.text);
	return r;
}

int vf_restore(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       unsigned sent)
{
	struct vfpool_settings before = vf->programmed;
	struct vfpool_vf unknown = { .index = vf->index };
	struct vfpool_step step;
	int r;

	before.have &= sent;
	if (!before.have)
		return 0;
	r = run_step(host, pf, &unknown, &before, false, &step);
	r = r < 0 ? r : judge_step(host, pf, &step);
	free(step.text);
	return r;
}

bool vf_has_lease_mac(const struct vfpool_pf *pf, const struct vfpool_vf *vf,
		      const struct vfpool_lease *lease)
{
	return pf->is_infiniband ? vf->programmed.guid == guid_of(&lease->mac) :
				   vfpool_mac_equal(&vf->programmed.mac, &lease->mac);
}

bool vf_is_on_pf(const struct vfpool_place *place, const struct vfpool_pf *pf)
{
	if (place->has_pf_mac && pf->has_mac)
		return vfpool_mac_equal(&place->pf_mac, &pf->mac);
	return vfpool_pci_equal(&place->pf, &pf->address);
}

/* Finds where the place's PF is now, *ret_address: a reboot may have given its address to another. */
static int find_moved_pf(struct host *host, const struct vfpool_place *place,
			 struct vfpool_pci *ret_address)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	char mac[VFPOOL_MAC_TEXT], address[VFPOOL_PCI_TEXT];
	int r = host_read_inventory(host, HOST_NO_VFS, &inventory);

	for (size_t i = 0; r == 0 && i < inventory->n_pfs; i++)
		if (vf_is_on_pf(place, &inventory->pfs[i])) {
			*ret_address = inventory->pfs[i].address;
			return 0;
		}
	if (r < 0)
		return r;
	if (inventory->n_unread > 0) /* it may be the one */
		return host_fail_unread(host->err, &inventory->unread[0]);
	vfpool_mac_format(&place->pf_mac, mac);
	vfpool_pci_format(&place->pf, address);
	return fail(host->err, -VFPOOL_ENOTFOUND,
		    "the PF with the MAC %s, last seen at %s, isn't there", mac, address);
}

static int open_pf(struct host *host, const struct vfpool_place *place, bool soon,
		   struct vfpool_pf *ret_pf, int *ret_lock)
{
	struct vfpool_pf pf = { .address = place->pf };
	AUTO_CLOSE int lock = -1;
	int r = !ret_lock ? 0 :
		soon      ? host_lock_pf_soon(host, &pf, &lock) :
			    host_lock_pf(host, &pf, &lock);

	r = r < 0 ? r : host_read_pf(host, &place->pf, (int)place->vf, &pf);
	if (r == -VFPOOL_ENOTFOUND || (r == 0 && !vf_is_on_pf(place, &pf))) {
		struct vfpool_place moved = *place;

		if (r == 0)
			pf_end(&pf);
		cleanup_close(&lock); /* two of them the other way round would wait for ever */
		lock = -1;
		r = find_moved_pf(host, place, &moved.pf);
		/* Its address may change again only by another reboot. */
		return r < 0 ? r : open_pf(host, &moved, soon, ret_pf, ret_lock);
	}
	if (r < 0)
		return r;
	*ret_pf = pf;
	if (ret_lock)
		*ret_lock = take_fd(&lock);
	return 0;
}

int vf_open_pf(struct host *host, const struct vfpool_place *place, struct vfpool_pf *ret_pf,
	       int *ret_lock)
{
	return open_pf(host, place, false, ret_pf, ret_lock);
}

int vf_open_pf_soon(struct host *host, const struct vfpool_place *place, struct vfpool_pf *ret_pf,
		    int *ret_lock)
{
	return open_pf(host, place, true, ret_pf, ret_lock);
}

int vf_look_up_address(struct host *host, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	int r = lease->has_vf ? vf_open_pf(host, &lease->place, &pf, NULL) : 0;

	if (r == 0 && pf.n_vfs > 0)
		lease->address = pf.vfs[0].address;
	if (r == -E_UNREAD &&
	    host_find_vf_address(host, &lease->place.pf,
				 lease->place.has_pf_mac ? &lease->place.pf_mac : NULL,
				 lease->place.vf, &lease->address))
		r = 0;
	return r;
}

int vf_fail_unread(struct vfpool *vp, const struct vfpool_lease *lease)
{
	return fail(&vp->err, -E_UNREAD,
		    "%s; if it stays so, 'vfpool release --lease %llu --force' gives its VF up, to "
		    "quarantine",
		    vp->err.text, (unsigned long long)lease->id);
}

/* What separates one owner's traffic from the next one's. What else of the
 * policy the card refuses, the pool's free VFs lack too. */
#define MUST_BE_SCRUBBED                                                             \
	(VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID | VFPOOL_ATTR_VLAN | VFPOOL_ATTR_TRUST | \
	 VFPOOL_ATTR_SPOOFCHK)

/* Did that step give the VF what separates owners? */
static bool is_parked(const struct vfpool_step *step)
{
	if (step->kind == VFPOOL_STEP_REFUSED || step->failed & MUST_BE_SCRUBBED)
		return false;
	return step->result != VFPOOL_STEP_FAILED || step->failed || step->unsupported;
}

/* Programs the baseline into the VF, pf->vfs[0], with its parking MAC. */
static int park_vf(struct host *host, const struct vfpool_pool *pool, const struct vfpool_pf *pf,
		   const struct vfpool_mac *parking)
{
	const struct vfpool_settings to = vf_settings_with_mac(pool, pf, parking);
	struct vfpool_step step;
	int r = run_step(host, pf, &pf->vfs[0], &to, false, &step);

	r = r < 0 || is_parked(&step) ? r : judge_step(host, pf, &step);
	free(step.text);
	return r;
}

int vf_scrub(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	     const struct vfpool_pf *pf, const struct vfpool_lease *lease)
{
	struct ledger_vf row = { 0 };
	int64_t pf_id;
	int r = ledger_pf(ledger, pf, false, &pf_id);

	if (r < 0)
		return r;
	r = ledger_vf(ledger, pf_id, lease->place.vf, &row);
	if (r < 0)
		return r;
	if (!row.id || row.lease != (int64_t)lease->id)
		return fail(host->err, -E_CHANGED, "the ledger gives VF %u to another lease",
			    lease->place.vf);
	return park_vf(host, pool, pf, &row.parking);
}

bool vf_is_named(const struct guests *guests, const struct vfpool_pf *pf)
{
	const struct vfpool_lease nobody = { .address = pf->n_vfs > 0 ? pf->vfs[0].address :
									(struct vfpool_pci){ 0 } };

	return pf->n_vfs > 0 && guests_stranger(guests, &nobody);
}

static int commit_free(struct ledger *ledger, const struct ledger_vf *row)
{
	CLEANUP(rollback) struct ledger *begun = ledger;
	int r = ledger_begin(begun);

	if (r < 0)
		return r;
	r = row->quarantined ? ledger_end_quarantine(ledger, row) : 0;
	if (r < 0)
		return r;
	r = ledger_forgive_vf(ledger, row->id);
	return r < 0 ? r : ledger_commit(ledger);
}

int vf_free_idle(struct vfpool *vp, struct host *host, struct ledger *ledger,
		 const struct vfpool_pool *pool, const struct ledger_vf *seen, struct vfpool_pf *pf,
		 const char *owner, bool *ret_freed)
{
	const bool is_there = pf->n_vfs > 0;
	AUTO_FREE char *obstacle = NULL;
	struct ledger_vf row;
	int r;

	*ret_freed = false;
	if (is_there && pf->vfs[0].busy)
		return 0;
	r = ledger_vf_again(ledger, seen, &row);
	if (r < 0 || !row.id || row.lease || (!row.quarantined && !(row.avoid && is_there)))
		return r; /* another process was faster */
	if (!row.quarantined)
		r = iommu_find_obstacle(host, ledger, pool, pf, owner, 0, &obstacle);
	if (r < 0 || obstacle)
		return r;
	if (row.quarantined && is_there)
		r = park_vf(host, pool, pf, &row.parking);
	r = r < 0 ? r : commit_free(ledger, &row);
	if (r < 0)
		return fail_while(&vp->err, r, "freeing VF %u of %s", row.place.vf,
				  pf_name(pf, "its PF"));
	*ret_freed = true;
	return 0;
}

/* Returns the settings that libvirt has programmed, or has just put back, at that time. */
static unsigned mended(enum mending when)
{
	return when == MEND_STOPPED ? VFPOOL_ATTR_MAC | VFPOOL_ATTR_VLAN : VFPOOL_ATTR_VLAN;
}

int vf_mend(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	    const struct vfpool_lease *lease, enum mending when)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	struct vfpool_settings to;
	struct vfpool_step step;
	AUTO_CLOSE int lock = -1;
	int r;

	if (!lease->has_vf || (when == MEND_RUNNING && !guest_vlan_is_beyond_libvirt(pool, lease)))
		return 0;
	r = vf_open_pf(host, &lease->place, &pf, &lock);
	if (r < 0)
		return r;
	r = ledger_get_lease(ledger, (int64_t)lease->id, &now);
	if (r < 0)
		return r;
	to = vf_settings_of_lease(pool, &pf, lease);
	to.have &= mended(when);
	if (!now || now->state != VFPOOL_LEASE_ACTIVE || pf.n_vfs == 0)
		return 0;
	/* Of a guest that runs only what libvirt leaves out: a definition that has changed is apply's. */
	if (when == MEND_RUNNING &&
	    (!vf_has_lease_mac(&pf, pf.vfs, lease) || pf.vfs[0].programmed.vlan != to.vlan))
		return 0;
	r = run_step(host, &pf, pf.vfs, &to, when != MEND_STOPPED, &step);
	r = r < 0 ? r : judge_step(host, &pf, &step);
	free(step.text);
	return r;
}

static void vlan_text(int vlan, char text[16])
{
	if (vlan)
		snprintf(text, 16, "VLAN %d", vlan);
	else
		strcpy(text, "no VLAN");
}

bool vf_vlan_is_stale(const struct vfpool_pool *pool, const struct vfpool_lease *lease, int vlan,
		      char text[VLANS_TEXT])
{
	const int wanted = guest_vlan(pool, lease);
	char is[16], should[16];

	if (vlan < 0 || wanted < 0 || vlan == wanted)
		return false;
	vlan_text(vlan, is);
	vlan_text(wanted, should);
	snprintf(text, VLANS_TEXT, "%s, and its lease %s", is, should);
	return true;
}

const char *vf_driver_name(enum vfpool_driver driver)
{
	switch (driver) {
	case VFPOOL_DRIVER_VFIO:
		return "vfio-pci";
	case VFPOOL_DRIVER_HOST:
		return "host";
	case VFPOOL_DRIVER_NONE:
		break;
	}
	return "";
}
