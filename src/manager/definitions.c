/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: the files in the configuration directory. */
#include "manager/definitions.h"
#include "manager/definition_changes.h"
#include "manager/definition_files.h"

#include "util/file.h"
#include "util/name.h"

int definition_load_file(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
			 char **ret_text, size_t *ret_size)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = read_given_file(file, POOL_TEXT_MAX, &text, &size, &vp->err);

	if (r < 0)
		return r;
	r = pool_parse(text, size, file, ret_pool, &vp->err);
	if (r == 0) {
		*ret_text = TAKE_PTR(text);
		*ret_size = size;
	}
	return r;
}

int definition_check_name(struct vfpool *vp, const char *name)
{
	return pool_name_is_valid(name) ?
		       0 :
		       fail(&vp->err, -VFPOOL_ENOTFOUND, "there is no pool '%s'", name);
}

int definition_fail_missing(struct vfpool *vp, const char *name)
{
	return fail(&vp->err, -VFPOOL_ENOTFOUND,
		    "there is no pool '%s'; 'vfpool list' shows the pools", name);
}

int definition_find(struct vfpool *vp, const char *name, char **ret_path)
{
	char *path;

	if (!pool_name_is_valid(name))
		return definition_fail_missing(vp, name);
	changes_settle(vp);
	path = definition_path(vp, name);
	if (!path)
		return fail_oom(&vp->err);
	*ret_path = path; /* the caller's to free, found or not */
	return definition_file_is_there(path) ? 0 : definition_fail_missing(vp, name);
}

int definition_load(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	AUTO_FREE char *path = NULL;
	int r = definition_find(vp, name, &path);

	return r < 0 ? r : definition_parse(vp, name, path, NULL, 0, ret_pool);
}

int definition_load_or_default(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	int r = definition_load(vp, name, ret_pool);

	/* Its file was removed by hand; its leases can be given back all the same. */
	return r == -VFPOOL_ENOTFOUND ? pool_new_default(name, ret_pool, &vp->err) : r;
}

/* ---- all of them, as they were at one moment ---- */

#define READ_TRIES 10

static int read_files(struct vfpool *vp, struct definition_files *files)
{
	for (int left = READ_TRIES; left > 0; left--) {
		const bool is_settled = changes_settle(vp);
		bool is_one = false;
		int r;

		definition_files_end(files);
		r = definition_files_read(vp, files, &is_one);
		if (r < 0 || is_one || !is_settled)
			return r;
	}
	note(vp, "definitions change all the time: some of what is told here may be of before");
	return 0;
}

static int load(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
		enum broken broken, struct vfpool_pool ***ret_pools, size_t *ret_n,
		unsigned *ret_broken)
{
	CLEANUP(definition_files_end) struct definition_files files = { 0 };
	int r = read_files(vp, &files);

	return r < 0 ? r :
		       definition_files_parse(vp, &files, except, n_except, broken, ret_pools,
					      ret_n, ret_broken);
}

int definition_load_others(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
			   struct vfpool_pool ***ret_pools, size_t *ret_n)
{
	unsigned none;

	return load(vp, except, n_except, FAIL_BROKEN, ret_pools, ret_n, &none);
}

int definition_load_sound(struct vfpool *vp, struct vfpool_pool ***ret_pools)
{
	unsigned n_broken;
	size_t n;

	return load(vp, NULL, 0, SKIP_BROKEN, ret_pools, &n, &n_broken);
}

int definition_load_telling(struct vfpool *vp, struct vfpool_pool ***ret_pools,
			    unsigned *ret_broken)
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
	return definition_load(vp, name, ret_pool);
}

int vfpool_dumpxml(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_FREE char *path = NULL;
	int r;

	r = definition_find(vp, name, &path);
	if (r < 0)
		return r;
	return read_file(path, POOL_TEXT_MAX, ret_text, NULL, &vp->err);
}
