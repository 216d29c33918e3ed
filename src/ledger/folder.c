/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder that the ledger is in: who may look into it, and who waits while its file is replaced. */
#include "ledger/folder.h"

#include "util/clock.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER_TRIES 3000
#define FOLDER_TRY_MS 20

/* Gives the file that mode when others than root may open it, whoever made it; returns whether that was so. Where
 * it can't be mended, as on a file system without modes, the ledger works all the same. */
static bool close_to_others(const char *path, mode_t mode)
{
	struct stat is;

	return stat(path, &is) == 0 && (is.st_mode & 077) && chmod(path, mode) == 0;
}

/* Is nothing but a ledger in the folder? One that somebody named by mistake, as /var/lib, is to keep its mode. */
static bool has_only_ledgers(const char *state_dir)
{
	AUTO_CLOSEDIR DIR *folder = opendir(state_dir);
	bool only = true;

	if (!folder)
		return false;
	for (struct dirent *entry = readdir(folder); only && entry; entry = readdir(folder))
		only = entry->d_name[0] == '.' ||
		       strncmp(entry->d_name, "ledger", strlen("ledger")) == 0;
	return only;
}

void folder_close_to_others(const char *state_dir, const char *path)
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

/* Where the folder can't be opened nobody puts anything into it, and there is nothing to lock. */
int folder_lock(const char *state_dir, bool alone, int *ret_fd, struct error *err)
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
