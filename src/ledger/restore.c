/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backup in the ledger's place, whole. Who would open the ledger waits for the folder's lock; who has it open
 * can't write, since its write lock is held, and finds it replaced; what SQLite has beside it is in the ledger,
 * so that it may go before the new one comes. Killed anywhere, there is the old one or the new one.
 */
#include "ledger/epoch.h"
#include "ledger/folder.h"
#include "ledger/holder.h"
#include "ledger/image.h"

#include "util/clock.h"
#include "util/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_BYTES (1LL << 30)
#define TRIES 600
#define TRY_MS 100

/* Fails when the file can't be a whole backup, or is the ledger itself: to close that would drop this process's
 * locks on it, too. */
static int check_file(const char *file, const char *path, struct error *err)
{
	AUTO_FREE char *wal = format_text("%s-wal", file);
	struct stat is, live;

	if (!wal)
		return fail_oom(err);
	if (stat(file, &is) < 0)
		return fail_errno(err, -errno, "reading %s", file);
	if (!S_ISREG(is.st_mode))
		return fail(err, -EINVAL, "%s is no regular file", file);
	if (is.st_size == 0 || is.st_size > SIZE_MAX_BYTES)
		return fail(err, -EUCLEAN, "%s is not a ledger of vfpool: it has %lld bytes", file,
			    (long long)is.st_size);
	if (stat(path, &live) == 0 && live.st_dev == is.st_dev && live.st_ino == is.st_ino)
		return fail(err, -VFPOOL_EINUSE, "%s is the ledger itself", file);
	if (stat(wal, &live) == 0 && live.st_size > 0)
		return fail(
			err, -EINVAL,
			"%s has a -wal beside it, which has the last changes: such a copy of a ledger isn't "
			"whole; 'vfpool backup' makes whole ones",
			file);
	return 0;
}

static int read_backup(const char *file, struct ledger **ret_copy, struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *copy = NULL;
	CLEANUP(image_end) struct image image = { 0 };
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat is;
	int r;

	if (fd < 0 || fstat(fd, &is) < 0)
		return fail_errno(err, -errno, "reading %s", file);
	if (image_allocate(&image, (size_t)is.st_size) < 0)
		return fail_oom(err);
	r = image_read(&image, fd);
	if (r == -EAGAIN)
		return fail(err, -EUCLEAN, "%s became shorter while it was read", file);
	if (r < 0)
		return fail_errno(err, r, "reading %s", file);
	r = image_open(&image, file, &copy, err);
	if (r < 0)
		return r;
	r = ledger_check(copy);
	if (r < 0)
		return r;
	*ret_copy = TAKE_PTR(copy);
	return 0;
}

/* Takes the old ledger's write lock, once all of it is in its file. False: somebody has written meanwhile, or reads
 * an old state. */
static bool try_stop(struct ledger *old, const char *wal)
{
	struct stat is;

	if (sqlite3_wal_checkpoint_v2(old->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
		    SQLITE_OK ||
	    ledger_begin(old) < 0)
		return false;
	if (stat(wal, &is) < 0 || is.st_size == 0)
		return true;
	ledger_rollback(old);
	return false;
}

/* Sees to it that nobody writes the old ledger any more, and that all of it is in its file. The tries are all the
 * waiting there is. */
static int stop_others(struct ledger *old)
{
	AUTO_FREE char *wal = format_text("%s-wal", old->path);
	char pid[16], command[160];

	if (!wal)
		return fail_oom(old->err);
	ledger_set_wait(old, 0);
	for (int tries = 0; tries < TRIES; tries++) {
		if (try_stop(old, wal))
			return 0;
		rest_ms(TRY_MS);
	}
	if (holder_name(old->db, pid, command, sizeof(command)))
		return fail(
			old->err, -ETIMEDOUT,
			"process %s (%s) has kept the ledger %s from being replaced for a minute; is it "
			"stuck? 'cat /proc/%s/stack' tells",
			pid, command, old->path, pid);
	return fail(old->err, -ETIMEDOUT, "others have kept the ledger %s in use for a minute",
		    old->path);
}

static int replace(const char *path, struct ledger *copy, struct error *err)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	CLEANUP(image_end) struct image image = { 0 };
	int r = image_of(copy, &image);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(suffixes); i++) {
		AUTO_FREE char *beside = format_text("%s%s", path, suffixes[i]);

		if (!beside)
			return fail_oom(err);
		if (unlink(beside) < 0 && errno != ENOENT)
			return fail_errno(err, -errno, "removing %s", beside);
	}
	return r < 0 ? r :
		       write_file(path, (const char *)image.bytes, (size_t)image.size, 0600, err);
}

/* Opens what is at the ledger's place in `state_dir`, whose writers have to be stopped. NULL: there is nothing that
 * anybody could write. */
static struct ledger *open_old(const char *state_dir, struct error *err)
{
	struct ledger *old = NULL;
	struct error ignored;

	if (ledger_open(state_dir, NULL, LEDGER_READ, &old, &ignored) < 0 || !old)
		return NULL;
	if (old->is_copy) {
		ledger_close(old);
		return NULL;
	}
	old->err = err;
	return old;
}

int ledger_restore(const char *state_dir, const char *run_dir, const char *file, bool dry_run,
		   struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *copy = NULL, *old = NULL;
	AUTO_FREE char *path = format_text("%s/ledger.db", state_dir),
		       *stamp = format_text("%s/ledger", run_dir);
	AUTO_CLOSE int lock = -1;
	int r = path && stamp ? check_file(file, path, err) : fail_oom(err);

	if (r < 0)
		return r;
	r = read_backup(file, &copy, err);
	if (r < 0 || dry_run)
		return r;
	r = make_dirs(state_dir, 0700, err);
	if (r < 0)
		return r;
	old = open_old(state_dir, err); /* before others are locked out: opening takes their lock */
	r = folder_lock(state_dir, true, &lock, err);
	if (r < 0)
		return r;
	if (old) {
		r = stop_others(old);
		if (r < 0)
			return r;
	}
	r = epoch_begin(copy, stamp, "restore");
	return r < 0 ? r : replace(path, copy, err);
}
