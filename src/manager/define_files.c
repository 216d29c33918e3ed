/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several definitions are stored all or none. Each text is written beside its place; then a journal with their
 * names says that they are all there, and from then on they hold: they are put into their places, and the
 * journal is taken away. Who finds the journal of a define that was killed does the rest of it. Its lock ends with the
 * process that has it.
 */
#include "manager/manager.h"

#include "util/clock.h"
#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define JOURNAL_MAX (256 * 1024)
#define LOCK_MS 5000
#define LOCK_STEP_MS 20

static char *journal_path(const struct vfpool *vp)
{
	return format_text("%s/pools/.define", vp->dirs[VFPOOL_DIR_CONFIG]);
}

/* A definition's text beside its place: no name of a pool begins with a dot. */
static char *draft_path(const struct vfpool *vp, const char *name)
{
	return format_text("%s/pools/.%s.xml.new", vp->dirs[VFPOOL_DIR_CONFIG], name);
}

static int put_in_place(struct vfpool *vp, const char *name)
{
	AUTO_FREE char *draft = draft_path(vp, name), *path = pool_path(vp, name);

	if (!draft || !path)
		return fail_oom(&vp->err);
	if (rename(draft, path) < 0 && errno != ENOENT) /* it was put there already */
		return fail_errno(&vp->err, -errno, "writing %s", path);
	return 0;
}

/* `names`, a line each, are those of the journal, which is locked. */
static int finish(struct vfpool *vp, char *names)
{
	AUTO_FREE char *journal = journal_path(vp);
	char *name;
	int r = journal ? 0 : fail_oom(&vp->err);

	while (r == 0 && (name = strsep(&names, "\n")))
		if (pool_name_is_valid(name))
			r = put_in_place(vp, name);
	if (r < 0)
		return r;
	/* Or a crash could leave neither the journal nor what it speaks of. */
	r = sync_folder(journal);
	if (r < 0)
		return fail_errno(&vp->err, r, "syncing the folder of %s", journal);
	if (unlink(journal) < 0 && errno != ENOENT)
		return fail_errno(&vp->err, -errno, "removing %s", journal);
	return 0;
}

/* Whose process is at work has it for a moment. */
static int lock_journal(int fd)
{
	for (int left = LOCK_MS / LOCK_STEP_MS; flock(fd, LOCK_EX | LOCK_NB) < 0; left--) {
		if (left == 0)
			return -EWOULDBLOCK;
		rest_ms(LOCK_STEP_MS);
	}
	return 0;
}

/* Is that file the journal still, and not another one's by now? */
static bool is_journal(const char *path, int fd)
{
	struct stat is, was;

	return stat(path, &is) == 0 && fstat(fd, &was) == 0 && is.st_ino == was.st_ino && is.st_dev == was.st_dev;
}

/* Does what the journal says, if there is one. */
static int follow_journal(struct vfpool *vp)
{
	AUTO_FREE char *path = journal_path(vp), *names = NULL;
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) : -1;
	size_t size;
	int r;

	if (!path)
		return fail_oom(&vp->err);
	/* There is none, most often; or it isn't this user's to finish. */
	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : fail_errno(&vp->err, -errno, "opening %s", path);
	if (lock_journal(fd) < 0)
		return fail(&vp->err, -ETIMEDOUT, "another process has %s, and doesn't go on", path);
	if (!is_journal(path, fd))
		return 0;
	r = read_file(path, JOURNAL_MAX, &names, &size, &vp->err);
	return r < 0 ? r : finish(vp, names);
}

void finish_define(struct vfpool *vp)
{
	const struct error before = vp->err;

	if (follow_journal(vp) < 0)
		note(vp, "definitions that were stored aren't all in their places: %s", vp->err.text);
	vp->err = before;
}

/* The names of those that change, a line each; NULL: out of memory. */
static char *list_changed(struct vfpool_pool *const *pools, const bool *changed, size_t n)
{
	char *names = strdup("");

	for (size_t i = 0; names && i < n; i++) {
		char *longer = changed[i] ? format_text("%s%s\n", names, pools[i]->name) : names;

		if (longer != names)
			free(names);
		names = longer;
	}
	return names;
}

/* From here on they hold. */
static int write_journal(struct vfpool *vp, const char *names)
{
	AUTO_FREE char *path = journal_path(vp);

	/* Nobody else may open it, and so keep its lock. */
	return path ? write_file(path, names, strlen(names), 0600, &vp->err) : fail_oom(&vp->err);
}

/* Who knows a seed knows every MAC that is made of it: it is root's, as the ledger's own is. */
static mode_t mode_of(const struct vfpool_pool *pool)
{
	return pool->seed ? 0600 : 0644;
}

static int write_drafts(struct vfpool *vp, const struct definition_batch *definitions)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < definitions->n; i++) {
		AUTO_FREE char *draft = draft_path(vp, definitions->pools[i]->name);

		if (!draft)
			return fail_oom(&vp->err);
		if (definitions->changed[i])
			r = write_file(draft, definitions->texts[i], definitions->sizes[i],
				       mode_of(definitions->pools[i]), &vp->err);
	}
	return r;
}

static void remove_drafts(struct vfpool *vp, const struct definition_batch *definitions)
{
	for (size_t i = 0; i < definitions->n; i++) {
		AUTO_FREE char *draft = draft_path(vp, definitions->pools[i]->name);

		if (draft && definitions->changed[i])
			unlink(draft);
	}
}

int write_definitions(struct vfpool *vp, const struct definition_batch *definitions)
{
	AUTO_FREE char *folder = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	AUTO_FREE char *names = list_changed(definitions->pools, definitions->changed, definitions->n);
	int r = folder && names ? make_dirs(folder, 0755, &vp->err) : fail_oom(&vp->err);

	if (r < 0)
		return r;
	finish_define(vp);
	r = write_drafts(vp, definitions);
	if (r == 0)
		r = write_journal(vp, names);
	if (r < 0)
		remove_drafts(vp, definitions);
	else
		r = follow_journal(vp);
	return r < 0 ? fail_while(&vp->err, r, "defining") : 0;
}
