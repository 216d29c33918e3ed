/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite, opened durably and asked in one way. */
#ifndef VFPOOL_LEDGER_DB_H
#define VFPOOL_LEDGER_DB_H

#include "ledger/ledger.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <sqlite3.h>
#include <sys/types.h>

struct ledger {
	sqlite3 *db;
	const char *command;
	struct error *err;
	unsigned wait_ms;   /* how long one operation waits for others in all */
	unsigned waited_ms; /* it has waited so long */
	char *path;
	char *stamp; /* NULL: there is none to be */
	int changes; /* SQLite's count of changed rows, at the transaction's begin */
	dev_t dev;   /* of the file that is open */
	ino_t ino;
	bool is_copy; /* in memory */
	enum ledger_mode mode;
};

DEFINE_CLEANUP(struct ledger *, cleanup_ledger, ledger_close);

DEFINE_CLEANUP(sqlite3_stmt *, cleanup_stmt, sqlite3_finalize);

/* Its transactions wait for others' writing. */
void db_set_patience(struct ledger *ledger);

int db_errno(sqlite3 *db);
/* Turns SQLite's last failure into a message and an errno. */
int db_fail(struct ledger *ledger, const char *doing);

/* Prepares a statement with its parameters: a letter each in `types`, 's' a
 * const char *, 'i' an int64_t. */
int db_prepare(struct ledger *ledger, sqlite3_stmt **ret_stmt, const char *sql, const char *types,
	       ...);

/* 1: a row; 0: no more. */
int db_step(struct ledger *ledger, sqlite3_stmt *stmt);

/* Runs a statement that returns no rows. -E_TAKEN when a UNIQUE
 * constraint forbids it. */
int db_run(struct ledger *ledger, const char *sql, const char *types, ...);

/* Column 0 of the first row, `missing` when there is none. */
int db_number(struct ledger *ledger, int64_t missing, int64_t *ret_number, const char *sql,
	      const char *types, ...);

/* Runs SQL without parameters. */
int db_execute(struct ledger *ledger, const char *sql, const char *doing);

/* An entry of the history, of what isn't a lease's: names may be "", the VF's
 * row 0. */
int db_add_event(struct ledger *ledger, const char *event, const char *pool, const char *owner,
		 unsigned nic, const char *mac, int64_t pf, int vf);

/* The process that keeps others from writing, and its command line; false: it doesn't show. */
bool db_name_writer(sqlite3 *db, char pid[16], char *command, size_t size);

/* A text column, never NULL. */
const char *db_text(sqlite3_stmt *stmt, int column);

/* ---- the stamp ---- */

struct stamp {
	char ledger[33]; /* "": there is none */
	long long changes;
	long long lease; /* the highest number that was given */
};

/* In a transaction: the ledger is changed once more. And when that is committed: */
int stamp_count(struct ledger *ledger, struct stamp *ret_stamp);
void stamp_note(struct ledger *ledger, const struct stamp *stamp);

/* In a transaction: the ledger is another one from now on, its lease numbers beyond its own and those of the
 * stamp at `path`, if there is one. When that is committed, ledger_replace_stamp(). */
int stamp_begin_epoch(struct ledger *ledger, const char *path);

/* ---- opening ---- */

int db_lock_folder(const char *state_dir, bool alone, int *ret_fd, struct error *err);

/* Is it a ledger, and of which version? 0: an empty file. */
int db_check_version(struct ledger *ledger, const char *path, int64_t *ret_version);

/* In a transaction: makes the newest version's tables out of those of that one. */
int db_make_tables(struct ledger *ledger, int64_t version);

/* ---- as bytes: a whole ledger in one plain file ---- */

struct image {
	unsigned char *bytes;
	sqlite3_int64 size;
};

void image_end(struct image *image);

/* What is committed now; image_end() it. */
int image_of(struct ledger *ledger, struct image *ret_image);

/* A ledger in memory, brought up to date there. `path`: where the bytes are from. Takes the image. */
int image_open(struct image *image, const char *path, struct ledger **ret_ledger,
	       struct error *err);

/* What is open becomes a copy of it in memory. */
int db_copy(struct ledger **ledger);

/* A copy of what SQLite can't open where it is. -EAGAIN: it has a WAL, so that alone it isn't whole. */
int db_read_copy(const char *path, struct ledger **ret_ledger, struct error *err);

#endif
