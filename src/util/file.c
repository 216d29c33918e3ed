/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/file.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

int make_dirs(const char *path, mode_t mode, struct error *err)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return fail_oom(err);
	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, c ? 0755 : mode) < 0 && errno != EEXIST)
			return fail_errno(err, -errno, "making the folder %s", copy);
		if (!c)
			return 0;
		*p = c;
	}
}

/* Reads `fd` to its end, as read_file() says. */
static int read_all(int fd, const char *path, size_t max, char **ret_text, size_t *ret_size,
		    struct error *err)
{
	AUTO_FREE char *text = malloc(max + 2);
	size_t size = 0;

	if (!text)
		return fail_oom(err);
	while (size <= max) {
		ssize_t n = read(fd, text + size, max + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, -errno, "reading %s", path);
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return fail(err, -EFBIG, "%s is larger than %zu bytes", path, max);
	text[size] = '\0';
	*ret_text = TAKE_PTR(text);
	if (ret_size)
		*ret_size = size;
	return 0;
}

/* Says what stands at `path` in a file's place, and returns -EINVAL. */
static int fail_not_regular(struct error *err, const char *path, mode_t mode)
{
	return fail(err, -EINVAL, "%s is %s, not a file; take it away", path,
		    S_ISDIR(mode)  ? "a folder" :
		    S_ISFIFO(mode) ? "a named pipe" :
		    S_ISSOCK(mode) ? "a socket" :
				     "a device file");
}

int read_file(const char *path, size_t max, char **ret_text, size_t *ret_size, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat is;

	/* To open a device's file alone may do something to the device. */
	if (stat(path, &is) == 0 && !S_ISREG(is.st_mode))
		return fail_not_regular(err, path, is.st_mode);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &is) < 0)
		return fail_errno(err, -errno, "opening %s", path);
	if (!S_ISREG(is.st_mode))
		return fail_not_regular(err, path, is.st_mode);
	return read_all(fd, path, max, ret_text, ret_size, err);
}

int read_given_file(const char *path, size_t max, char **ret_text, size_t *ret_size,
		    struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_errno(err, -errno, "opening %s", path);
	return read_all(fd, path, max, ret_text, ret_size, err);
}

/* Writes all of the text. Returns 0 or a negative errno. */
static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

int sync_folder(const char *path)
{
	AUTO_FREE char *folder = strdup(path);
	AUTO_CLOSE int fd = -1;
	char *slash;

	if (!folder)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Writes what the file holds through `fd`, which made it, so that its name is never opened again. Returns 0
 * or a negative errno. */
static int fill(int fd, const char *text, size_t size, mode_t mode)
{
	int r = write_all(fd, text, size);

	if (r < 0)
		return r;
	return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Fills `temporary`, open as `fd`, and gives it the name `path`. Returns 0 or a negative errno. */
static int fill_and_rename(int fd, const char *temporary, const char *path, const char *text,
			   size_t size, mode_t mode)
{
	int r = fill(fd, text, size, mode);

	if (r < 0)
		return r;
	return rename(temporary, path) < 0 ? -errno : 0;
}

int write_file(const char *path, const char *text, size_t size, mode_t mode, struct error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO_FREE char *temporary = format_text("%.*s.%s" WRITE_FILE_ENDING "XXXXXX",
						(int)(name - path), path, name);
	AUTO_CLOSE int fd = temporary ? mkostemp(temporary, O_CLOEXEC) : -1;
	int r;

	if (!temporary)
		return fail_oom(err);
	if (fd < 0)
		return fail_errno(err, -errno, "writing %s", path);
	r = fill_and_rename(fd, temporary, path, text, size, mode);
	if (r < 0) {
		unlink(temporary);
		return fail_errno(err, r, "writing %s", path);
	}
	r = sync_folder(path);
	return r < 0 ? fail_errno(err, r, "syncing the folder of %s", path) : 0;
}

char *format_text(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

int find_program(const char *name, char **ret_path)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO_FREE char *path = format_text("%s/%s", folders[i], name);

		if (!path)
			return -ENOMEM;
		if (access(path, X_OK) == 0) {
			*ret_path = TAKE_PTR(path);
			return 0;
		}
	}
	return -ENOENT;
}
