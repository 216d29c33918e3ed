/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the ledger whole, and a copy of it. */
#include "ledger/image.h"

#include "util/file.h"

#include <string.h>
#include <sys/stat.h>

static int check(struct ledger *ledger, const char *sql, const char *good)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, sql, "");

	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r <= 0 || strcmp(db_text(stmt, 0), good) == 0)
		return r < 0 ? r : 0;
	return fail(
		ledger->err, -EUCLEAN,
		"the ledger is damaged: %s (%s); copy the file away, and put a backup in its place by 'vfpool restore'",
		db_text(stmt, 0), sql);
}

int ledger_check(struct ledger *ledger)
{
	int r = check(ledger, "PRAGMA integrity_check", "ok");

	return r < 0 ? r : check(ledger, "PRAGMA foreign_key_check", "");
}

/* Are both the same name, or two names of one file? What isn't there has no inode to tell. */
static bool is_same_file(const char *path, const char *other)
{
	AUTO_FREE char *real = realpath(path, NULL), *real_other = realpath(other, NULL);
	struct stat is, is_other;

	if (real && real_other && strcmp(real, real_other) == 0)
		return true;
	return stat(path, &is) == 0 && stat(other, &is_other) == 0 &&
	       is.st_dev == is_other.st_dev && is.st_ino == is_other.st_ino;
}

/* Is `path` the name that the file with that suffix has beside the ledger? A -wal that isn't there now may be there
 * in a moment, so that it is known by its name in the ledger's folder. */
static bool has_name_beside(const char *path, const char *ledger, const char *suffix)
{
	const char *slash = strrchr(path, '/'), *ledger_slash = strrchr(ledger, '/');
	AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	AUTO_FREE char *its_folder = strndup(ledger, (size_t)(ledger_slash - ledger) + 1);
	AUTO_FREE char *name = format_text("%s%s", ledger_slash + 1, suffix);

	return !folder || !its_folder || !name ||
	       (strcmp(slash ? slash + 1 : path, name) == 0 && is_same_file(folder, its_folder));
}

/* Is `path` the ledger itself, or a file beside it? `file` is the ledger's path, as it was opened or without links.
 * */
static bool is_ledgers(const char *path, const char *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO_FREE char *beside = format_text("%s%s", file, suffixes[i]);

		if (!beside || is_same_file(path, beside) ||
		    has_name_beside(path, file, suffixes[i]))
			return true;
	}
	return false;
}

static int check_target(struct ledger *ledger, const char *path, bool force)
{
	AUTO_FREE char *real = realpath(ledger->path, NULL);
	struct stat is;

	if (is_ledgers(path, ledger->path) || (real && is_ledgers(path, real)))
		return fail(ledger->err, -VFPOOL_EINUSE,
			    "that is the ledger itself, or a file beside it that SQLite uses");
	if (lstat(path, &is) < 0)
		return 0; /* writing it says what is wrong */
	if (!S_ISREG(is.st_mode))
		return fail(ledger->err, -EINVAL, "it is there already, and no regular file");
	return force ? 0 : fail(ledger->err, -EEXIST, "it is there already; '--force' replaces it");
}

int ledger_backup(struct ledger *ledger, const char *path, bool force)
{
	CLEANUP(cleanup_ledger) struct ledger *copy = NULL;
	CLEANUP(image_end) struct image image = { 0 }, checked = { 0 };
	int r = check_target(ledger, path, force);

	if (r < 0)
		return r;
	r = image_of(ledger, &image);
	if (r < 0)
		return r;
	checked.size = image.size;
	checked.bytes = sqlite3_malloc64((sqlite3_uint64)image.size);
	if (!checked.bytes)
		return fail_oom(ledger->err);
	memcpy(checked.bytes, image.bytes, (size_t)image.size);
	r = image_open(&checked, path, &copy, ledger->err);
	if (r < 0)
		return r;
	r = ledger_check(copy);
	return r < 0 ? r :
		       write_file(path, (const char *)image.bytes, (size_t)image.size, 0600,
				  ledger->err);
}
