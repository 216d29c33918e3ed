/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What apply doesn't do, and a person should know. */
#include "manager/apply/notes.h"
#include "manager/claims.h"
#include "manager/iommu.h"
#include "manager/network_file.h"
#include "manager/udev.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <dirent.h>
#include <glob.h>
#include <string.h>

int note_missing_pfs(struct apply *apply, struct vfpool_plan *plan, bool *ret_any)
{
	for (size_t i = 0; i < apply->n_claims; i++) {
		if (apply->claims[i].pf || !scope_has_claim(apply, &apply->claims[i]))
			continue;
		claims_fail_missing_pf(apply->vp, &apply->host, &apply->claims[i]);
		if (plan_note(plan, "%s", apply->vp->err.text) < 0)
			return -ENOMEM;
		*ret_any = true;
	}
	return 0;
}

/* ---- will the pools come back at the next boot, and will others keep their hands off them? ---- */

static int note_rule(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pool *pool)
{
	const bool service = unit_is_enabled(apply->vp, BOOT_UNIT);
	AUTO_FREE char *rule = format_text("%s/90-vfpool-%s.rules",
					   apply->vp->dirs[VFPOOL_DIR_RULES], pool->name);
	bool is_there;

	if (!rule)
		return -ENOMEM;
	is_there = access(rule, F_OK) == 0;
	if (service && is_there)
		return plan_note(
			plan,
			"pool %s: vfpool.service makes its VFs at boot, so its udev rule has no "
			"use; 'vfpool udev %s --remove' takes it away",
			pool->name, pool->name);
	if (!service && !is_there)
		return plan_note(
			plan,
			"pool %s: nothing makes its VFs at boot; 'systemctl enable "
			"vfpool.service' does, or 'vfpool udev %s --install' for their number alone",
			pool->name, pool->name);
	if (is_there && udev_rules_differ(apply->vp, pool, apply->inventory, rule))
		return plan_note(
			plan,
			"pool %s: its udev rule isn't up to date, so the next boot makes other "
			"VFs; 'vfpool udev %s --install' renews it",
			pool->name, pool->name);
	return 0;
}

/* Notes what keeps vfpool from giving the pool's network to libvirt. */
static int note_others_network(struct vfpool_plan *plan, const struct vfpool_pool *pool,
			       enum guest_network_kind kind, const char *what)
{
	if (kind == GUEST_NETWORK_OTHER)
		return plan_note(
			plan,
			"pool %s: libvirt's network %s is somebody else's (%s); " GUEST_OTHER_NAME,
			pool->name, pool->network, what);
	return plan_note(plan,
			 "pool %s: libvirt's network %s isn't vfpool's (%s); " GUEST_OTHER_NAME
			 ", or 'vfpool network %s --define --force' takes this one",
			 pool->name, pool->network, what, pool->name);
}

static int note_network(struct apply *apply, struct vfpool_plan *plan,
			const struct vfpool_pool *pool)
{
	enum guest_network_kind kind;
	AUTO_FREE char *what = NULL;
	int r;

	if (pool->allocate != VFPOOL_BY_LIBVIRT)
		return 0;
	r = network_file_look(apply->vp, pool, &kind, &what);
	if (r == -ENOENT)
		return plan_note(plan,
				 "pool %s: libvirt has no network %s; 'vfpool network %s --define "
				 "--start' makes it",
				 pool->name, pool->network, pool->name);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && kind != GUEST_NETWORK_OURS)
		return note_others_network(plan, pool, kind, what);
	if (pool->network_autostart && !network_file_has_autostart(apply->vp, pool) &&
	    !unit_is_enabled(apply->vp, LATE_UNIT))
		return plan_note(
			plan,
			"pool %s: nothing starts network %s at boot; 'systemctl enable " LATE_UNIT
			"' does, or 'vfpool network %s --define'",
			pool->name, pool->network, pool->name);
	return 0;
}

static bool is_defined(const struct apply *apply, const char *name, size_t length)
{
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		if (strlen((*pool)->name) == length && strncmp((*pool)->name, name, length) == 0)
			return true;
	return false;
}

/* Notes udev rules of pools that aren't defined any more. */
static int note_old_rules(struct apply *apply, struct vfpool_plan *plan)
{
	static const char prefix[] = "90-vfpool-", suffix[] = ".rules";
	AUTO_CLOSEDIR DIR *dir = opendir(apply->vp->dirs[VFPOOL_DIR_RULES]);
	const struct dirent *entry = dir ? readdir(dir) : NULL;

	for (; entry; entry = readdir(dir)) {
		const char *name = entry->d_name + strlen(prefix),
			   *end = strrchr(entry->d_name, '.');
		int r;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || !end || end <= name ||
		    strcmp(end, suffix) != 0 || is_defined(apply, name, (size_t)(end - name)))
			continue;
		r = plan_note(
			plan,
			"%s/%s: these rules make VFs for a pool that isn't defined any more; 'vfpool udev "
			"%.*s --remove' takes them away",
			apply->vp->dirs[VFPOOL_DIR_RULES], entry->d_name, (int)(end - name), name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int note_maker(void *arg, const struct vfpool_pf *pf, const char *what, const char *file,
		      unsigned line)
{
	return plan_note(arg, "%s:%u: %s makes or sets VFs of %s too: let only one of them do it",
			 file, line, what, pf_name(pf, "the PF"));
}

static int note_makers(struct apply *apply, struct vfpool_plan *plan)
{
	const struct vfpool_inventory *inventory = apply->inventory;
	AUTO_FREE const struct vfpool_pf **pfs = calloc(inventory->n_pfs + 1, sizeof(*pfs));
	size_t n = 0;

	if (!pfs)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (scope_has_pf(apply, &inventory->pfs[i]))
			pfs[n++] = &inventory->pfs[i];
	return host_other_makers(apply->vp->dirs[VFPOOL_DIR_ROOT], pfs, n, note_maker, plan);
}

int note_boot(struct apply *apply, struct vfpool_plan *plan)
{
	int r = note_makers(apply, plan);

	if (r < 0)
		return r;
	if (!apply->name && !apply->n_broken) {
		r = note_old_rules(apply, plan);
		if (r < 0)
			return r;
	}
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++) {
		if (apply->name && strcmp((*pool)->name, apply->name) != 0)
			continue;
		r = note_rule(apply, plan, *pool);
		if (r < 0)
			return r;
		r = note_network(apply, plan, *pool);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- VFs that no guest can get ---- */

static bool is_first_of_group(const struct vfpool_pf *pf, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (pf->vfs[j].obstacle && pf->vfs[j].iommu_group == pf->vfs[i].iommu_group)
			return false;
	return true;
}

/* Notes what keeps VF `i` and those of its IOMMU group from guests. */
static int note_obstacle(const struct vfpool_pf *pf, size_t i, struct vfpool_plan *plan)
{
	const struct vfpool_vf *vf = &pf->vfs[i];
	char others[40] = "";
	unsigned n = 0;

	for (size_t j = i + 1; j < pf->n_vfs; j++)
		n += pf->vfs[j].obstacle && pf->vfs[j].iommu_group == vf->iommu_group;
	if (n > 0)
		snprintf(others, sizeof(others), " and %u more", n);
	return plan_note(plan, "VF %u%s of %s may not go into guests: %s", vf->index, others,
			 pf_name(pf, "a PF"), vf->obstacle);
}

/* Tells whether the VF is of a pool, among those that are meant, whose VFs are for guests. */
static bool is_for_guests(const struct apply *apply, const struct vfpool_pf *pf, unsigned vf)
{
	const struct vfpool_pool *pool = claims_pool_of_vf(apply->claims, apply->n_claims,
							   &pf->address, vf);

	return pool && pool->driver != VFPOOL_DRIVER_HOST &&
	       (!apply->name || strcmp(pool->name, apply->name) == 0);
}

/* Notes in the ledger that a VF of a pool that libvirt allocates doesn't count, when no guest can get it; of the VFs
 * of one IOMMU group one counts. */
static int avoid_vf(struct apply *apply, const struct vfpool_pf *pf, struct vfpool_vf *vf)
{
	const struct vfpool_pool *pool = claims_pool_of_vf(apply->claims, apply->n_claims,
							   &pf->address, vf->index);
	AUTO_FREE char *obstacle = NULL;
	struct vfpool_pf one = *pf;
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	int r;

	if (!pool || pool->allocate != VFPOOL_BY_LIBVIRT ||
	    (apply->name && strcmp(pool->name, apply->name) != 0))
		return 0;
	one.vfs = vf;
	one.n_vfs = 1;
	r = iommu_find_obstacle(&apply->host, apply->ledger, pool, &one, NULL, 0, &obstacle);
	if (r < 0 || !obstacle)
		return r;
	r = ledger_pf(apply->ledger, pf, false, &pf_id);
	if (r < 0 || !pf_id)
		return r;
	r = ledger_vf(apply->ledger, pf_id, vf->index, &row);
	return r < 0 || !row.id || row.avoid ? r : ledger_avoid_vf(apply->ledger, row.id);
}

static int avoid_vfs(struct apply *apply, struct vfpool_pf *pf)
{
	if (apply->flags & VFPOOL_APPLY_DRY_RUN)
		return 0;
	for (size_t i = 0; i < pf->n_vfs; i++) {
		int r = pf->vfs[i].obstacle ? avoid_vf(apply, pf, &pf->vfs[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int note_obstacles_of(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan)
{
	int r = host_judge_vfs(&apply->host, pf);

	if (r < 0)
		return r;
	r = avoid_vfs(apply, pf);
	if (r < 0)
		return r;
	for (size_t i = 0; i < pf->n_vfs; i++) {
		if (!pf->vfs[i].obstacle || !is_for_guests(apply, pf, pf->vfs[i].index) ||
		    !is_first_of_group(pf, i))
			continue;
		r = note_obstacle(pf, i, plan);
		if (r < 0)
			return r;
	}
	return 0;
}

int note_obstacles(struct apply *apply, struct vfpool_plan *plan)
{
	for (size_t i = 0; i < apply->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &apply->inventory->pfs[i];
		int r = scope_has_pf(apply, pf) ? note_obstacles_of(apply, pf, plan) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- guests whose definitions say another VLAN than their leases, as when a pool's has changed ---- */

#define DEFINITION_MAX (16 * 1024 * 1024)

static const struct vfpool_pool *find_pool(const struct apply *apply, const char *name)
{
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		if (strcmp((*pool)->name, name) == 0 &&
		    (!apply->name || strcmp(apply->name, name) == 0))
			return *pool;
	return NULL;
}

/* Notes it when the guest's definition says another VLAN of this card than its lease. A lease that can't be read is
 * passed over. */
static int note_nic(struct apply *apply, struct vfpool_plan *plan, const struct guest *guest,
		    const struct guest_nic *nic)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	const struct vfpool_pool *pool;
	char vlans[VLANS_TEXT], word[SHELL_WORD_MAX];
	struct error before = apply->vp->err;
	int r;

	if (!nic->has_mac || !nic->has_address)
		return 0;
	r = ledger_find_mac(apply->ledger, &nic->mac, &lease);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		apply->vp->err = before;
	if (!lease || lease->state != VFPOOL_LEASE_ACTIVE)
		return 0;
	pool = find_pool(apply, lease->pool);
	if (!pool || !vf_vlan_is_stale(pool, lease, nic->vlan, vlans))
		return 0;
	return plan_note(
		plan,
		"pool %s: the definition of guest %s says %s: 'vfpool attach --refresh %s' mends that",
		pool->name, guest->name, vlans, name_for_shell(guest->name, word));
}

/* Notes stale VLANs of the guest whose definition is in that file. What isn't one is no matter of ours. */
static int note_file(struct apply *apply, struct vfpool_plan *plan, const char *path)
{
	CLEANUP(guest_end) struct guest guest = { .name = NULL };
	AUTO_FREE char *xml = NULL;
	struct error ignored;

	if (read_file(path, DEFINITION_MAX, &xml, NULL, &ignored) < 0)
		return 0;
	if (guest_read_domain(xml, &guest) < 0 || !guest.name)
		return 0;
	for (size_t i = 0; i < guest.n_nics; i++)
		if (note_nic(apply, plan, &guest, &guest.nics[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* It goes by libvirt's files, since its daemon may be down, or wait for this apply: at boot. */
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
