/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: the files in the configuration directory. */
#include "manager/manager.h"

#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <string.h>

char *pool_path(const struct vfpool *vp, const char *name)
{
	return format_text("%s/pools/%s.xml", vp->dirs[VFPOOL_DIR_CONFIG], name);
}

void vfpool_pools_free(struct vfpool_pool **pools)
{
	for (struct vfpool_pool **pool = pools; pool && *pool; pool++)
		vfpool_pool_free(*pool);
	free(pools);
}

int load_pool_file(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
		   char **ret_text, size_t *ret_size)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = read_given_file(file, POOL_TEXT_MAX, &text, &size, &vp->err);

	if (r == 0)
		r = pool_parse(text, size, file, ret_pool, &vp->err);
	if (r == 0) {
		*ret_text = TAKE_PTR(text);
		*ret_size = size;
	}
	return r;
}

static int fail_no_pool(struct vfpool *vp, const char *name)
{
	return fail(&vp->err, -VFPOOL_ENOTFOUND,
		    "there is no pool '%s'; 'vfpool list' shows the pools", name);
}

/* A link that leads nowhere is there: reading it says so. */
static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int find_pool_path(struct vfpool *vp, const char *name, char **ret_path)
{
	char *path;

	if (!pool_name_is_valid(name))
		return fail_no_pool(vp, name);
	finish_define(vp);
	if (finish_rename(vp) < 0)
		note(vp, "%s", vp->err.text);
	path = pool_path(vp, name);
	if (!path)
		return fail_oom(&vp->err);
	*ret_path = path; /* the caller's to free, found or not */
	return is_there(path) ? 0 : fail_no_pool(vp, name);
}

static int check_file_name(struct vfpool *vp, const struct vfpool_pool *pool, const char *name)
{
	if (strcmp(pool->name, name) == 0)
		return 0;
	return fail(&vp->err, -EINVAL, "%s: the pool's name is '%s', so its file must be %s.xml",
		    pool->file, pool->name, pool->name);
}

static int read_pool(struct vfpool *vp, const char *name, const char *path, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = read_file(path, POOL_TEXT_MAX, &text, &size, &vp->err);

	if (r == 0)
		r = pool_parse(text, size, path, &pool, &vp->err);
	if (r == 0)
		r = check_file_name(vp, pool, name);
	if (r == 0)
		*ret_pool = TAKE_PTR(pool);
	return r;
}

int load_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	AUTO_FREE char *path = NULL;
	int r = find_pool_path(vp, name, &path);

	return r < 0 ? r : read_pool(vp, name, path, ret_pool);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

DEFINE_CLEANUP(char **, cleanup_names, free_names);

/* The names of all definitions, sorted; the array ends with NULL. */
static int list_names(struct vfpool *vp, char ***ret_names, size_t *ret_n)
{
	AUTO_FREE char *path = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	CLEANUP(cleanup_names) char **names = calloc(1, sizeof(*names));
	AUTO_CLOSEDIR DIR *dir = NULL;
	struct dirent *entry;
	size_t n = 0;

	if (!path || !names)
		return fail_oom(&vp->err);
	if (finish_rename(vp) < 0)
		note(vp, "%s", vp->err.text);
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return fail_errno(&vp->err, -errno, "reading the folder %s", path);
	while (dir && (entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');
		char **grown;

		if (!end || strcmp(end, ".xml") != 0 || end == entry->d_name)
			continue;
		grown = reallocarray(names, n + 2, sizeof(*grown));
		if (!grown)
			return fail_oom(&vp->err);
		names = grown;
		names[n + 1] = NULL;
		names[n] = strndup(entry->d_name, (size_t)(end - entry->d_name));
		if (!names[n])
			return fail_oom(&vp->err);
		if (pool_name_is_valid(names[n])) /* not an editor's '.#a.xml' */
			n++;
		else
			free(TAKE_PTR(names[n]));
	}
	qsort(names, n, sizeof(*names), by_name);
	*ret_names = TAKE_PTR(names);
	*ret_n = n;
	return 0;
}

static bool is_one_of(const char *name, struct vfpool_pool *const *pools, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pools[i]->name, name) == 0)
			return true;
	return false;
}

/* What is done about definitions that are broken. */
enum broken { FAIL_BROKEN, SKIP_BROKEN, TELL_BROKEN };

static int load(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
		enum broken broken, struct vfpool_pool ***ret_pools, size_t *ret_n, unsigned *ret_broken)
{
	CLEANUP(cleanup_names) char **names = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	size_t n_names = 0, n = 0;
	unsigned n_broken = 0;
	int r;

	finish_define(vp);
	r = list_names(vp, &names, &n_names);

	if (r < 0)
		return r;
	pools = calloc(n_names + n_except + 1, sizeof(*pools));
	if (!pools)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n_names; i++) {
		AUTO_FREE char *path = pool_path(vp, names[i]);

		if (!path)
			return fail_oom(&vp->err);
		if (is_one_of(names[i], except, n_except))
			continue;
		r = read_pool(vp, names[i], path, &pools[n]);
		if (r == 0) {
			n++;
		} else if (!is_there(path)) {
			continue; /* undefined meanwhile */
		} else if (broken == FAIL_BROKEN) {
			return r;
		} else {
			n_broken++;
			if (broken == TELL_BROKEN)
				note(vp, "%s", vp->err.text);
		}
	}
	*ret_pools = TAKE_PTR(pools);
	*ret_n = n;
	*ret_broken = n_broken;
	return 0;
}

int load_others(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
		struct vfpool_pool ***ret_pools, size_t *ret_n)
{
	unsigned none;

	return load(vp, except, n_except, FAIL_BROKEN, ret_pools, ret_n, &none);
}

int load_sound(struct vfpool *vp, struct vfpool_pool ***ret_pools)
{
	unsigned n_broken;
	size_t n;

	return load(vp, NULL, 0, SKIP_BROKEN, ret_pools, &n, &n_broken);
}

int load_telling(struct vfpool *vp, struct vfpool_pool ***ret_pools, unsigned *ret_broken)
{
	size_t n;

	return load(vp, NULL, 0, TELL_BROKEN, ret_pools, &n, ret_broken);
}

int vfpool_pools(struct vfpool *vp, struct vfpool_pool ***ret_pools)
{
	unsigned n_broken;
	size_t n;

	return load(vp, NULL, 0, TELL_BROKEN, ret_pools, &n, &n_broken);
}

int vfpool_find_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	return load_pool(vp, name, ret_pool);
}

const struct vfpool_pf *vfpool_find_pf(const struct vfpool_inventory *inventory,
				       const struct vfpool_pool_pf *want)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (pool_pf_matches(want, &inventory->pfs[i]))
			return &inventory->pfs[i];
	return NULL;
}

int resolve_uses(struct vfpool *vp, struct vfpool_pool *const *pools,
		 const struct vfpool_inventory *inventory, struct pool_use **ret_uses, size_t *ret_n)
{
	struct pool_use *uses;
	size_t n = 0;

	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		n += (*pool)->n_pfs;
	uses = calloc(n + 1, sizeof(*uses));
	if (!uses)
		return fail_oom(&vp->err);
	n = 0;
	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		for (size_t i = 0; i < (*pool)->n_pfs; i++)
			uses[n++] = (struct pool_use){
				.pool = *pool,
				.want = &(*pool)->pfs[i],
				.pf = vfpool_find_pf(inventory, &(*pool)->pfs[i]),
			};
	*ret_uses = uses;
	*ret_n = n;
	return 0;
}

void read_vectors(struct host *host, const struct pool_use *uses, size_t n, bool locked,
		  struct vfpool_pf *pf)
{
	bool is_asked = false;

	for (size_t i = 0; i < n; i++)
		is_asked = is_asked || (uses[i].pf == pf && uses[i].pool->vectors);
	if (is_asked)
		host_read_vectors(host, pf, locked);
}

int check_uses(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
	       const struct pool_use *uses, size_t n)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		read_vectors(host, uses, n, false, &inventory->pfs[i]);
	return pool_check_uses(uses, n, &vp->err);
}

int load_checked_uses(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
		      struct vfpool_pool ***ret_pools, struct pool_use **ret_uses, size_t *ret_n)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_use *uses = NULL;
	size_t n;
	int r = load_others(vp, NULL, 0, &pools, &n);

	if (r == 0)
		r = resolve_uses(vp, pools, inventory, &uses, &n);
	if (r == 0)
		r = check_uses(vp, host, inventory, uses, n);
	if (r < 0)
		return r;
	*ret_pools = TAKE_PTR(pools);
	*ret_uses = TAKE_PTR(uses);
	*ret_n = n;
	return 0;
}

int fail_missing_pf(struct vfpool *vp, struct host *host, const struct pool_use *use)
{
	int r = host_explain_missing(host, use->want);

	return fail_while(&vp->err, r, "%s:%d", use->pool->file, use->want->line);
}

int vfpool_dumpxml(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_FREE char *path = NULL;
	int r;

	r = find_pool_path(vp, name, &path);
	if (r < 0)
		return r;
	return read_file(path, POOL_TEXT_MAX, ret_text, NULL, &vp->err);
}
