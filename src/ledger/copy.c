/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A ledger whose file system takes no more, since it is read-only or full: SQLite reads one with a WAL only when it
 * can make files beside it. So its bytes are read, into a copy in memory.
 */
#include "ledger/copy.h"
#include "ledger/image.h"

#include "util/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ATTEMPTS 3

/* Is everything that was committed in the file itself? Else it is in the WAL, which only SQLite reads. */
static bool has_no_wal(const char *path)
{
	AUTO_FREE char *wal = format_text("%s-wal", path);
	struct stat is;

	return wal && (stat(wal, &is) < 0 ? errno == ENOENT : is.st_size == 0);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads the ledger at `path` into the image. -EAGAIN: somebody wrote it meanwhile; whoever can write it writes the
 * WAL first. */
static int read_image(const char *path, struct image *image)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat before, after;
	int r;

	if (fd < 0 || fstat(fd, &before) < 0)
		return -errno;
	r = image_allocate(image, (size_t)before.st_size);
	if (r < 0)
		return r;
	if (!has_no_wal(path))
		return -EAGAIN;
	r = image_read(image, fd);
	if (r < 0)
		return r;
	return stat(path, &after) == 0 && is_same(&before, &after) && has_no_wal(path) ? 0 :
											 -EAGAIN;
}

int copy_read(const char *path, struct ledger **ret_ledger, struct error *err)
{
	int r = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
		CLEANUP(image_end) struct image image = { 0 };

		r = read_image(path, &image);
		if (r == 0 &&
		    image.size == 0) { /* the file system was full when it was to be made */
			*ret_ledger = NULL;
			return 0;
		}
		if (r == 0)
			return image_open(&image, path, ret_ledger, err);
	}
	if (r == -EAGAIN)
		return fail(
			err, r,
			"what was written last to the ledger %s is in its -wal file, which can't be read here",
			path);
	return fail_errno(err, r, "reading the ledger %s", path);
}

int copy_in_place(struct ledger **ledger)
{
	CLEANUP(cleanup_ledger) struct ledger *copy = NULL;
	CLEANUP(image_end) struct image image = { 0 };
	int r = image_of(*ledger, &image);

	if (r < 0)
		return r;
	r = image_open(&image, (*ledger)->path, &copy, (*ledger)->err);
	if (r < 0)
		return r;
	copy->stamp = TAKE_PTR((*ledger)->stamp);
	ledger_close(*ledger);
	*ledger = TAKE_PTR(copy);
	return 0;
}

/* What one change, with SQLite's files beside the ledger, takes at least. */
#define ROOM (64 * 1024)

bool ledger_can_be_written(const struct ledger *ledger)
{
	struct statvfs is;

	if (statvfs(ledger->path, &is) < 0)
		return true; /* it isn't known */
	return !(is.f_flag & ST_RDONLY) && (unsigned long long)is.f_bfree * is.f_frsize >= ROOM;
}
