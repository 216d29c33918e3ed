/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards come when they come. */
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definitions.h"

#include "util/clock.h"

#include <string.h>

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
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	bool all = true;
	size_t n = 0;
	int r;

	if ((r = open_host(vp, &host)) < 0 || (r = host_read(&host, HOST_NO_VFS, &inventory)) < 0 ||
	    (r = claims_resolve(vp, pools, inventory, &claims, &n)) < 0)
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
	int r = load_sound(vp, &pools);

	/* What a card that is just coming says may be half there: that is no failure before the time is up. */
	while (r == 0 && ((r = look_for_pfs(vp, name, pools, ret_all)) < 0 || !*ret_all) &&
	       clock_ms() < deadline) {
		rest_ms(REST_MS);
		r = 0;
	}
	return r;
}
