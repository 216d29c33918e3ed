/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: the files in the configuration directory. */
#include "manager/manager.h"

#include "util/file.h"
#include "util/name.h"

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

static int load_file(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
		     char **ret_text, size_t *ret_size)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = read_file(file, POOL_TEXT_MAX, &text, &size, &vp->err);

	if (r == 0)
		r = pool_parse(text, size, file, ret_pool, &vp->err);
	if (r == 0 && ret_text) {
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

/* Where the pool's definition is. VFPOOL_ENOTFOUND: there is none. */
static int find_path(struct vfpool *vp, const char *name, char **ret_path)
{
	char *path;

	if (!pool_name_is_valid(name))
		return fail_no_pool(vp, name);
	path = pool_path(vp, name);
	if (!path)
		return fail_oom(&vp->err);
	*ret_path = path; /* the caller's to free, found or not */
	return access(path, F_OK) < 0 ? fail_no_pool(vp, name) : 0;
}

static int check_file_name(struct vfpool *vp, const struct vfpool_pool *pool, const char *name)
{
	if (strcmp(pool->name, name) == 0)
		return 0;
	return fail(&vp->err, -EINVAL, "%s: the pool's name is '%s', so its file must be %s.xml",
		    pool->file, pool->name, pool->name);
}

int load_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *path = NULL;
	int r;

	r = find_path(vp, name, &path);
	if (r < 0)
		return r;
	r = load_file(vp, path, &pool, NULL, NULL);
	if (r == 0)
		r = check_file_name(vp, pool, name);
	if (r == 0)
		*ret_pool = TAKE_PTR(pool);
	return r;
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

/* All definitions but one (NULL: all), with room for one more. */
static int load_pools(struct vfpool *vp, const char *except, struct vfpool_pool ***ret_pools,
		      size_t *ret_n)
{
	CLEANUP(cleanup_names) char **names = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	size_t n_names = 0, n = 0;
	int r = list_names(vp, &names, &n_names);

	if (r < 0)
		return r;
	pools = calloc(n_names + 2, sizeof(*pools));
	if (!pools)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n_names; i++) {
		if (except && strcmp(names[i], except) == 0)
			continue;
		r = load_pool(vp, names[i], &pools[n]);
		if (r < 0)
			return r;
		n++;
	}
	*ret_pools = TAKE_PTR(pools);
	*ret_n = n;
	return 0;
}

int vfpool_pools(struct vfpool *vp, struct vfpool_pool ***ret_pools)
{
	size_t n;

	return load_pools(vp, NULL, ret_pools, &n);
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

int load_checked_uses(struct vfpool *vp, const struct vfpool_inventory *inventory,
		      struct vfpool_pool ***ret_pools, struct pool_use **ret_uses, size_t *ret_n)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_use *uses = NULL;
	size_t n;
	int r;

	if ((r = vfpool_pools(vp, &pools)) < 0 ||
	    (r = resolve_uses(vp, pools, inventory, &uses, &n)) < 0 ||
	    (r = pool_check_uses(uses, n, &vp->err)) < 0)
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

/* The other pools with this one in its old definition's place. */
static int check_beside_others(struct vfpool *vp, struct vfpool_pool *pool,
			       const struct vfpool_inventory *inventory)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_use *uses = NULL;
	size_t n = 0, n_uses;
	int r = load_pools(vp, pool->name, &pools, &n);

	if (r < 0)
		return r;
	pools[n] = pool; /* last, so that messages name its file first */
	r = resolve_uses(vp, pools, inventory, &uses, &n_uses);
	if (r == 0)
		r = pool_check_uses(uses, n_uses, &vp->err);
	pools[n] = NULL; /* it is the caller's */
	return r;
}

/* With leases, VFs can't be taken out of a pool. */
static int check_leases_stay(struct vfpool *vp, struct ledger *ledger,
			     const struct vfpool_pool *pool,
			     const struct vfpool_inventory *inventory)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r;

	if (!ledger)
		return 0;
	r = ledger_leases(ledger, pool->name, &leases);
	if (r < 0)
		return r;
	for (struct vfpool_lease **lease = leases; *lease; lease++) {
		bool stays = (*lease)->has_vf == (pool->allocate == VFPOOL_BY_VFPOOL);

		if ((*lease)->has_vf && stays) {
			stays = false;
			for (size_t i = 0; i < pool->n_pfs && !stays; i++) {
				const struct vfpool_pf *pf = vfpool_find_pf(inventory, &pool->pfs[i]);

				stays = pf && is_lease_pf(*lease, pf) &&
					vfpool_pool_has_vf(&pool->pfs[i], (*lease)->vf);
			}
		}
		if (!stays)
			return fail(&vp->err, -VFPOOL_EINUSE,
				    "%s: the definition would take VF %u from %s nic %u, who has it "
				    "leased; 'vfpool release' it first",
				    pool->file, (*lease)->vf, (*lease)->owner, (*lease)->nic);
	}
	return 0;
}

static int check_definition(struct vfpool *vp, struct ledger *ledger, const char *file,
			    struct vfpool_pool **ret_pool, char **ret_text, size_t *ret_size)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_HOST struct host host = NO_HOST;
	int r;

	if ((r = load_file(vp, file, &pool, ret_text, ret_size)) < 0 ||
	    (r = open_host(vp, &host)) < 0 ||
	    (r = host_read(&host, HOST_NO_VFS, &inventory)) < 0 ||
	    (r = check_beside_others(vp, pool, inventory)) < 0 ||
	    (r = check_leases_stay(vp, ledger, pool, inventory)) < 0)
		return r;
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

static int validate(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
		    char **ret_text, size_t *ret_size)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	int r = ledger_open(vp->dirs[VFPOOL_DIR_STATE], LEDGER_READ, &ledger, &vp->err);

	/* Anyone may validate; the leases, which are root's, are then left out. */
	return r < 0 && r != -EACCES ? r : check_definition(vp, ledger, file, ret_pool, ret_text, ret_size);
}

int vfpool_validate(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool)
{
	return validate(vp, file, ret_pool, NULL, NULL);
}

static bool file_has(const char *path, const char *text, size_t size)
{
	struct error ignored;
	AUTO_FREE char *is = NULL;
	size_t is_size;

	return read_file(path, POOL_TEXT_MAX, &is, &is_size, &ignored) == 0 && is_size == size &&
	       memcmp(is, text, size) == 0;
}

/* Checks once more and writes, while nobody can lease a VF or define a pool. */
static int store(struct vfpool *vp, const char *file, const char *path)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL, *folder = NULL;
	size_t size;
	int r;

	folder = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	if (!folder)
		return fail_oom(&vp->err);
	if ((r = ledger_open(vp->dirs[VFPOOL_DIR_STATE], LEDGER_WRITE, &ledger, &vp->err)) < 0 ||
	    (r = ledger_begin(ledger)) < 0)
		return r;
	if ((r = check_definition(vp, ledger, file, &pool, &text, &size)) == 0 &&
	    (r = make_dirs(folder, 0755, &vp->err)) == 0)
		r = write_file(path, text, size, 0644, &vp->err);
	ledger_rollback(ledger); /* it was only held */
	return r;
}

int vfpool_define(struct vfpool *vp, const char *file, bool dry_run, struct vfpool_pool **ret_pool,
		  bool *ret_changed)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL, *path = NULL;
	size_t size = 0;
	bool changed;
	int r = check_root(vp, "defining a pool");

	if (r == 0)
		r = validate(vp, file, &pool, &text, &size);
	if (r < 0)
		return r;
	path = pool_path(vp, pool->name);
	if (!path)
		return fail_oom(&vp->err);
	changed = !file_has(path, text, size);
	r = changed && !dry_run ? store(vp, file, path) : 0;
	if (r < 0)
		return fail_while(&vp->err, r, "defining pool %s", pool->name);
	*ret_changed = changed;
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

static int undefine_held(struct vfpool *vp, struct ledger *ledger, const char *name,
			 const char *path, bool dry_run)
{
	unsigned n = 0;
	int r = ledger ? ledger_count_leases(ledger, name, &n) : 0;

	if (r < 0)
		return r;
	if (n > 0)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "pool %s has %u lease%s; 'vfpool show %s' names the owners", name, n,
			    n == 1 ? "" : "s", name);
	if (!dry_run && unlink(path) < 0)
		return fail_errno(&vp->err, -errno, "removing %s", path);
	return 0;
}

int vfpool_undefine(struct vfpool *vp, const char *name, bool dry_run)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	AUTO_FREE char *path = NULL;
	int r;

	if ((r = check_root(vp, "undefining a pool")) < 0 || (r = find_path(vp, name, &path)) < 0 ||
	    (r = ledger_open(vp->dirs[VFPOOL_DIR_STATE], LEDGER_READ, &ledger, &vp->err)) < 0 ||
	    (ledger && (r = ledger_begin(ledger)) < 0))
		return r;
	r = undefine_held(vp, ledger, name, path, dry_run);
	if (ledger)
		ledger_rollback(ledger); /* it was only held */
	return r;
}

int vfpool_dumpxml(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_FREE char *path = NULL;
	int r;

	r = find_path(vp, name, &path);
	if (r < 0)
		return r;
	return read_file(path, POOL_TEXT_MAX, ret_text, NULL, &vp->err);
}
