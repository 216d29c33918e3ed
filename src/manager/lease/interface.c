/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lease as a guest's <interface>. */
#include "manager/context.h"
#include "manager/definitions.h"

#include "util/file.h"

/* Does libvirt call vfpool when a guest starts? */
static bool has_hook(const struct vfpool *vp)
{
	AUTO_FREE char *path = format_text("%s/qemu.d/vfpool", vp->dirs[VFPOOL_DIR_HOOKS]);

	return path && access(path, X_OK) == 0;
}

int vfpool_interface(struct vfpool *vp, const struct vfpool_lease *lease, enum vfpool_format format,
		     const struct vfpool_interface_options *options, char **ret_text)
{
	static const struct vfpool_interface_options none = { 0 };
	const struct guest_form form = { format, options ? options : &none, has_hook(vp) };
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = definition_load(vp, lease->pool, &pool);

	r = r < 0 ? r : guest_interface(pool, lease, &form, ret_text, &vp->err);
	return r < 0 ? fail_while(&vp->err, r, "%s nic %u in pool %s", lease->owner, lease->nic,
				  lease->pool) :
		       0;
}

int vfpool_check_interface(struct vfpool *vp, const char *pool_name, enum vfpool_format format,
			   const struct vfpool_interface_options *options)
{
	const struct guest_form form = { format, options, has_hook(vp) };
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL;
	int r = definition_load(vp, pool_name, &pool);
	const struct vfpool_lease lease = {
		.pool = (char *)pool_name,
		.owner = (char *)"",
		.vlan = -1,
		.address = { .bus = 1 },
		.has_vf = pool && pool->allocate == VFPOOL_BY_VFPOOL,
	};

	return r < 0 ? r : guest_interface(pool, &lease, &form, &text, &vp->err);
}
