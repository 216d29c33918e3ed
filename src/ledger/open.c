/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's file: found, made, brought up to date, opened. */
#include "ledger/db.h"
#include "ledger/schema.h"

#include "util/clock.h"
#include "util/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#define FOLDER_TRIES 3000
#define FOLDER_TRY_MS 20

static int make_seed(char seed[33])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(seed + 2 * i, "%02x", bytes[i]);
	return 0;
}

static int add_seed(struct ledger *ledger)
{
	char seed[33];
	int r = make_seed(seed);

	if (r < 0)
		return fail_errno(ledger->err, r, "getting random bytes");
	return db_run(
		ledger,
		"INSERT INTO host (id, seed, ledger) VALUES (1, ?, lower(hex(randomblob(16))))",
		"s", seed);
}

int db_make_tables(struct ledger *ledger, int64_t version)
{
	char sql[128];
	int r = 0;

	for (int64_t v = version; r == 0 && v < LEDGER_VERSION; v++)
		r = db_execute(ledger, ledger_versions[v], "making the ledger's tables");
	if (r == 0 && version == 0)
		r = add_seed(ledger);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 LEDGER_APPLICATION_ID, LEDGER_VERSION);
	return r < 0 ? r : db_execute(ledger, sql, "making the ledger's tables");
}

/* Another program's file has tables, and mostly no version. */
static int check_is_empty(struct ledger *ledger, const char *path)
{
	int64_t n;
	int r = db_number(ledger, 0, &n, "SELECT count(*) FROM sqlite_schema", "");

	return r < 0 || n == 0 ? r :
				 fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool", path);
}

int db_check_version(struct ledger *ledger, const char *path, int64_t *ret_version)
{
	int64_t application, version;
	int r;

	if ((r = db_number(ledger, 0, &application, "PRAGMA application_id", "")) < 0 ||
	    (r = db_number(ledger, 0, &version, "PRAGMA user_version", "")) < 0)
		return r;
	if (version != 0 && application != LEDGER_APPLICATION_ID)
		return fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool", path);
	if (version > LEDGER_VERSION)
		return fail(ledger->err, -EPROTO,
			    "%s was written by a newer vfpool (version %lld, this one knows %d); "
			    "nothing was changed",
			    path, (long long)version, LEDGER_VERSION);
	if (version < 0)
		return fail(ledger->err, -EUCLEAN, "%s has the version %lld, which no ledger has",
			    path, (long long)version);
	*ret_version = version;
	return version ? 0 : check_is_empty(ledger, path);
}

/* Several processes may find the ledger without tables, or with those of an older
 * vfpool: one makes them. */
static int make_tables_once(struct ledger *ledger)
{
	int64_t version;
	int r = ledger_begin(ledger);

	if (r < 0)
		return r;
	r = db_check_version(ledger, ledger->path, &version);
	if (r == 0 && version < LEDGER_VERSION)
		r = db_make_tables(ledger, version);
	if (r == 0)
		r = ledger_commit(ledger);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

/* mmap_size: pages are read without a system call each, so that the ledger of
 * many VFs costs no more of them than that of few. */
#define SETTINGS "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA mmap_size = 67108864"

static int set_up(struct ledger *ledger, int64_t *ret_version)
{
	int r;

	db_set_patience(ledger);
	r = db_execute(ledger, SETTINGS, "opening the ledger");
	if (r == 0 && ledger->mode != LEDGER_READ)
		r = db_execute(ledger, "PRAGMA journal_mode = WAL", "opening the ledger");
	if (r == 0)
		r = db_check_version(ledger, ledger->path, ret_version);
	if (r == 0 &&
	    (ledger->mode == LEDGER_WRITE || (ledger->mode == LEDGER_CHANGE && *ret_version > 0)) &&
	    *ret_version < LEDGER_VERSION) {
		r = make_tables_once(ledger);
		*ret_version = LEDGER_VERSION;
	}
	return r;
}

int db_copy(struct ledger **ledger)
{
	CLEANUP(cleanup_ledger) struct ledger *copy = NULL;
	CLEANUP(image_end) struct image image = { 0 };
	int r = image_of(*ledger, &image);

	if (r == 0)
		r = image_open(&image, (*ledger)->path, &copy, (*ledger)->err);
	if (r < 0)
		return r;
	copy->stamp = TAKE_PTR((*ledger)->stamp);
	ledger_close(*ledger);
	*ledger = TAKE_PTR(copy);
	return 0;
}

void ledger_set_wait(struct ledger *ledger, unsigned ms)
{
	ledger->wait_ms = ms;
}

void ledger_set_command(struct ledger *ledger, const char *command)
{
	ledger->command = command;
	ledger->waited_ms = 0;
}

/* Whoever made it: what is in there is root's to know. Where that can't be mended, as on a file system
 * without modes, the ledger works all the same. */
static bool close_to_others(const char *path, mode_t mode)
{
	struct stat is;

	return stat(path, &is) == 0 && (is.st_mode & 077) && chmod(path, mode) == 0;
}

/* A folder that somebody named by mistake, as /var/lib, keeps its mode. */
static bool has_only_ledgers(const char *state_dir)
{
	AUTO_CLOSEDIR DIR *folder = opendir(state_dir);
	struct dirent *entry;
	bool only = folder;

	while (only && (entry = readdir(folder)))
		only = entry->d_name[0] == '.' ||
		       strncmp(entry->d_name, "ledger", strlen("ledger")) == 0;
	return only;
}

static char *folder_of(const char *path)
{
	return strndup(path, (size_t)(strrchr(path, '/') - path));
}

static void close_all_to_others(const char *state_dir, const char *path)
{
	AUTO_FREE char *wal = format_text("%s-wal", path), *shm = format_text("%s-shm", path);

	struct stat is;

	if (stat(state_dir, &is) == 0 && (is.st_mode & 077) && has_only_ledgers(state_dir))
		chmod(state_dir, 0700);
	if (!close_to_others(path, 0600) || !wal || !shm)
		return; /* SQLite gives the others the ledger's mode */
	close_to_others(wal, 0600);
	close_to_others(shm, 0600);
}

/* Is it there, and can it be one? SQLite would hang on a FIFO, and say little of a folder. */
static int look_at_file(const char *path, bool *ret_is_there, struct error *err)
{
	struct stat is;

	*ret_is_there = stat(path, &is) == 0;
	if (!*ret_is_there)
		return errno == ENOENT ? 0 : fail_errno(err, -errno, "opening the ledger %s", path);
	return S_ISREG(is.st_mode) ? 0 :
				     fail(err, -EUCLEAN, "the ledger %s is no regular file", path);
}

/* Which file it is that is open. */
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

bool ledger_takes_no_more(int r)
{
	return r == -EROFS || r == -ENOSPC || r == -EDQUOT;
}

/* To be read from a file system that takes no more; `r` is what that said. */
static int open_unwritable(struct ledger *ledger, struct ledger **ret_ledger, int r)
{
	struct ledger *copy;
	int r2 = db_read_copy(ledger->path, &copy, ledger->err);

	if (r2 < 0)
		return r2 == -EAGAIN ? r : r2;
	*ret_ledger = copy;
	return 0;
}

/* Shared while a ledger is opened, alone while one is put in its place. Where the folder can't be opened nobody
 * puts anything into it. */
int db_lock_folder(const char *state_dir, bool alone, int *ret_fd, struct error *err)
{
	AUTO_CLOSE int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && alone)
		return fail_errno(err, -errno, "opening the folder %s", state_dir);
	for (int tries = 0; fd >= 0 && flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0;
	     tries++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || tries == FOLDER_TRIES)
			return fail_errno(err, errno == EWOULDBLOCK ? -ETIMEDOUT : -errno,
					  "locking the folder %s", state_dir);
		rest_ms(FOLDER_TRY_MS);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

int ledger_open(const char *state_dir, const char *run_dir, enum ledger_mode mode,
		struct ledger **ret_ledger, struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = calloc(1, sizeof(*ledger));
	AUTO_CLOSE int lock = -1;
	int64_t version = 0;
	bool is_there = false;
	int r = ledger && (ledger->path = format_text("%s/ledger.db", state_dir)) &&
				(!run_dir || (ledger->stamp = format_text("%s/ledger", run_dir))) ?
			0 :
			fail_oom(err);

	if (r == 0 && mode == LEDGER_WRITE)
		r = make_dirs(state_dir, 0700, err);
	if (r == 0)
		r = db_lock_folder(state_dir, false, &lock, err);
	if (r == 0)
		r = look_at_file(ledger->path, &is_there, err);
	if (r < 0)
		return r;
	if (!is_there && mode == LEDGER_WRITE && access(state_dir, W_OK) < 0 && errno == EROFS)
		return fail_errno(err, -EROFS, "making the ledger %s", ledger->path);
	if (!is_there && mode != LEDGER_WRITE) {
		*ret_ledger = NULL;
		return 0;
	}
	ledger->err = err;
	ledger->command = "";
	ledger->mode = mode;
	r = open_file(ledger);
	if (r == 0 && mode != LEDGER_READ)
		close_all_to_others(state_dir, ledger->path);
	if (r == 0)
		r = set_up(ledger, &version);
	if (mode == LEDGER_READ && ledger_takes_no_more(r))
		return open_unwritable(ledger, ret_ledger, r);
	if (r == 0 && version > 0 && version < LEDGER_VERSION)
		r = db_copy(&ledger); /* who reads changes nothing, its old form neither */
	if (r < 0)
		return r;
	/* One that was interrupted before it had tables is none yet. */
	*ret_ledger = version == 0 && mode != LEDGER_WRITE ? NULL : TAKE_PTR(ledger);
	return 0;
}

static int reopen(struct ledger *ledger, enum ledger_mode mode)
{
	AUTO_FREE char *state_dir = folder_of(ledger->path),
		       *run_dir = ledger->stamp ? folder_of(ledger->stamp) : NULL;
	struct ledger *raised, old = *ledger;
	int r = state_dir && (run_dir || !ledger->stamp) ? 0 : fail_oom(ledger->err);

	if (r == 0)
		r = ledger_open(state_dir, run_dir, mode, &raised, ledger->err);
	if (r == 0 && !raised)
		r = fail(ledger->err, -VFPOOL_ELEDGER, "the ledger %s was deleted: ask again",
			 ledger->path);
	if (r < 0)
		return r;
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
	close_all_to_others(state_dir, ledger->path);
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_close(ledger->db);
	free(ledger->path);
	free(ledger->stamp);
	free(ledger);
}
