/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pools' cards: are their PFs and VFs there, and can the VFs go into guests? */
#include "manager/doctor/cards.h"
#include "manager/claims.h"
#include "manager/definitions.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>

/* The definition's part that means this PF, NULL: none that is asked for. */
static const struct pool_claim *claim_of(const struct doctor *doctor, const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < doctor->n_claims; i++)
		if (doctor->claims[i].pf == pf &&
		    report_is_asked_for(doctor, doctor->claims[i].pool))
			return &doctor->claims[i];
	return NULL;
}

/* Calls `fn` for the PFs that are asked for: of the pools, or where there is none all. */
static int each_pf(struct doctor *doctor, int (*fn)(struct doctor *doctor, struct vfpool_pf *pf,
						    const struct pool_claim *claim))
{
	const bool any = doctor->n_claims == 0;

	for (size_t i = 0; i < doctor->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &doctor->inventory->pfs[i];
		const struct pool_claim *claim = claim_of(doctor, pf);
		int r = claim || (any && pf->is_network) ? fn(doctor, pf, claim) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int report_sound(struct doctor *doctor, const char *text)
{
	return report_found_nothing(doctor) ? report(doctor, VFPOOL_SOUND, NULL, "%s", text) : 0;
}

/* ---- definitions ---- */

static int load_checked_claims(struct vfpool *vp, struct host *host,
			       struct vfpool_inventory *inventory, struct vfpool_pool ***ret_pools,
			       struct pool_claim **ret_claims, size_t *ret_n)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	size_t n;
	int r = definition_load_others(vp, NULL, 0, &pools, &n);

	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, inventory, &claims, &n);
	if (r < 0)
		return r;
	r = claims_check(vp, host, inventory, claims, n);
	if (r < 0)
		return r;
	*ret_pools = TAKE_PTR(pools);
	*ret_claims = TAKE_PTR(claims);
	*ret_n = n;
	return 0;
}

static int check_pools(struct doctor *doctor)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	size_t n;

	if (load_checked_claims(doctor->vp, &doctor->host, doctor->inventory, &pools, &claims, &n) <
	    0)
		return report(doctor, VFPOOL_FAULT, "'vfpool define' takes a mended one", "%s",
			      doctor->vp->err.text);
	return report(doctor, VFPOOL_SOUND, NULL, *pools ? "they are sound" : "there is none");
}

/* ---- PFs ---- */

static int check_limit(struct doctor *doctor, struct vfpool_pf *pf, const struct pool_claim *claim)
{
	char text[VFPOOL_PCI_TEXT];

	if (claim && (!pf->driver || driver_is_vfio(pf->driver)))
		return report(
			doctor, VFPOOL_FAULT,
			"its own driver ('vfpool bind ADDRESS --driver host'), which makes VFs",
			"%s has %s%s, so it makes no VFs", report_pf_text(pf, text),
			pf->driver ? "the driver " : "no driver", pf->driver ? pf->driver : "");
	if (claim && claim->want->numvfs > pf->totalvfs)
		return report(doctor, VFPOOL_FAULT,
			      "define fewer, or raise the limit in the card's firmware",
			      "%s makes %u VFs at most, and pool %s wants %u",
			      report_pf_text(pf, text), pf->totalvfs, claim->pool->name,
			      claim->want->numvfs);
	return report(doctor, VFPOOL_SOUND, NULL, "%s (%s) makes %u VFs at most",
		      report_pf_text(pf, text), pf->driver ? pf->driver : "no driver",
		      pf->totalvfs);
}

static int check_pfs(struct doctor *doctor)
{
	int r;

	for (size_t i = 0; i < doctor->n_claims; i++) {
		const struct pool_claim *claim = &doctor->claims[i];

		if (claim->pf || !report_is_asked_for(doctor, claim->pool))
			continue;
		claims_fail_missing_pf(doctor->vp, &doctor->host, claim);
		r = report(doctor, VFPOOL_FAULT,
			   "plug the card in, load its driver, or change the definition", "%s",
			   doctor->vp->err.text);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < doctor->inventory->n_unread; i++) {
		host_fail_unread(&doctor->vp->err, &doctor->inventory->unread[i]);
		r = report(doctor, VFPOOL_WARNING,
			   "'dmesg' tells more; its driver may have to be loaded anew", "%s",
			   doctor->vp->err.text);
		if (r < 0)
			return r;
	}
	r = each_pf(doctor, check_limit);
	return r < 0 ? r : report_sound(doctor, "this host has no network card with SR-IOV");
}

static int check_link(struct doctor *doctor, struct vfpool_pf *pf, const struct pool_claim *claim)
{
	AUTO_FREE char *remedy = NULL;

	if (!pf->netdev)
		return claim && pf->driver ?
			       report(doctor, VFPOOL_WARNING, "is it in another network namespace?",
				      "the PF of pool %s has no network device here, so its VFs can't be programmed",
				      claim->pool->name) :
			       0;
	if (pf->up)
		return claim && !pf->carrier ?
			       report(doctor, VFPOOL_WARNING,
				      "plug the cable in, look at the switch",
				      "%s is up and has no link: its VFs have none, and take no rate",
				      pf->netdev) :
			       0;
	remedy = claim && claim->want->up ?
			 strdup("'vfpool apply'") :
			 format_text("up='yes' in the pool's definition, or 'ip link set %s up'",
				     pf->netdev);
	return remedy ?
		       report(doctor, claim ? VFPOOL_FAULT : VFPOOL_WARNING, remedy,
			      "%s is down: libvirt refuses its VFs (the PF is not online), and many cards their settings",
			      pf->netdev) :
		       -ENOMEM;
}

static int check_links(struct doctor *doctor)
{
	int r = each_pf(doctor, check_link);

	return r < 0 ? r : report_sound(doctor, "all PFs are up");
}

static int check_pf_room(struct doctor *doctor, struct vfpool_pf *pf,
			 const struct pool_claim *claim)
{
	const unsigned numvfs = claim ? claim->want->numvfs : pf->totalvfs;
	char text[VFPOOL_PCI_TEXT], bridge[VFPOOL_PCI_TEXT];
	AUTO_FREE char *remedy = NULL;
	struct host_room room;
	int r = host_look_for_room(&doctor->host, pf, numvfs, &room);

	if (r < 0)
		return report(doctor, VFPOOL_WARNING, NULL, "%s", doctor->vp->err.text);
	if (room.window >= 0) {
		remedy = report_cmdline_remedy(doctor, true, "pci=realloc");
		if (!remedy)
			return -ENOMEM;
		r = report(
			doctor, VFPOOL_FAULT, remedy,
			"%s: the firmware left its VFs' BAR %d without memory, so none can be "
			"made (ENOMEM); 'SR-IOV' and 'Above 4G decoding' in the firmware's setup may mend it",
			report_pf_text(pf, text), room.window);
	}
	vfpool_pci_format(&room.bridge, bridge);
	if (r == 0 && room.last_bus > room.max_bus) {
		free(TAKE_PTR(remedy));
		remedy = report_cmdline_remedy(doctor, true, "pci=assign-busses");
		if (!remedy)
			return -ENOMEM;
		r = report(doctor, claim ? VFPOOL_FAULT : VFPOOL_WARNING, remedy,
			   "%s: %u VFs take PCI bus numbers up to %02x, and the "
			   "bridge %s above it goes to %02x (ENOMEM)%s",
			   report_pf_text(pf, text), numvfs, room.last_bus, bridge, room.max_bus,
			   room.ari ? "" : "; with ARI, in the firmware's setup, they take fewer");
	}
	return r;
}

static int check_room(struct doctor *doctor)
{
	int r = each_pf(doctor, check_pf_room);

	return r < 0 ? r : report_sound(doctor, "memory and bus numbers are enough for their VFs");
}

static int check_other_maker(void *arg, const struct vfpool_pf *pf, const char *what,
			     const char *file, unsigned line)
{
	char text[VFPOOL_PCI_TEXT];

	return report(arg, VFPOOL_WARNING, "let only one of them do it",
		      "%s:%u: %s makes or sets VFs of %s too", file, line, what,
		      report_pf_text(pf, text));
}

static int check_others(struct doctor *doctor)
{
	AUTO_FREE const struct vfpool_pf **pfs = calloc(doctor->inventory->n_pfs + 1, sizeof(*pfs));
	size_t n = 0;
	int r;

	if (!pfs)
		return -ENOMEM;
	for (size_t i = 0; i < doctor->inventory->n_pfs; i++)
		if (claim_of(doctor, &doctor->inventory->pfs[i]))
			pfs[n++] = &doctor->inventory->pfs[i];
	r = host_other_makers(doctor->vp->dirs[VFPOOL_DIR_ROOT], pfs, n, check_other_maker, doctor);
	return r < 0 ? r : report_sound(doctor, "nobody else makes VFs of the pools' PFs");
}

/* ---- VFs ---- */

/* The pool that the VF is of, when that is asked for; NULL: it isn't, or it is no pool's. */
static const struct vfpool_pool *pool_of(const struct doctor *doctor, const struct vfpool_pf *pf,
					 const struct vfpool_vf *vf)
{
	const struct vfpool_pool *pool = claims_pool_of_vf(doctor->claims, doctor->n_claims,
							   &pf->address, vf->index);

	return pool && report_is_asked_for(doctor, pool) ? pool : NULL;
}

static int check_pf_vfs(struct doctor *doctor, struct vfpool_pf *pf, const struct pool_claim *claim)
{
	unsigned off = 0, unbound = 0;
	char text[VFPOOL_PCI_TEXT];

	if (!claim)
		return 0;
	if (pf->n_vfs < claim->want->numvfs)
		return report(doctor, VFPOOL_FAULT, "'vfpool apply'",
			      "%s has %zu VFs, pool %s wants %u", report_pf_text(pf, text),
			      pf->n_vfs, claim->pool->name, claim->want->numvfs);
	for (size_t i = 0; i < pf->n_vfs; i++) {
		const struct vfpool_pool *pool = pf->vfs[i].is_off ?
							 pool_of(doctor, pf, &pf->vfs[i]) :
							 NULL;

		off += pool != NULL;
		unbound += pool && !driver_is(pf->vfs[i].driver ? pf->vfs[i].driver : "",
					      vf_driver_name(pool->driver));
	}
	if (unbound)
		return report(
			doctor, VFPOOL_WARNING,
			"'vfpool apply', which says why when a driver doesn't take one",
			"%u of %s's VFs aren't as defined: %u of them haven't the driver of their pool",
			off, report_pf_text(pf, text), unbound);
	return off ? report(doctor, VFPOOL_WARNING, "'vfpool apply'",
			    "%u of %s's VFs aren't as defined", off, report_pf_text(pf, text)) :
		     0;
}

static int check_vfs(struct doctor *doctor)
{
	int r = each_pf(doctor, check_pf_vfs);

	return r < 0 ? r :
		       report_sound(doctor, doctor->n_claims ? "all VFs are there, as defined" :
							       "no pool is defined");
}

/* What can't keep the group's devices apart: ", behind 0000:00:1c.0, 0000:00:1c.1". */
static void name_bridges(const struct vfpool_group *group, char *text, size_t size)
{
	size_t length = 0;

	*text = '\0';
	for (size_t i = 0; i < group->n_devices && length < size; i++) {
		char address[VFPOOL_PCI_TEXT];

		if (group->devices[i].kind == VFPOOL_ENDPOINT)
			continue;
		vfpool_pci_format(&group->devices[i].address, address);
		length += (size_t)snprintf(text + length, size - length, "%s%s",
					   length ? ", " : "; they are behind ", address);
	}
}

static int check_vf_group(struct doctor *doctor, const struct vfpool_pf *pf,
			  const struct vfpool_vf *vf)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	const char *remedy =
		"another slot for the card, whose ports have ACS ('lspci -vv' shows it), or ACS in the firmware's "
		"setup; 'vfpool iommu' shows the group";
	char text[VFPOOL_PCI_TEXT], bridges[200] = "";

	if (vf->iommu_group < 0)
		return report(doctor, VFPOOL_FAULT, "what the checks above say", "VF %u of %s: %s",
			      vf->index, report_pf_text(pf, text), vf->obstacle);
	if (host_read_group(&doctor->host, vf->iommu_group, &group) == 0)
		name_bridges(&group, bridges, sizeof(bridges));
	return report(doctor, group.is_viable ? VFPOOL_WARNING : VFPOOL_FAULT, remedy,
		      "VF %u of %s: %s%s", vf->index, report_pf_text(pf, text), vf->obstacle,
		      bridges);
}

/* Memory that the firmware keeps for a device, which may then not leave the host. */
static int check_reserved(struct doctor *doctor, const struct vfpool_pf *pf,
			  const struct vfpool_vf *vf)
{
	char text[VFPOOL_PCI_TEXT];

	return vf->iommu_group < 0 || !host_group_is_reserved(&doctor->host, vf->iommu_group) ?
		       0 :
		       report(doctor, VFPOOL_FAULT,
			      "newer firmware of the machine; some have a switch for it in their setup",
			      "VF %u of %s: the firmware has memory reserved in its IOMMU group %d (RMRR), so vfio refuses it",
			      vf->index, report_pf_text(pf, text), vf->iommu_group);
}

/* One finding for a group. */
static int check_pf_groups(struct doctor *doctor, struct vfpool_pf *pf,
			   const struct pool_claim *claim)
{
	int known = -2, r = 0;

	for (size_t i = 0; r == 0 && i < pf->n_vfs; i++) {
		const struct vfpool_vf *vf = &pf->vfs[i];
		const struct vfpool_pool *pool = pool_of(doctor, pf, vf);

		if (claim && (!pool || pool->driver == VFPOOL_DRIVER_HOST))
			continue;
		r = check_reserved(doctor, pf, vf);
		if (r < 0 || !vf->obstacle || vf->iommu_group == known)
			continue;
		known = vf->iommu_group;
		r = check_vf_group(doctor, pf, vf);
	}
	return r;
}

static int check_shared_groups(struct doctor *doctor)
{
	int r;

	if (doctor->platform.n_groups == 0)
		return report(doctor, VFPOOL_SOUND, NULL,
			      "not looked at: there are no IOMMU groups");
	r = each_pf(doctor, check_pf_groups);

	return r < 0 ? r : report_sound(doctor, "no VF is in a group with anything else");
}

/* ---- MACs ---- */

static bool is_set(const struct vfpool_mac *mac)
{
	static const struct vfpool_mac none;

	return !vfpool_mac_equal(mac, &none);
}

static int check_mac(struct doctor *doctor, size_t i_pf, size_t i_vf)
{
	const struct vfpool_pf *pf = &doctor->inventory->pfs[i_pf];
	const struct vfpool_mac *mac = &pf->vfs[i_vf].programmed.mac;
	char text[VFPOOL_MAC_TEXT], a[VFPOOL_PCI_TEXT], b[VFPOOL_PCI_TEXT];
	int r = 0;

	vfpool_mac_format(mac, text);
	for (size_t i = 0; r == 0 && i < doctor->inventory->n_pfs; i++) {
		const struct vfpool_pf *other = &doctor->inventory->pfs[i];

		if (other->has_mac && vfpool_mac_equal(&other->mac, mac))
			r = report(
				doctor, VFPOOL_FAULT,
				"another MAC for the VF: 'vfpool apply' for a pool's, 'ip link set PF vf N mac MAC' "
				"else",
				"VF %u of %s has %s, which is the PF %s's", pf->vfs[i_vf].index,
				report_pf_text(pf, a), text, report_pf_text(other, b));
		for (size_t j = i == i_pf ? i_vf + 1 : 0; r == 0 && i >= i_pf && j < other->n_vfs;
		     j++)
			if ((other->vfs[j].programmed.have & VFPOOL_ATTR_MAC) &&
			    vfpool_mac_equal(&other->vfs[j].programmed.mac, mac))
				r = report(
					doctor, VFPOOL_FAULT,
					"another MAC for one of them: 'vfpool apply' for a pool's, 'ip link set PF vf N "
					"mac MAC' else",
					"%s is twice: VF %u of %s and VF %u of %s", text,
					pf->vfs[i_vf].index, report_pf_text(pf, a),
					other->vfs[j].index, report_pf_text(other, b));
	}
	return r;
}

static int check_macs(struct doctor *doctor)
{
	int r = 0;

	for (size_t i = 0; i < doctor->inventory->n_pfs; i++)
		for (size_t j = 0; r == 0 && j < doctor->inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_settings *is =
				&doctor->inventory->pfs[i].vfs[j].programmed;

			if ((is->have & VFPOOL_ATTR_MAC) && is_set(&is->mac))
				r = check_mac(doctor, i, j);
		}
	return r < 0 ? r : report_sound(doctor, "no MAC of a VF is another VF's, or a PF's");
}

const struct check card_checks[] = {
	{ "definitions", "the pools' definitions", check_pools },
	{ "limits", "the PFs' sriov_totalvfs", check_pfs },
	{ "room", "the PFs' resources and bus numbers", check_room },
	{ "link", "the PFs' network devices", check_links },
	{ "other-managers", "udev, systemd, NetworkManager, netplan, modules, the command line",
	  check_others },
	{ "vfs", "the PFs' VFs and their settings", check_vfs },
	{ "acs", "the VFs' IOMMU groups", check_shared_groups },
	{ "macs", "the MACs of PFs and VFs", check_macs },
	{ 0 },
};
