/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an alloc and a release cost through the library, in durable commits of
 * this machine: alloc FOLDER POOL ROUNDS
 *
 * FOLDER has a fake host (sys) and vfpool's directories (etc, state, run). Allocs, releases and raw
 * commits to an SQLite database beside the ledger take turns, so that what else the
 * machine does meets all alike.
 */
#include "vfpool.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void die(struct vfpool *vp, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, vp ? vfpool_error(vp) : "failed");
	exit(1);
}

static struct vfpool *open_host(void)
{
	static const struct {
		enum vfpool_dir dir;
		const char *path;
	} dirs[] = {
		{ VFPOOL_DIR_SYSFS, "sys" },           { VFPOOL_DIR_CONFIG, "etc" },
		{ VFPOOL_DIR_STATE, "state" },         { VFPOOL_DIR_RUN, "run" },
		{ VFPOOL_DIR_LIBVIRT_RUN, "libvirt" },
	};
	struct vfpool *vp;

	if (vfpool_new(&vp) < 0)
		die(NULL, "vfpool_new");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (vfpool_set_dir(vp, dirs[i].dir, dirs[i].path) < 0)
			die(vp, "vfpool_set_dir");
	return vp;
}

static void alloc(struct vfpool *vp, const char *pool)
{
	struct vfpool_alloc_request request = VFPOOL_ALLOC_REQUEST;
	struct vfpool_lease **leases;

	request.owner = "bench";
	if (vfpool_alloc(vp, pool, &request, &leases) < 0)
		die(vp, "alloc");
	vfpool_leases_free(leases);
}

static void release(struct vfpool *vp, const char *pool)
{
	struct vfpool_release_request request = VFPOOL_RELEASE_REQUEST;
	struct vfpool_lease **leases;

	request.pool = pool;
	request.owner = "bench";
	if (vfpool_release(vp, &request, &leases) < 0)
		die(vp, "release");
	vfpool_leases_free(leases);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(NULL, sqlite3_errmsg(db));
}

int main(int argc, char **argv)
{
	double allocs = 0, releases = 0, commits = 0, t0, t1, t2, t3;
	int rounds = argc == 4 ? atoi(argv[3]) : 0;
	struct vfpool *vp;
	sqlite3 *db;

	if (rounds < 1 || chdir(argv[1]) < 0)
		die(NULL, "usage: alloc FOLDER POOL ROUNDS");
	vp = open_host();
	if (sqlite3_open("state/raw.db", &db) != SQLITE_OK)
		die(NULL, "raw.db");
	run_sql(db,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x INTEGER)");
	alloc(vp, argv[2]); /* the ledger is open, the MAC is made */
	release(vp, argv[2]);
	for (int i = 0; i < rounds; i++) {
		t0 = now();
		alloc(vp, argv[2]);
		t1 = now();
		release(vp, argv[2]);
		t2 = now();
		run_sql(db, "INSERT INTO t VALUES (1)");
		t3 = now();
		allocs += t1 - t0;
		releases += t2 - t1;
		commits += t3 - t2;
	}
	printf("alloc %.2f release %.2f (in durable commits, of %.2f ms each)\n", allocs / commits,
	       releases / commits, commits / rounds);
	sqlite3_close(db);
	vfpool_free(vp);
	return 0;
}
