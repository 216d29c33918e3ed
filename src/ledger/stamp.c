/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which ledger it is by which this host's VFs are given out, and how far it has come: in a small file in the
 * run directory, which is lost at a reboot, as the VFs are. It is never ahead of what is committed, so that
 * a ledger behind it is an older one.
 */
#include "ledger/stamp.h"

#include "util/clock.h"
#include "util/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* Of one width, so that it is written over. */
#define STAMP_FORMAT "%-32.32s %20lld %20lld\n"
#define STAMP_SIZE 75
#define LOCK_TRIES 100

/* ---- the file ---- */

static void read_stamp(int fd, struct stamp *stamp)
{
	char text[STAMP_SIZE + 1] = "";

	*stamp = (struct stamp){ 0 };
	if (pread(fd, text, STAMP_SIZE, 0) != STAMP_SIZE ||
	    sscanf(text, "%32[0-9a-f] %lld %lld", stamp->ledger, &stamp->changes, &stamp->lease) !=
		    3)
		stamp->ledger[0] = '\0'; /* who made it was killed before it was written */
}

static int write_stamp(int fd, const struct stamp *stamp)
{
	char text[STAMP_SIZE + 1];

	snprintf(text, sizeof(text), STAMP_FORMAT, stamp->ledger, stamp->changes, stamp->lease);
	return pwrite(fd, text, STAMP_SIZE, 0) == STAMP_SIZE ? 0 : -EIO;
}

/* Opens the stamp, and locks it unless it is only read. -ENOENT: there is none. -EWOULDBLOCK: somebody who holds it
 * doesn't get on. */
static int open_stamp(const char *path, int flags, int *ret_fd)
{
	AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	for (int tries = 0; flags != O_RDONLY && flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || tries == LOCK_TRIES)
			return -errno;
		rest_ms(1);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ---- the ledger's own ---- */

/* Fills *stamp with what the ledger says of itself. `count`: it is changed once more. */
static int ask_ledger(struct ledger *ledger, bool count, struct stamp *stamp)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r;

#define COLUMNS \
	"ledger, changes, ifnull((SELECT max(seq) FROM sqlite_sequence WHERE name = 'lease'), 0)"
	r = db_prepare(ledger, &stmt,
		       count ? "UPDATE host SET changes = changes + 1 RETURNING " COLUMNS :
			       "SELECT " COLUMNS " FROM host",
		       "");
	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r == 0)
		return fail(ledger->err, -EUCLEAN,
			    "the ledger %s is damaged: it has no row of its host", ledger->path);
	if (r < 0)
		return r;
	snprintf(stamp->ledger, sizeof(stamp->ledger), "%s", db_text(stmt, 0));
	stamp->changes = sqlite3_column_int64(stmt, 1);
	stamp->lease = sqlite3_column_int64(stmt, 2);
	return 0;
}

/* ---- what it says of the ledger ---- */

static enum ledger_standing compare(const struct stamp *was, const struct stamp *is)
{
	if (!was->ledger[0])
		return LEDGER_UNPROVEN;
	if (strcmp(was->ledger, is->ledger) != 0)
		return LEDGER_ANOTHER;
	return was->changes > is->changes ? LEDGER_OLDER : LEDGER_PROVEN;
}

/* Compares the ledger with the stamp in `fd`. It reads the stamp first: the ledger is never behind it. */
static int look(struct ledger *ledger, int fd, enum ledger_standing *ret_standing)
{
	struct stamp was, is = { 0 };
	int r;

	read_stamp(fd, &was);
	if (!ledger) {
		*ret_standing = was.ledger[0] ? LEDGER_GONE : LEDGER_UNPROVEN;
		return 0;
	}
	r = ask_ledger(ledger, false, &is);
	if (r < 0)
		return r;
	*ret_standing = compare(&was, &is);
	/* What is upgraded in memory only has no name yet, and no vfpool of its time wrote a stamp. */
	if (ledger->is_copy && *ret_standing == LEDGER_ANOTHER)
		*ret_standing = LEDGER_OLDER;
	return 0;
}

int ledger_look(struct ledger *ledger, const char *run_dir, enum ledger_standing *ret_standing,
		struct error *err)
{
	AUTO_FREE char *path = format_text("%s/ledger", run_dir);
	AUTO_CLOSE int fd = -1, locked = -1;
	int r = path ? open_stamp(path, O_RDONLY, &fd) : fail_oom(err);

	*ret_standing = LEDGER_UNPROVEN;
	if (r < 0)
		return path ? 0 : r;
	r = look(ledger, fd, ret_standing);
	/* Read while it was written? Then not again. */
	if (r < 0)
		return r;
	if (*ret_standing != LEDGER_PROVEN && open_stamp(path, O_RDWR, &locked) == 0)
		r = look(ledger, locked, ret_standing);
	return r;
}

/* ---- writing it ---- */

int stamp_count(struct ledger *ledger, struct stamp *ret_stamp)
{
	struct stamp stamp;
	int r = ask_ledger(ledger, true, &stamp);

	if (r < 0)
		return r;
	*ret_stamp = stamp;
	return 0;
}

/* A failure leaves the stamp behind, as a kill does here. */
void stamp_note(struct ledger *ledger, const struct stamp *stamp)
{
	AUTO_CLOSE int fd = -1;
	struct stamp was;

	if (!ledger->stamp || open_stamp(ledger->stamp, O_RDWR, &fd) < 0)
		return;
	read_stamp(fd, &was);
	if (strcmp(was.ledger, stamp->ledger) == 0 && was.changes < stamp->changes)
		write_stamp(fd, stamp);
}

/* Writes the stamp where there is none; `always`: in the place of another ledger's, too. */
static int set_stamp(struct ledger *ledger, const struct stamp *stamp, bool always)
{
	AUTO_FREE char *folder = strdup(ledger->stamp);
	AUTO_CLOSE int fd = -1;
	struct stamp was;
	int r;

	if (!folder)
		return fail_oom(ledger->err);
	*strrchr(folder, '/') = '\0';
	r = make_dirs(folder, 0755, ledger->err);
	if (r < 0)
		return r;
	r = open_stamp(ledger->stamp, O_RDWR | O_CREAT, &fd);
	if (r < 0)
		return fail_errno(ledger->err, r, "writing %s", ledger->stamp);
	read_stamp(fd, &was);
	if (was.ledger[0] && !always)
		return 0;
	r = write_stamp(fd, stamp);
	return r < 0 ? fail_errno(ledger->err, r, "writing %s", ledger->stamp) : 0;
}

int ledger_prove(struct ledger *ledger)
{
	struct stamp stamp;
	int r;

	if (ledger->is_copy || !ledger->stamp)
		return 0;
	r = ask_ledger(ledger, false, &stamp);
	return r < 0 ? r : set_stamp(ledger, &stamp, false);
}

long long stamp_lost_lease(const char *path)
{
	AUTO_CLOSE int fd = -1;
	struct stamp was = { 0 };

	if (path && open_stamp(path, O_RDONLY, &fd) == 0)
		read_stamp(fd, &was);
	return was.ledger[0] ? was.lease : 0;
}

int ledger_replace_stamp(struct ledger *ledger)
{
	struct stamp stamp;
	int r = ledger->stamp ? ask_ledger(ledger, false, &stamp) : 0;

	return r < 0 || !ledger->stamp ? r : set_stamp(ledger, &stamp, true);
}
