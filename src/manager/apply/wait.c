/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards come when they come. */
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definitions.h"

#include "util/clock.h"

#include <string.h>

#define REST_MS 250

/* Tells whether the PF has what it will have: its netdev, with udev's name. InfiniBand's may have none. */
static bool is_ready(const struct vfpool_pf *pf)
{
	return pf && (pf->netdev ? host_udev_is_done(pf) : pf->is_infiniband);
}

/* *ret_all tells whether all PFs that the pools mean, or the one named, are ready. */
static int look_for_pfs(struct vfpool *vp, const char *name, struct vfpool_pool *const *pools,
			bool *ret_all)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	bool all = true;
	size_t n = 0;
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_read_inventory(&host, HOST_NO_VFS, &inventory);
	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, inventory, &claims, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		all = all &&
		      ((name && strcmp(claims[i].pool->name, name) != 0) || is_ready(claims[i].pf));
	*ret_all = all;
	return 0;
}

int vfpool_wait(struct vfpool *vp, const char *name, unsigned seconds, bool *ret_all)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	const long long deadline = clock_ms() + seconds * 1000LL;
	int r = definition_load_sound(vp, &pools);

	if (r < 0)
		return r;
	for (;;) {
		r = look_for_pfs(vp, name, pools, ret_all);
		/* What a card that is just coming says may be half there: that is no failure before the time is up. */
		if ((r == 0 && *ret_all) || clock_ms() >= deadline)
			return r;
		rest_ms(REST_MS);
	}
}
