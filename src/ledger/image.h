/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole ledger as bytes, as they are in one plain file. */
#ifndef VFPOOL_LEDGER_IMAGE_H
#define VFPOOL_LEDGER_IMAGE_H

#include "ledger/db.h"

struct image {
	unsigned char *bytes;
	sqlite3_int64 size;
};

void image_end(struct image *image);

/* Gives the image room for `size` bytes. -ENOMEM, without a message. */
int image_allocate(struct image *image, size_t size);

/* Fills the image with what the file has from its beginning on. Without a message; -EAGAIN: it has become shorter. */
int image_read(struct image *image, int fd);

/* Fills *ret_image with what is committed now; image_end() it. */
int image_of(struct ledger *ledger, struct image *ret_image);

/* Opens the image as a ledger in memory, *ret_ledger, and brings it up to date there. `path` is where the bytes are
 * from. It takes the image. */
int image_open(struct image *image, const char *path, struct ledger **ret_ledger,
	       struct error *err);

#endif
