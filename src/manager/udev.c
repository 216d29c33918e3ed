/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules that make a pool's VFs at boot. */
#include "manager/udev.h"
#include "manager/claims.h"
#include "manager/definitions.h"

#include "util/file.h"

#include <string.h>

static int make_rules(struct vfpool *vp, struct vfpool_pool *pool,
		      const struct vfpool_inventory *inventory, struct host *host, char **ret_text)
{
	struct vfpool_pool *pools[] = { pool, NULL };
	AUTO_FREE struct host_udev_rule *rules = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	size_t n = 0;
	int r = claims_resolve(vp, pools, inventory, &claims, &n);

	if (r < 0)
		return r;
	rules = calloc(n + 1, sizeof(*rules));
	if (!rules)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n; i++) {
		if (!claims[i].pf)
			return host ? claims_fail_missing_pf(vp, host, &claims[i]) :
				      -VFPOOL_ENOTFOUND;
		rules[i] = (struct host_udev_rule){ claims[i].pf, claims[i].want->numvfs };
	}
	r = host_udev_rules(pool->name, rules, n, ret_text);
	return r < 0 ? fail_oom(&vp->err) : 0;
}

static bool file_is(const char *path, const char *text)
{
	AUTO_FREE char *is = NULL;
	struct error ignored;

	return read_file(path, POOL_TEXT_MAX, &is, NULL, &ignored) == 0 && strcmp(is, text) == 0;
}

bool udev_rules_differ(struct vfpool *vp, struct vfpool_pool *pool,
		       const struct vfpool_inventory *inventory, const char *path)
{
	AUTO_FREE char *text = NULL;

	return make_rules(vp, pool, inventory, NULL, &text) == 0 && !file_is(path, text);
}

/* Makes the rules of the pool by the host as it is now, which it opens for the caller. */
static int make_rules_now(struct vfpool *vp, const char *name, struct host *ret_host,
			  char **ret_text)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = definition_load(vp, name, &pool);

	if (r < 0)
		return r;
	r = open_host(vp, ret_host);
	if (r < 0)
		return r;
	r = host_read_inventory(ret_host, HOST_NO_VFS, &inventory);
	if (r < 0)
		return r;
	return make_rules(vp, pool, inventory, ret_host, ret_text);
}

int vfpool_udev_rules(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_HOST struct host host = NO_HOST;

	return make_rules_now(vp, name, &host, ret_text);
}

static int rules_path(struct vfpool *vp, const char *name, char **ret_path)
{
	int r = definition_check_name(vp, name);

	if (r < 0)
		return r;
	*ret_path = format_text("%s/90-vfpool-%s.rules", vp->dirs[VFPOOL_DIR_RULES], name);
	return *ret_path ? 0 : fail_oom(&vp->err);
}

/* Asks udev whether it takes the rules, by a file beside them whose name it passes over. */
static int verify(struct vfpool *vp, struct host *host, const char *name, const char *text)
{
	AUTO_FREE char *path = format_text("%s/.vfpool-%s.rules", vp->dirs[VFPOOL_DIR_RULES], name);
	int r;

	if (!path)
		return fail_oom(&vp->err);
	r = write_file(path, text, strlen(text), 0644, &vp->err);
	if (r < 0) {
		unlink(path);
		return r;
	}
	r = host_udev_verify(host, path);
	unlink(path);
	return r < 0 ? fail_while(&vp->err, r,
				  "udev doesn't take these rules, so nothing was changed") :
		       0;
}

/* Writes the rules into `path`, when udev takes them, and has it read them. */
static int install(struct vfpool *vp, struct host *host, const char *name, const char *path,
		   const char *text)
{
	int r = make_dirs(vp->dirs[VFPOOL_DIR_RULES], 0755, &vp->err);

	if (r < 0)
		return r;
	r = verify(vp, host, name, text);
	if (r < 0)
		return r;
	r = write_file(path, text, strlen(text), 0644, &vp->err);
	if (r < 0)
		return r;
	r = host_udev_reload(host);
	return r < 0 ? fail_while(&vp->err, r,
				  "%s is written, but udev doesn't know it before the next "
				  "boot",
				  path) :
		       0;
}

int vfpool_udev_install(struct vfpool *vp, const char *name, char **ret_path, bool *ret_changed)
{
	AUTO_FREE char *text = NULL, *path = NULL;
	AUTO_HOST struct host host = NO_HOST;
	bool changed;
	int r = check_root(vp, "installing udev rules");

	if (r < 0)
		return r;
	r = make_rules_now(vp, name, &host, &text);
	if (r < 0)
		return r;
	r = rules_path(vp, name, &path);
	if (r < 0)
		return r;
	changed = !file_is(path, text);
	r = changed ? install(vp, &host, name, path, text) : 0;
	if (r < 0)
		return r;
	*ret_path = TAKE_PTR(path);
	*ret_changed = changed;
	return 0;
}

int vfpool_udev_remove(struct vfpool *vp, const char *name, char **ret_path, bool *ret_changed)
{
	AUTO_HOST struct host host = NO_HOST;
	AUTO_FREE char *path = NULL;
	bool changed = true;
	int r;

	r = check_root(vp, "removing udev rules");
	if (r < 0)
		return r;
	r = rules_path(vp, name, &path);
	if (r < 0)
		return r;
	r = open_host(vp, &host);
	if (r < 0)
		return r;
	if (unlink(path) < 0) {
		if (errno != ENOENT)
			return fail_errno(&vp->err, -errno, "removing %s", path);
		changed = false;
	}
	r = changed ? host_udev_reload(&host) : 0;
	if (r < 0)
		return fail_while(&vp->err, r,
				  "%s is removed, but udev knows it until the next boot", path);
	*ret_path = TAKE_PTR(path);
	*ret_changed = changed;
	return 0;
}

/* Finds the pool of which the VF at that address is. udev asks for each VF's network device, so that only its PF is
 * read. */
static int find_pool_of_vf(struct vfpool *vp, struct host *host, const struct vfpool_pci *vf,
			   char **ret_name)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	CLEANUP(pf_end) struct vfpool_pf pf = { .n_vfs = 0 };
	const struct vfpool_inventory one = { .pfs = &pf, .n_pfs = 1 };
	const struct vfpool_pool *pool;
	struct vfpool_pci address;
	unsigned index;
	size_t n = 0;
	int r;

	r = host_find_vf(host, vf, &address, &index);
	if (r < 0)
		return r;
	r = host_read_pf(host, &address, HOST_NO_VFS, &pf);
	if (r < 0)
		return r;
	r = definition_load_sound(vp, &pools);
	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, &one, &claims, &n);
	if (r < 0)
		return r;
	pool = claims_pool_of_vf(claims, n, &address, index);
	if (!pool)
		return 0;
	*ret_name = strdup(pool->name);
	return *ret_name ? 0 : fail_oom(&vp->err);
}

int vfpool_udev_properties(struct vfpool *vp, const char *netdev, char **ret_text)
{
	AUTO_HOST struct host host = NO_HOST;
	AUTO_FREE char *pool = NULL;
	struct vfpool_pci address;
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_netdev_address(&host, netdev, &address);
	if (r < 0)
		return r;
	r = find_pool_of_vf(vp, &host, &address, &pool);
	if (r < 0)
		return r;
	/* NetworkManager heeds the second; 05-vfpool.network has systemd-networkd heed the first. */
	*ret_text = pool ? format_text("VFPOOL_POOL=%s\nNM_UNMANAGED=1\n", pool) : strdup("");
	return *ret_text ? 0 : fail_oom(&vp->err);
}

int vfpool_udev_installed(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_FREE char *path = NULL;
	char *text = NULL;
	int r = rules_path(vp, name, &path);

	if (r < 0)
		return r;
	r = read_file(path, POOL_TEXT_MAX, &text, NULL, &vp->err);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_text = text;
	return 0;
}
