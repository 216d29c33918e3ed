/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Will the pools come back at the next boot, and will others keep their hands off them? */
#include "manager/apply/apply.h"

#include "util/clock.h"
#include "util/file.h"

#include <dirent.h>
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
	if (is_there && rules_differ(apply->vp, pool, apply->inventory, rule))
		return plan_note(
			plan,
			"pool %s: its udev rule isn't up to date, so the next boot makes other "
			"VFs; 'vfpool udev %s --install' renews it",
			pool->name, pool->name);
	return 0;
}

/* What keeps vfpool from giving its network to libvirt. */
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
	r = look_at_network_file(apply->vp, pool, &kind, &what);
	if (r == -ENOENT)
		return plan_note(plan,
				 "pool %s: libvirt has no network %s; 'vfpool network %s --define "
				 "--start' makes it",
				 pool->name, pool->network, pool->name);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && kind != GUEST_NETWORK_OURS)
		return note_others_network(plan, pool, kind, what);
	if (pool->network_autostart && !network_has_autostart(apply->vp, pool) &&
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

/* Rules of pools that aren't defined any more. */
static int note_old_rules(struct apply *apply, struct vfpool_plan *plan)
{
	static const char prefix[] = "90-vfpool-", suffix[] = ".rules";
	AUTO_CLOSEDIR DIR *dir = opendir(apply->vp->dirs[VFPOOL_DIR_RULES]);
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		const char *name = entry->d_name + strlen(prefix),
			   *end = strrchr(entry->d_name, '.');

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || !end || end <= name ||
		    strcmp(end, suffix) != 0 || is_defined(apply, name, (size_t)(end - name)))
			continue;
		r = plan_note(
			plan,
			"%s/%s: these rules make VFs for a pool that isn't defined any more; 'vfpool udev "
			"%.*s --remove' takes them away",
			apply->vp->dirs[VFPOOL_DIR_RULES], entry->d_name, (int)(end - name), name);
	}
	return r;
}

static int note_maker(void *arg, const struct vfpool_pf *pf, const char *what, const char *file,
		      unsigned line)
{
	return plan_note(arg, "%s:%u: %s makes or sets VFs of %s too: let only one of them do it",
			 file, line, what, pf->netdev ? pf->netdev : "the PF");
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

	if (r == 0 && !apply->name && !apply->n_broken)
		r = note_old_rules(apply, plan);
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

static int look_for_pfs(struct vfpool *vp, const char *name, struct vfpool_pool *const *pools,
			bool *ret_all)
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
		all = all &&
		      ((name && strcmp(uses[i].pool->name, name) != 0) || is_ready(uses[i].pf));
	*ret_all = all;
	return 0;
}

int vfpool_wait(struct vfpool *vp, const char *name, unsigned seconds, bool *ret_all)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	const long long deadline = clock_ms() + seconds * 1000LL;
	int r = load_sound(vp, &pools);

	/* What a card that is just coming says may be half there: that is no failure before the time is up. */
	while (r == 0 && ((r = look_for_pfs(vp, name, pools, ret_all)) < 0 || !*ret_all) &&
	       clock_ms() < deadline) {
		rest_ms(REST_MS);
		r = 0;
	}
	return r;
}
