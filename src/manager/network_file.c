/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's network of a pool, by its file: whose is it, and does libvirt start it? */
#include "manager/network_file.h"

#include "util/file.h"

#define NETWORK_MAX (1024 * 1024)

static char *network_file(const struct vfpool *vp, const char *folder,
			  const struct vfpool_pool *pool)
{
	return format_text("%s/%s%s.xml", vp->dirs[VFPOOL_DIR_NETWORKS], folder, pool->network);
}

bool network_file_has_autostart(const struct vfpool *vp, const struct vfpool_pool *pool)
{
	AUTO_FREE char *path = network_file(vp, "autostart/", pool);

	return path && access(path, F_OK) == 0;
}

bool vfpool_network_is_synced(const struct vfpool *vp, const struct vfpool_pool *pool)
{
	return pool->allocate == VFPOOL_BY_LIBVIRT &&
	       (pool->network_autostart || network_file_has_autostart(vp, pool));
}

int network_file_look(const struct vfpool *vp, const struct vfpool_pool *pool,
		      enum guest_network_kind *ret_kind, char **ret_what)
{
	AUTO_FREE char *path = network_file(vp, "", pool), *xml = NULL;
	struct error ignored;

	if (!path)
		return -ENOMEM;
	if (access(path, F_OK) < 0)
		return -ENOENT;
	return read_file(path, NETWORK_MAX, &xml, NULL, &ignored) < 0 ?
		       -EACCES :
		       guest_network_look(xml, ret_kind, ret_what);
}

int network_file_check_free(struct vfpool *vp, const struct vfpool_pool *pool)
{
	enum guest_network_kind kind = GUEST_NETWORK_OURS;
	AUTO_FREE char *what = NULL, *xml = NULL;
	struct error ignored;

	if (pool->allocate != VFPOOL_BY_LIBVIRT)
		return 0;
	/* One that only runs has no file. A libvirt that isn't there or doesn't answer has none to lose now. */
	if (network_file_look(vp, pool, &kind, &what) < 0 &&
	    guest_ask(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], guest_network_get, pool->network,
		      &xml, &ignored) == 0 &&
	    xml)
		guest_network_look(xml, &kind, &what);
	if (kind != GUEST_NETWORK_OTHER)
		return 0;
	return fail(&vp->err, -VFPOOL_EINUSE,
		    "%s: libvirt's network %s is somebody else's (%s); " GUEST_OTHER_NAME,
		    pool->file, pool->network, what);
}
