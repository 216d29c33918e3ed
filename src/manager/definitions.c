/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: the files in the configuration directory. */
#include "manager/manager.h"

#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READ_TRIES 10

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
	settle_definitions(vp);
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

/* `text` may be NULL: it is read then. */
static int parse_named(struct vfpool *vp, const char *name, const char *path, const char *text,
		       size_t size, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *own = NULL;
	int r = text ? 0 : read_file(path, POOL_TEXT_MAX, &own, &size, &vp->err);

	if (r == 0)
		r = pool_parse(text ? text : own, size, path, &pool, &vp->err);
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

	return r < 0 ? r : parse_named(vp, name, path, NULL, 0, ret_pool);
}

int load_pool_or_default(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	int r = load_pool(vp, name, ret_pool);

	/* Its file was removed by hand; its leases can be given back all the same. */
	return r == -VFPOOL_ENOTFOUND ? pool_new_default(name, ret_pool, &vp->err) : r;
}

/* ---- all of them, as they were at one moment ---- */

struct definition_file {
	char *name, *path;
	char *text; /* NULL: not read, or it can't be */
	size_t size;
	struct stat is; /* zeros: a link that leads nowhere */
};

struct definition_files {
	struct definition_file *list;
	size_t n;
};

static void files_end(struct definition_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->list[i].name);
		free(files->list[i].path);
		free(files->list[i].text);
	}
	free(files->list);
	*files = (struct definition_files){ 0 };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct definition_file *)a)->name,
		      ((const struct definition_file *)b)->name);
}

/* -ENOMEM. */
static int add_file(const struct vfpool *vp, struct definition_files *files, const char *entry)
{
	const char *end = strrchr(entry, '.');
	struct definition_file *grown, *file;

	if (!end || strcmp(end, ".xml") != 0)
		return 0;
	grown = reallocarray(files->list, files->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	files->list = grown;
	file = &grown[files->n];
	*file = (struct definition_file){ .name = strndup(entry, (size_t)(end - entry)) };
	if (file->name && !pool_name_is_valid(file->name)) { /* an editor's '.#a.xml' */
		free(file->name);
		return 0;
	}
	files->n++;
	file->path = file->name ? pool_path(vp, file->name) : NULL;
	if (file->path)
		(void)stat(file->path, &file->is);
	return file->path ? 0 : -ENOMEM;
}

/* Sorted by name. */
static int list_files(struct vfpool *vp, struct definition_files *files)
{
	AUTO_FREE char *path = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	AUTO_CLOSEDIR DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;

	if (!path)
		return fail_oom(&vp->err);
	if (!dir && errno != ENOENT)
		return fail_errno(&vp->err, -errno, "reading the folder %s", path);
	while (dir && (entry = readdir(dir)))
		if (add_file(vp, files, entry->d_name) < 0)
			return fail_oom(&vp->err);
	if (files->n > 0)
		qsort(files->list, files->n, sizeof(*files->list), by_name);
	return 0;
}

/* A file that is stored anew is another one, while there is the old one still. */
static bool are_same(const struct definition_files *a, const struct definition_files *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->list[i].name, b->list[i].name) == 0 &&
		       a->list[i].is.st_ino == b->list[i].is.st_ino &&
		       a->list[i].is.st_ctim.tv_sec == b->list[i].is.st_ctim.tv_sec &&
		       a->list[i].is.st_ctim.tv_nsec == b->list[i].is.st_ctim.tv_nsec;
	return same;
}

/* Who may read only can keep nobody from changing them, and so reads them again when somebody did: each change has its
 * journal there from before the first file of it to after the last one. *ret_is_one: they are of one moment. */
static int read_files_once(struct vfpool *vp, struct definition_files *files, bool *ret_is_one)
{
	CLEANUP(files_end) struct definition_files after = { 0 };
	struct error ignored;
	bool is_pending;
	int r = list_files(vp, files);

	for (size_t i = 0; r == 0 && i < files->n; i++)
		(void)read_file(files->list[i].path, POOL_TEXT_MAX, &files->list[i].text,
				&files->list[i].size, &ignored);
	is_pending = changes_are_pending(
		vp); /* asked first: one that begins now has changed none of those that were read */
	if (r == 0)
		r = list_files(vp, &after);
	if (r == 0)
		*ret_is_one = !is_pending && are_same(files, &after);
	return r;
}

static int read_files(struct vfpool *vp, struct definition_files *files)
{
	for (int left = READ_TRIES; left > 0; left--) {
		const bool is_settled = settle_definitions(vp);
		bool is_one = false;
		int r;

		files_end(files);
		r = read_files_once(vp, files, &is_one);
		if (r < 0 || is_one || !is_settled)
			return r;
	}
	note(vp, "definitions change all the time: some of what is told here may be of before");
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
		enum broken broken, struct vfpool_pool ***ret_pools, size_t *ret_n,
		unsigned *ret_broken)
{
	CLEANUP(files_end) struct definition_files files = { 0 };
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	unsigned n_broken = 0;
	size_t n = 0;
	int r = read_files(vp, &files);

	if (r < 0)
		return r;
	pools = calloc(files.n + n_except + 1, sizeof(*pools));
	if (!pools)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < files.n; i++) {
		const struct definition_file *file = &files.list[i];

		if (is_one_of(file->name, except, n_except))
			continue;
		r = parse_named(vp, file->name, file->path, file->text, file->size, &pools[n]);
		if (r == 0) {
			n++;
		} else if (!is_there(file->path)) {
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

int vfpool_dumpxml(struct vfpool *vp, const char *name, char **ret_text)
{
	AUTO_FREE char *path = NULL;
	int r;

	r = find_pool_path(vp, name, &path);
	if (r < 0)
		return r;
	return read_file(path, POOL_TEXT_MAX, ret_text, NULL, &vp->err);
}
