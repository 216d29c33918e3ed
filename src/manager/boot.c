/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Will the pools come back at the next boot, and will others keep their hands off them? */
#include "manager/apply.h"

#include "util/clock.h"
#include "util/file.h"

#include <fcntl.h>
#include <string.h>

bool unit_is_enabled(const struct vfpool *vp, const char *unit)
{
	AUTO_FREE char *link = format_text("%s/etc/systemd/system/multi-user.target.wants/%s",
					   vp->dirs[VFPOOL_DIR_ROOT], unit);

	return link && faccessat(AT_FDCWD, link, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int note_rule(struct apply *apply, struct vfpool_plan *plan, struct vfpool_pool *pool)
{
	const bool service = unit_is_enabled(apply->vp, "vfpool.service");
	AUTO_FREE char *rule = format_text("%s/90-vfpool-%s.rules", apply->vp->dirs[VFPOOL_DIR_RULES], pool->name);
	bool is_there;

	if (!rule)
		return -ENOMEM;
	is_there = access(rule, F_OK) == 0;
	if (service && is_there)
		return plan_note(plan, "pool %s: vfpool.service makes its VFs at boot, so its udev rule has no "
				 "use; 'vfpool udev %s --remove' takes it away", pool->name, pool->name);
	if (!service && !is_there)
		return plan_note(plan, "pool %s: nothing makes its VFs at boot; 'systemctl enable "
				 "vfpool.service' does, or 'vfpool udev %s --install' for their number alone",
				 pool->name, pool->name);
	if (is_there && rules_differ(apply->vp, pool, apply->inventory, rule))
		return plan_note(plan, "pool %s: its udev rule isn't up to date, so the next boot makes other "
				 "VFs; 'vfpool udev %s --install' renews it", pool->name, pool->name);
	return 0;
}

static int note_network(struct apply *apply, struct vfpool_plan *plan, const struct vfpool_pool *pool)
{
	AUTO_FREE char *network = NULL;

	if (pool->allocate != VFPOOL_BY_LIBVIRT)
		return 0;
	network = format_text("%s/%s.xml", apply->vp->dirs[VFPOOL_DIR_NETWORKS], pool->network);
	if (!network)
		return -ENOMEM;
	if (access(network, F_OK) == 0)
		return 0;
	return plan_note(plan, "pool %s: libvirt has no network %s; 'vfpool network %s --define --start' "
			 "makes it", pool->name, pool->network, pool->name);
}

static int note_maker(void *arg, const struct vfpool_pf *pf, const char *what, const char *file,
		      unsigned line)
{
	return plan_note(arg, "%s:%u: %s makes or sets VFs of %s too: let only one of them do it", file, line,
			 what, pf->netdev ? pf->netdev : "the PF");
}

static int note_makers(struct apply *apply, struct vfpool_plan *plan)
{
	const struct vfpool_inventory *inventory = apply->inventory;
	AUTO_FREE const struct vfpool_pf **pfs = calloc(inventory->n_pfs + 1, sizeof(*pfs));
	size_t n = 0;

	if (!pfs)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (pf_is_meant(apply, &inventory->pfs[i]))
			pfs[n++] = &inventory->pfs[i];
	return host_other_makers(apply->vp->dirs[VFPOOL_DIR_ROOT], pfs, n, note_maker, plan);
}

int note_boot(struct apply *apply, struct vfpool_plan *plan)
{
	int r = note_makers(apply, plan);

	for (struct vfpool_pool **pool = apply->pools; r == 0 && *pool; pool++) {
		if (apply->name && strcmp((*pool)->name, apply->name) != 0)
			continue;
		r = note_rule(apply, plan, *pool);
		if (r == 0)
			r = note_network(apply, plan, *pool);
	}
	return r;
}

/* ---- cards come when they come ---- */

#define REST_MS 250

/* InfiniBand's may have no netdev. */
static bool is_ready(const struct vfpool_pf *pf)
{
	return pf && (pf->netdev ? host_udev_is_done(pf) : pf->is_infiniband);
}

static int look_for_pfs(struct vfpool *vp, struct vfpool_pool *const *pools, bool *ret_all)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_FREE struct pool_use *uses = NULL;
	AUTO_HOST struct host host = NO_HOST;
	bool all = true;
	size_t n = 0;
	int r;

	if ((r = open_host(vp, &host)) < 0 || (r = host_read(&host, HOST_NO_VFS, &inventory)) < 0 ||
	    (r = resolve_uses(vp, pools, inventory, &uses, &n)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		all = all && is_ready(uses[i].pf);
	*ret_all = all;
	return 0;
}

int vfpool_wait(struct vfpool *vp, unsigned seconds, bool *ret_all)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	const long long deadline = clock_ms() + seconds * 1000LL;
	size_t n;
	int r = load_others(vp, NULL, 0, &pools, &n);

	while (r == 0 && (r = look_for_pfs(vp, pools, ret_all)) == 0 && !*ret_all && clock_ms() < deadline)
		rest_ms(REST_MS);
	return r;
}
