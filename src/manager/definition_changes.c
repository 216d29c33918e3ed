/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions change whole or not at all: several that are stored together, and a pool that gets a new name.
 *
 * pools/.changes, the journal, says what is to become of them, written in one step before any of it is done. From then
 * on it holds: who wrote it carries it out, and when that was killed, whoever reads or changes definitions next. Each
 * part may be done twice. Only who has the ledger in a transaction and finds no journal writes one, so there is never
 * more than one; the journal's own lock is for those who carry it out, as most of it can be done without the ledger.
 * Both locks end with the process that has them.
 *
 * Its lines: "rename OLD NEW", at most once; "store NAME MODE SIZE", each with so many bytes of a definition after it.
 */
#include "manager/definition_changes.h"
#include "manager/definition_files.h"
#include "manager/open_ledger.h"

#include "util/clock.h"
#include "util/file.h"
#include "util/name.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define JOURNAL_MAX (64 * 1024 * 1024)
#define LOCK_MS 5000
#define OTHERS_MS \
	1000 /* so long a process of root that is at work is waited for by those who may not help */
#define STEP_MS 20
#define TRIES 5

/* ---- the journal's text ---- */

static char *format_journal(const struct definition_changes *changes, size_t *ret_size)
{
	char *text = NULL;
	FILE *journal = open_memstream(&text, ret_size);
	bool failed;

	if (!journal)
		return NULL;
	if (changes->to)
		fprintf(journal, "rename %s %s\n", changes->from, changes->to);
	for (size_t i = 0; i < changes->n; i++) {
		const struct definition_text *stored = &changes->stored[i];

		fprintf(journal, "store %s %o %zu\n", stored->name, stored->mode, stored->size);
		fwrite(stored->text, 1, stored->size, journal);
	}
	failed = ferror(journal);
	if (fclose(journal) == EOF || failed)
		free(TAKE_PTR(text));
	return text;
}

#define NAME_SIZE 64

/* One line of the journal, and where the next one begins. */
struct entry {
	char from[NAME_SIZE], name[NAME_SIZE]; /* of a rename both */
	const char *text;
	size_t size;
	mode_t mode;
};

/* Reads the entry at *at, which moves on. 1: it is *ret_entry; 0: there is none any more; -EBADMSG: it can't be
 * understood. */
static int next_entry(const char **at, const char *end, struct entry *ret_entry)
{
	const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
	struct entry entry = { 0 };
	char line[2 * NAME_SIZE + 32];
	int length = 0;

	if (*at == end)
		return 0;
	if (!line_end || line_end - *at >= (ptrdiff_t)sizeof(line))
		return -EBADMSG;
	snprintf(line, sizeof(line), "%.*s", (int)(line_end - *at), *at);
	if (sscanf(line, "rename %63s %63s%n", entry.from, entry.name, &length) == 2) {
		if (!pool_name_is_valid(entry.from))
			return -EBADMSG;
	} else if (sscanf(line, "store %63s %o %zu%n", entry.name, &entry.mode, &entry.size,
			  &length) != 3) {
		return -EBADMSG;
	}
	if (line[length] || !pool_name_is_valid(entry.name) || entry.mode > 0777)
		return -EBADMSG;
	entry.text = line_end + 1;
	if (entry.size > (size_t)(end - entry.text))
		return -EBADMSG;
	*at = entry.text + entry.size;
	*ret_entry = entry;
	return 1;
}

/* ---- an open journal ---- */

struct journal {
	char *path, *text;
	const char *end;
	int fd;                              /* -1: there is none */
	char from[NAME_SIZE], to[NAME_SIZE]; /* "": no pool gets a new name */
};

static void journal_end(struct journal *journal)
{
	free(journal->path);
	free(journal->text);
	if (journal->fd >= 0)
		close(journal->fd);
}

#define AUTO_JOURNAL CLEANUP(journal_end)
#define NO_JOURNAL       \
	{                \
		.fd = -1 \
	}

static int check_journal(struct vfpool *vp, struct journal *journal)
{
	const char *at = journal->text;
	struct entry entry;
	int r;

	for (r = next_entry(&at, journal->end, &entry); r > 0;
	     r = next_entry(&at, journal->end, &entry)) {
		if (!entry.from[0])
			continue;
		memcpy(journal->from, entry.from, sizeof(entry.from));
		memcpy(journal->to, entry.name, sizeof(entry.name));
	}
	return r < 0 ? fail(&vp->err, r, "%s can't be understood; remove it", journal->path) : 0;
}

/* Opens and reads the journal, if there is one; it needs no lock for that, since nothing is done to it once it is
 * written. */
static int open_journal(struct vfpool *vp, struct journal *journal)
{
	size_t size;
	int r;

	journal->path = definition_journal_path(vp);
	if (!journal->path)
		return fail_oom(&vp->err);
	journal->fd = open(journal->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (journal->fd < 0)
		return errno == ENOENT ? 0 :
					 fail_errno(&vp->err, -errno, "opening %s", journal->path);
	r = read_file(journal->path, JOURNAL_MAX, &journal->text, &size, &vp->err);
	if (r == -ENOENT) { /* another was faster */
		close(take_fd(&journal->fd));
		return 0;
	}
	if (r < 0)
		return r;
	journal->end = journal->text + size;
	return check_journal(vp, journal);
}

/* Locks the journal; who is at work has it for a moment. *ret_is: it is the journal still; else another was faster.
 * */
static int lock_journal(struct vfpool *vp, const struct journal *journal, bool *ret_is)
{
	struct stat is, was;

	for (int left = LOCK_MS / STEP_MS; flock(journal->fd, LOCK_EX | LOCK_NB) < 0; left--) {
		if (left == 0)
			return fail(&vp->err, -ETIMEDOUT,
				    "another process has %s, and doesn't go on", journal->path);
		rest_ms(STEP_MS);
	}
	*ret_is = stat(journal->path, &is) == 0 && fstat(journal->fd, &was) == 0 &&
		  is.st_ino == was.st_ino && is.st_dev == was.st_dev;
	return 0;
}

static int remove_file(struct vfpool *vp, const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ?
		       fail_errno(&vp->err, -errno, "removing %s", path) :
		       0;
}

/* ---- what is done ---- */

static int store(struct vfpool *vp, const struct journal *journal)
{
	const char *at = journal->text;
	struct entry entry;
	int r = 0;

	while (r == 0 && next_entry(&at, journal->end, &entry) > 0) {
		AUTO_FREE char *path = definition_path(vp, entry.name);

		if (!path)
			return fail_oom(&vp->err);
		if (!entry.from[0])
			r = write_file(path, entry.text, entry.size, entry.mode, &vp->err);
	}
	return r;
}

/* Removes what write_file() leaves when it is killed. Who has locked the journal is the only one that writes there.
 * */
static void remove_leftovers(const struct vfpool *vp)
{
	AUTO_FREE char *folder = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]);
	AUTO_CLOSEDIR DIR *dir = folder ? opendir(folder) : NULL;

	if (!dir)
		return;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (fnmatch(".*" WRITE_FILE_ENDING "??????", entry->d_name, 0) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
}

/* Carries out the journal, which is locked. When a pool gets a new name `ledger` is in a transaction, which ends.
 * */
static int carry_out(struct vfpool *vp, struct ledger *ledger, const struct journal *journal)
{
	AUTO_FREE char *old = definition_path(vp, journal->from);
	const bool renames = journal->to[0];
	int r = !old    ? fail_oom(&vp->err) :
		renames ? ledger_rename_pool(ledger, journal->from, journal->to) :
			  0;

	if (r < 0)
		return r;
	r = store(vp, journal);
	if (r < 0)
		return r;
	if (renames)
		r = remove_file(vp, old);
	if (r < 0)
		return r;
	if (renames)
		r = ledger_commit(ledger);
	if (r < 0)
		return r;
	remove_leftovers(vp);
	/* Or a crash could leave neither the journal nor what it speaks of. */
	r = sync_folder(journal->path);
	return r < 0 ? fail_errno(&vp->err, r, "syncing the folder of %s", journal->path) :
		       remove_file(vp, journal->path);
}

/* Carries out the journal, if there is one. `ledger` is in a transaction, or NULL. */
static int follow_journal(struct vfpool *vp, struct ledger *ledger)
{
	AUTO_JOURNAL struct journal journal = NO_JOURNAL;
	CLEANUP(rollback) struct ledger *own = NULL;
	bool is = false;
	int r = open_journal(vp, &journal);

	if (r < 0 || journal.fd < 0)
		return r;
	if (journal.to[0] && !ledger) {
		if (ledger_is_busy(vp->ledger))
			return fail(&vp->err, -EBUSY, "pool %s is to be named %s next",
				    journal.from, journal.to);
		r = open_ledger(vp, LEDGER_WRITE, &own);
		if (r < 0)
			return r;
		r = ledger_begin(own);
		ledger = own;
	}
	if (r < 0)
		return r;
	r = lock_journal(vp, &journal, &is);
	return r == 0 && is ? carry_out(vp, ledger, &journal) : r;
}

/* Was any of it done, as far as the files go? */
static bool is_begun(const struct vfpool *vp, const struct journal *journal)
{
	const char *at = journal->text;
	struct entry entry;

	while (next_entry(&at, journal->end, &entry) > 0)
		if (!entry.from[0] && definition_file_is(vp, entry.name, entry.text, entry.size))
			return true;
	return false;
}

/* Takes the journal back after the failure `r`, whose words are the last error, where no file is changed yet: it is
 * then as if nothing had been asked, once the ledger is rolled back. Else the journal stays, and the rest of it is
 * to be done. */
static int take_back(struct vfpool *vp, int r)
{
	AUTO_JOURNAL struct journal journal = NO_JOURNAL;
	const struct error why = vp->err;
	bool is = false, is_undone = open_journal(vp, &journal) == 0 && journal.fd < 0;

	if (journal.text && lock_journal(vp, &journal, &is) == 0 && is && !is_begun(vp, &journal))
		is_undone = unlink(journal.path) == 0;
	vp->err = why;
	return is_undone ?
		       r :
		       fail(&vp->err, r, "%s; the next command of vfpool finishes it", why.text);
}

int changes_make(struct vfpool *vp, struct ledger *ledger, const struct definition_changes *changes)
{
	AUTO_FREE char *folder = format_text("%s/pools", vp->dirs[VFPOOL_DIR_CONFIG]),
		       *path = definition_journal_path(vp);
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	int r = folder && path ? make_dirs(folder, 0755, &vp->err) : fail_oom(&vp->err);

	if (r < 0)
		return r;
	text = format_journal(changes, &size);
	if (!text)
		return fail_oom(&vp->err);
	if (size > JOURNAL_MAX)
		return fail(&vp->err, -EFBIG,
			    "the definitions are more than %d MiB together; define fewer at once",
			    JOURNAL_MAX >> 20);
	/* Nobody else may open it, and so keep its lock. */
	r = write_file(path, text, size, 0600, &vp->err);
	if (r < 0)
		return take_back(vp, r);
	r = follow_journal(vp, ledger);
	return r < 0 ? take_back(vp, r) : 0;
}

/* ---- before they are read or changed ---- */

bool changes_settle(struct vfpool *vp)
{
	const struct error before = vp->err;
	int r = follow_journal(vp, NULL);

	for (int left = OTHERS_MS / STEP_MS; r == -EACCES && !vp->pending_is_told && left > 0;
	     left--) {
		rest_ms(STEP_MS);
		r = follow_journal(vp, NULL);
	}
	if (r == -EACCES && !vp->pending_is_told)
		note(vp,
		     "definitions change at this moment, or that was broken off and is finished by the next command of "
		     "root: some of what is told here may be of before");
	else if (r < 0 && !vp->pending_is_told)
		note(vp,
		     "a change of definitions isn't finished, and some of what is told here may be of before: %s",
		     vp->err.text);
	vp->pending_is_told = r < 0;
	vp->err = before;
	return r == 0;
}

int changes_hold(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger)
{
	struct ledger *ledger = NULL;

	for (int left = TRIES; left > 0; left--) {
		int r = open_ledger(vp, mode, &ledger);

		if (r < 0)
			return r;
		r = ledger ? ledger_begin(ledger) : 0;
		if (r < 0)
			return r;
		*ret_ledger = ledger;
		if (!definition_changes_are_pending(vp))
			return 0;
		ledger_rollback(ledger);
		r = follow_journal(vp, NULL);
		if (r < 0)
			return fail_while(&vp->err, r,
					  "finishing an earlier change of definitions");
	}
	return fail(&vp->err, -EBUSY, "others change definitions all the time; ask again");
}
