/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ledger as bytes: what a backup is written from, and how one is read that isn't to be changed. */
#include "ledger/image.h"
#include "ledger/schema.h"
#include "ledger/tables.h"

#include <string.h>

/* In SQLite's header: how to write the file, how to read it. 2 is by a WAL, 1 without. */
#define WRITE_VERSION 18
#define READ_VERSION 19
#define HEADER_SIZE 100

void image_end(struct image *image)
{
	sqlite3_free(image->bytes);
}

static void make_plain(struct image *image)
{
	if (image->size < HEADER_SIZE)
		return;
	image->bytes[WRITE_VERSION] = 1;
	image->bytes[READ_VERSION] = 1;
}

int image_allocate(struct image *image, size_t size)
{
	image->size = (sqlite3_int64)size;
	image->bytes = sqlite3_malloc64(size + 1);
	return image->bytes ? 0 : -ENOMEM;
}

int image_read(struct image *image, int fd)
{
	for (sqlite3_int64 done = 0; done < image->size;) {
		ssize_t n = pread(fd, image->bytes + done, (size_t)(image->size - done), done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN;
		done += n;
	}
	return 0;
}

int image_of(struct ledger *ledger, struct image *ret_image)
{
	struct image image = { 0 };

	image.bytes = sqlite3_serialize(ledger->db, "main", &image.size, 0);
	if (!image.bytes && sqlite3_errcode(ledger->db) != SQLITE_OK)
		return db_fail(ledger, "copying the ledger");
	if (!image.bytes)
		return fail_oom(ledger->err);
	make_plain(&image);
	*ret_image = image;
	return 0;
}

/* Makes the tables of the ledger, a copy of the file `path`, those of the newest version. -EUCLEAN: it is empty. */
static int bring_up_to_date(struct ledger *ledger, const char *path)
{
	int64_t version;
	int r = tables_check_version(ledger, path, &version);

	if (r < 0)
		return r;
	if (version == 0)
		return fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool: it is empty",
			    path);
	return version < LEDGER_VERSION ? tables_make(ledger) : 0;
}

/* Its path stays that of the file, for whoever asks. */
int image_open(struct image *image, const char *path, struct ledger **ret_ledger, struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r;

	if (!ledger ||
	    sqlite3_open_v2(":memory:", &ledger->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return fail_oom(err);
	ledger->err = err;
	ledger->command = "";
	ledger->is_copy = true;
	ledger->mode = LEDGER_READ;
	ledger->path = strdup(path);
	if (!ledger->path)
		return fail_oom(err);
	make_plain(image);
	r = sqlite3_deserialize(ledger->db, "main", image->bytes, image->size, image->size,
				SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
	image->bytes = NULL; /* it is freed after a failure, too */
	if (r != SQLITE_OK)
		return db_fail(ledger, "reading the ledger");
	r = db_execute(ledger, "PRAGMA foreign_keys = ON", "reading the ledger");
	if (r < 0)
		return r;
	r = bring_up_to_date(ledger, path);
	if (r < 0)
		return r;
	*ret_ledger = TAKE_PTR(ledger);
	return 0;
}
