/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests whose definitions say another VLAN than their leases, as when a pool's has changed. */
#include "manager/apply/apply.h"

#include "util/file.h"

#include <glob.h>
#include <string.h>

#define DEFINITION_MAX (16 * 1024 * 1024)

static void vlan_text(int vlan, char text[16])
{
	if (vlan)
		snprintf(text, 16, "VLAN %d", vlan);
	else
		strcpy(text, "no VLAN");
}

bool vlan_is_stale(const struct vfpool_pool *pool, const struct vfpool_lease *lease, int vlan,
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

/* ---- what apply notes of them ---- */

static const struct vfpool_pool *find_pool(const struct apply *apply, const char *name)
{
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		if (strcmp((*pool)->name, name) == 0 &&
		    (!apply->name || strcmp(apply->name, name) == 0))
			return *pool;
	return NULL;
}

static int note_nic(struct apply *apply, struct vfpool_plan *plan, const struct guest *guest,
		    const struct guest_nic *nic)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	const struct vfpool_pool *pool;
	char vlans[VLANS_TEXT];
	struct error ignored = apply->vp->err;
	int r = nic->has_mac && nic->has_address ?
			ledger_find_mac(apply->ledger, &nic->mac, &lease) :
			0;

	if (r < 0)
		apply->vp->err = ignored;
	if (!lease || lease->state != VFPOOL_LEASE_ACTIVE)
		return r == -ENOMEM ? r : 0;
	pool = find_pool(apply, lease->pool);
	return !pool || !vlan_is_stale(pool, lease, nic->vlan, vlans) ?
		       0 :
		       plan_note(
			       plan,
			       "pool %s: the definition of guest %s says %s: 'vfpool attach --refresh %s' mends that",
			       pool->name, guest->name, vlans, guest->name);
}

/* What isn't a guest's definition is no matter of ours. */
static int note_file(struct apply *apply, struct vfpool_plan *plan, const char *path)
{
	CLEANUP(guest_end) struct guest guest = { .name = NULL };
	AUTO_FREE char *xml = NULL;
	struct error ignored;
	int r = 0;

	if (read_file(path, DEFINITION_MAX, &xml, NULL, &ignored) < 0)
		return 0;
	if (guest_read_domain(xml, &guest) < 0 || !guest.name)
		return 0;
	for (size_t i = 0; r == 0 && i < guest.n_nics; i++)
		r = note_nic(apply, plan, &guest, &guest.nics[i]);
	return r;
}

/* By libvirt's files, since its daemon may be down, or wait for this apply: at boot. */
int note_vlans(struct apply *apply, struct vfpool_plan *plan)
{
	const char *networks = apply->vp->dirs[VFPOOL_DIR_NETWORKS],
		   *slash = strrchr(networks, '/');
	AUTO_FREE char *pattern = slash ? format_text("%.*s/*.xml", (int)(slash - networks),
						      networks) :
					  strdup("*.xml");
	glob_t found = { .gl_pathc = 0 };
	int r = 0;

	if (!pattern)
		return -ENOMEM;
	if (apply->ledger && glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
			r = note_file(apply, plan, found.gl_pathv[i]);
	globfree(&found);
	return r;
}
