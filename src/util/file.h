/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_FILE_H
#define VFPOOL_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct error;

/* Makes the folder and those above it, as mkdir -p does. Fills `err`. */
int make_dirs(const char *path, mode_t mode, struct error *err);

/* Reads the whole of a file of at most `max` bytes, NUL-terminated. -EFBIG beyond; -EINVAL for what is no
 * regular file: a named pipe would be waited for for ever. Fills `err`. */
int read_file(const char *path, size_t max, char **ret_text, size_t *ret_size, struct error *err);

/* Reads likewise what a person has named, which may be a pipe: /dev/stdin, or <(…) of a shell. */
int read_given_file(const char *path, size_t max, char **ret_text, size_t *ret_size,
		    struct error *err);

/*
 * Writes the file whole or not at all, and durably: a temporary file beside
 * it, fsync, rename, fsync of the folder. Fills `err`. Killed, it leaves that
 * file, named ".NAME", this and six characters.
 */
#define WRITE_FILE_ENDING ".vfpool-"
int write_file(const char *path, const char *text, size_t size, mode_t mode, struct error *err);

/* Makes the names in the folder of `path` durable. */
int sync_folder(const char *path);

/* Finds where the system has a program. The caller's PATH isn't asked: by sudo it may be anyone's. -ENOENT. */
int find_program(const char *name, char **ret_path);

/* Formats a text as asprintf() does, or returns NULL when out of memory. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
