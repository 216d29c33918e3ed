/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of definitions in the configuration directory, as they are now. */
#include "manager/definition_files.h"

#include "util/file.h"
#include "util/name.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define READ_TRIES 10

char *definition_path(const struct vfpool *vp, const char *name)
{
	return format_text("%s/pools/%s.xml", vp->dirs[VFPOOL_DIR_CONFIG], name);
}

char *definition_journal_path(const struct vfpool *vp)
{
	return format_text("%s/pools/.changes", vp->dirs[VFPOOL_DIR_CONFIG]);
}

bool definition_changes_are_pending(const struct vfpool *vp)
{
	AUTO_FREE char *path = definition_journal_path(vp);
	struct stat is;

	return !path || lstat(path, &is) == 0;
}

bool definition_file_is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool definition_file_is(const struct vfpool *vp, const char *name, const char *text, size_t size)
{
	AUTO_FREE char *path = definition_path(vp, name), *is = NULL;
	struct error ignored;
	size_t is_size;

	return path && read_file(path, POOL_TEXT_MAX, &is, &is_size, &ignored) == 0 &&
	       is_size == size && memcmp(is, text, size) == 0;
}

static int check_file_name(struct vfpool *vp, const struct vfpool_pool *pool, const char *name)
{
	if (strcmp(pool->name, name) == 0)
		return 0;
	return fail(&vp->err, -EINVAL, "%s: the pool's name is '%s', so its file must be %s.xml",
		    pool->file, pool->name, pool->name);
}

int definition_parse(struct vfpool *vp, const char *name, const char *path, const char *text,
		     size_t size, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *own = NULL;
	int r = text ? 0 : read_file(path, POOL_TEXT_MAX, &own, &size, &vp->err);

	if (r < 0)
		return r;
	r = pool_parse(text ? text : own, size, path, &pool, &vp->err);
	if (r < 0)
		return r;
	r = check_file_name(vp, pool, name);
	if (r < 0)
		return r;
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

/* ---- all of them ---- */

void definition_files_end(struct definition_files *files)
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

/* Adds the folder's entry to the files, when it is a definition's. -ENOMEM, without a message. */
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
	file->path = file->name ? definition_path(vp, file->name) : NULL;
	if (file->path)
		(void)stat(file->path, &file->is);
	return file->path ? 0 : -ENOMEM;
}

/* Fills `files` with the definitions' files, sorted by name, and not yet read. */
static int list_files(struct vfpool *vp, struct definition_files *files)
{
	AUTO_FREE char *path = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	AUTO_CLOSEDIR DIR *dir = path ? opendir(path) : NULL;

	if (!path)
		return fail_oom(&vp->err);
	if (!dir)
		return errno == ENOENT ?
			       0 :
			       fail_errno(&vp->err, -errno, "reading the folder %s", path);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (add_file(vp, files, entry->d_name) < 0)
			return fail_oom(&vp->err);
	if (files->n > 0)
		qsort(files->list, files->n, sizeof(*files->list), by_name);
	return 0;
}

/* Are both lists of the same files? A file that is stored anew is another one, while there is the old one still. */
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

int definition_files_read(struct vfpool *vp, struct definition_files *files, bool *ret_is_one)
{
	CLEANUP(definition_files_end) struct definition_files after = { 0 };
	struct error ignored;
	bool is_pending;
	int r = list_files(vp, files);

	for (size_t i = 0; r == 0 && i < files->n; i++)
		(void)read_file(files->list[i].path, POOL_TEXT_MAX, &files->list[i].text,
				&files->list[i].size, &ignored);
	is_pending = definition_changes_are_pending(
		vp); /* asked first: one that begins now has changed none of those that were read */
	if (r < 0)
		return r;
	r = list_files(vp, &after);
	if (r < 0)
		return r;
	*ret_is_one = !is_pending && are_same(files, &after);
	return 0;
}

static bool is_one_of(const char *name, struct vfpool_pool *const *pools, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pools[i]->name, name) == 0)
			return true;
	return false;
}

int definition_files_parse(struct vfpool *vp, const struct definition_files *files,
			   struct vfpool_pool *const *except, size_t n_except, enum broken broken,
			   struct vfpool_pool ***ret_pools, size_t *ret_n, unsigned *ret_broken)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	unsigned n_broken = 0;
	size_t n = 0;
	int r;

	pools = calloc(files->n + n_except + 1, sizeof(*pools));
	if (!pools)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < files->n; i++) {
		const struct definition_file *file = &files->list[i];

		if (is_one_of(file->name, except, n_except))
			continue;
		r = definition_parse(vp, file->name, file->path, file->text, file->size, &pools[n]);
		if (r == 0) {
			n++;
		} else if (!definition_file_is_there(file->path)) {
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

int definition_load_unsettled(struct vfpool *vp, struct vfpool_pool ***ret_pools)
{
	CLEANUP(definition_files_end) struct definition_files files = { 0 };
	unsigned n_broken;
	size_t n;
	bool is_one = false;
	int r = 0;

	for (int left = READ_TRIES; r == 0 && !is_one && left > 0; left--) {
		definition_files_end(&files);
		r = definition_files_read(vp, &files, &is_one);
		if (definition_changes_are_pending(vp))
			break;
	}
	return r < 0 ? r :
		       definition_files_parse(vp, &files, NULL, 0, SKIP_BROKEN, ret_pools, &n,
					      &n_broken);
}
