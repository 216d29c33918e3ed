/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's file: found, made, brought up to date, opened. */
#include "ledger/copy.h"
#include "ledger/folder.h"
#include "ledger/schema.h"
#include "ledger/tables.h"

#include "util/file.h"

#include <string.h>
#include <sys/stat.h>

/* mmap_size: pages are read without a system call each, so that the ledger of
 * many VFs costs no more of them than that of few. */
#define SETTINGS "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA mmap_size = 67108864"

/* Does that mode take it upon itself to make the newest tables of those of that version? */
static bool makes_tables(enum ledger_mode mode, int64_t version)
{
	return version < LEDGER_VERSION &&
	       (mode == LEDGER_WRITE || (mode == LEDGER_CHANGE && version > 0));
}

/* Sets up what is open; *ret_version is that of its tables then. */
static int set_up(struct ledger *ledger, int64_t *ret_version)
{
	int r;

	db_set_patience(ledger);
	r = db_execute(ledger, SETTINGS, "opening the ledger");
	if (r < 0)
		return r;
	if (ledger->mode != LEDGER_READ) {
		r = db_execute(ledger, "PRAGMA journal_mode = WAL", "opening the ledger");
		if (r < 0)
			return r;
	}
	r = tables_check_version(ledger, ledger->path, ret_version);
	if (r < 0 || !makes_tables(ledger->mode, *ret_version))
		return r;
	*ret_version = LEDGER_VERSION;
	return tables_make(ledger);
}

static char *folder_of(const char *path)
{
	return strndup(path, (size_t)(strrchr(path, '/') - path));
}

/* Looks whether the file is there, and fails when it can't be a ledger: SQLite would hang on a FIFO, and say little
 * of a folder. */
static int look_at_file(const char *path, bool *ret_is_there, struct error *err)
{
	struct stat is;

	*ret_is_there = stat(path, &is) == 0;
	if (!*ret_is_there)
		return errno == ENOENT ? 0 : fail_errno(err, -errno, "opening the ledger %s", path);
	return S_ISREG(is.st_mode) ? 0 :
				     fail(err, -EUCLEAN, "the ledger %s is no regular file", path);
}

/* Notes which file it is that is open, and fails when that isn't the one at the ledger's path any more. */
static int note_place(struct ledger *ledger)
{
	struct stat is;
	int moved = 0;
	int r = stat(ledger->path, &is) < 0 ? -errno : 0;

	if (r < 0)
		return fail_errno(ledger->err, r, "opening the ledger %s", ledger->path);
	ledger->dev = is.st_dev;
	ledger->ino = is.st_ino;
	sqlite3_file_control(ledger->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved ? fail(ledger->err, -VFPOOL_ELEDGER,
			    "the ledger %s was replaced while it was opened: ask again",
			    ledger->path) :
		       0;
}

static int open_file(struct ledger *ledger)
{
	int flags = SQLITE_OPEN_READWRITE | (ledger->mode == LEDGER_WRITE ? SQLITE_OPEN_CREATE : 0);
	int r;

	if (sqlite3_open_v2(ledger->path, &ledger->db, flags, NULL) == SQLITE_OK)
		return note_place(ledger);
	if (!ledger->db)
		return fail_oom(ledger->err);
	r = db_errno(ledger->db);
	return fail_errno(ledger->err, r, "opening the ledger %s", ledger->path);
}

/* Opens a copy of a ledger whose file system takes no more, to be read. `r` is what that file system said; it is
 * returned where there can't be a copy either. */
static int open_unwritable(struct ledger *ledger, struct ledger **ret_ledger, int r)
{
	struct ledger *copy;
	int r2 = copy_read(ledger->path, &copy, ledger->err);

	if (r2 < 0)
		return r2 == -EAGAIN ? r : r2;
	*ret_ledger = copy;
	return 0;
}

/* Makes a ledger that isn't open yet, of the file in `state_dir` and the stamp in `run_dir`, unless that is NULL. */
static struct ledger *new_ledger(const char *state_dir, const char *run_dir, enum ledger_mode mode,
				 struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->err = err;
	ledger->command = "";
	ledger->mode = mode;
	ledger->path = format_text("%s/ledger.db", state_dir);
	ledger->stamp = run_dir ? format_text("%s/ledger", run_dir) : NULL;
	return ledger->path && (ledger->stamp || !run_dir) ? TAKE_PTR(ledger) : NULL;
}

/* Is there something for the mode to open? One that writes makes what there isn't, where `state_dir` takes that. */
static int find_file(const struct ledger *ledger, const char *state_dir, bool *ret_any)
{
	const bool makes = ledger->mode == LEDGER_WRITE;
	bool is_there = false;
	int r = look_at_file(ledger->path, &is_there, ledger->err);

	if (r < 0)
		return r;
	if (!is_there && makes && access(state_dir, W_OK) < 0 && errno == EROFS)
		return fail_errno(ledger->err, -EROFS, "making the ledger %s", ledger->path);
	*ret_any = is_there || makes;
	return 0;
}

/* Opens the file that is there, or that may be made; *ret_version is that of its tables. */
static int open_and_set_up(struct ledger *ledger, const char *state_dir, int64_t *ret_version)
{
	int r = open_file(ledger);

	if (r < 0)
		return r;
	if (ledger->mode != LEDGER_READ)
		folder_close_to_others(state_dir, ledger->path);
	return set_up(ledger, ret_version);
}

int ledger_open(const char *state_dir, const char *run_dir, enum ledger_mode mode,
		struct ledger **ret_ledger, struct error *err)
{
	CLEANUP(cleanup_ledger)
	struct ledger *ledger = new_ledger(state_dir, run_dir, mode, err);
	AUTO_CLOSE int lock = -1;
	int64_t version = 0;
	bool any = false;
	int r = !ledger              ? fail_oom(err) :
		mode == LEDGER_WRITE ? make_dirs(state_dir, 0700, err) :
				       0;

	if (r < 0)
		return r;
	r = folder_lock(state_dir, false, &lock, err);
	if (r < 0)
		return r;
	*ret_ledger = NULL;
	r = find_file(ledger, state_dir, &any);
	if (r < 0 || !any)
		return r;
	r = open_and_set_up(ledger, state_dir, &version);
	if (mode == LEDGER_READ && ledger_takes_no_more(r))
		return open_unwritable(ledger, ret_ledger, r);
	if (r < 0)
		return r;
	if (version == 0 && mode != LEDGER_WRITE)
		return 0; /* one that was interrupted before it had tables is none yet */
	if (version < LEDGER_VERSION)
		r = copy_in_place(&ledger); /* who reads changes nothing, its old form neither */
	if (r < 0)
		return r;
	*ret_ledger = TAKE_PTR(ledger);
	return 0;
}

int ledger_open_copy(const char *state_dir, const char *run_dir, struct ledger **ret_ledger,
		     struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	int r = ledger_open(state_dir, run_dir, LEDGER_READ, &ledger, err);

	if (r < 0)
		return r;
	if (ledger && !ledger->is_copy)
		r = copy_in_place(&ledger);
	if (r < 0)
		return r;
	if (ledger)
		ledger->mode = LEDGER_WRITE; /* it is to stay the copy, whatever is asked of it */
	*ret_ledger = TAKE_PTR(ledger);
	return 0;
}

static int reopen(struct ledger *ledger, enum ledger_mode mode)
{
	AUTO_FREE char *state_dir = folder_of(ledger->path),
		       *run_dir = ledger->stamp ? folder_of(ledger->stamp) : NULL;
	struct ledger *raised, old = *ledger;
	int r = state_dir && (run_dir || !ledger->stamp) ? 0 : fail_oom(ledger->err);

	if (r < 0)
		return r;
	r = ledger_open(state_dir, run_dir, mode, &raised, ledger->err);
	if (r < 0)
		return r;
	if (!raised)
		return fail(ledger->err, -VFPOOL_ELEDGER, "the ledger %s was deleted: ask again",
			    ledger->path);
	*ledger = *raised;
	ledger->command = old.command;
	db_set_patience(ledger);
	ledger->wait_ms = old.wait_ms;
	*raised = old;
	ledger_close(raised);
	return 0;
}

int ledger_raise(struct ledger *ledger, enum ledger_mode mode)
{
	AUTO_FREE char *state_dir = NULL;

	if (ledger->mode >= mode)
		return 0;
	if (ledger->is_copy)
		return reopen(ledger, mode);
	state_dir = folder_of(ledger->path);
	if (!state_dir)
		return fail_oom(ledger->err);
	ledger->mode = mode;
	folder_close_to_others(state_dir, ledger->path);
	return 0;
}
