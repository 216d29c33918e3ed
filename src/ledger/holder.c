/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which process keeps the ledger from being written: looked up only to name it. */
#include "ledger/holder.h"

#include "util/cleanup.h"
#include "util/file.h"
#include "util/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 2000

/* SQLite's own numbers (wal.c, os_unix.c; part of its file format): a WAL's writer has this byte of the -shm
 * file, a rollback journal's these two of the database. */
#define WAL_WRITE_LOCK 120
#define PENDING_BYTE 0x40000000

/* Returns the process that has these bytes of the file locked to write, 0 when none shows here. */
static pid_t writer_of(const char *path, off_t first, off_t count)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count
	};

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_WRLCK)
		return 0;
	return lock.l_pid;
}

/* Prints the process that writes to `out`. It runs in a child: to close a file of the ledger's would drop the locks
 * that this process has on it. */
static void find_writer(void *arg, int out)
{
	const char *path = arg;
	AUTO_FREE char *shm = format_text("%s-shm", path);
	pid_t pid = shm ? writer_of(shm, WAL_WRITE_LOCK, 1) : 0;

	if (!pid)
		pid = writer_of(path, PENDING_BYTE, 2);
	if (pid > 0)
		dprintf(out, "%d", (int)pid);
}

/* Fills `text` with the process's command line, with spaces, cut off at `size`. */
static void read_command(const char *pid, char *text, size_t size)
{
	AUTO_FREE char *path = format_text("/proc/%s/cmdline", pid);
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!text[i])
			text[i] = ' ';
}

bool holder_name(sqlite3 *db, char pid[16], char *command, size_t size)
{
	AUTO_FREE char *text = NULL;
	bool whole;

	if (run_child(find_writer, (void *)sqlite3_db_filename(db, "main"), DEADLINE_MS, 15, &text,
		      &whole) < 0 ||
	    !whole || !*text)
		return false;
	snprintf(pid, 16, "%s", text);
	read_command(pid, command, size);
	return true;
}
