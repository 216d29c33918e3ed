/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two texts, compared by diff(1). */
#include "verbs/verb.h"
#include "verbs/diff.h"

#include "util/error.h"
#include "util/name.h"
#include "util/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Puts the text, as far as it may be shown, into a file that diff can open by `path`. Returns its
 * descriptor or a negative errno. */
static int make_file(const char *text, char path[32])
{
	AUTO_FREE char *shown = strdup(text);
	int fd = shown ? memfd_create("vfpool", 0) : -1;
	size_t size = strlen(text);

	if (shown)
		make_lines_printable(shown);
	if (fd >= 0 && write(fd, shown, size) != (ssize_t)size) {
		close(fd);
		return -EIO;
	}
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd < 0 ? -errno : fd;
}

int diff_print(const char *old_name, const char *old, const char *new_name, const char *new)
{
	char old_path[32], new_path[32];
	AUTO_CLOSE int old_fd = make_file(old, old_path);
	AUTO_CLOSE int new_fd = make_file(new, new_path);
	const char *const argv[] = { "diff",   "-u",     "--label", old_name, "--label",
				     new_name, old_path, new_path,  NULL };
	struct error err;
	int code;

	if (strcmp(old, new) == 0)
		return 0;
	fflush(stdout);
	code = old_fd < 0 || new_fd < 0 ? -EIO : run_for_code(argv, &err);
	if (code < 0 || code > 1)
		warn_user("diff (of diffutils) can't compare them");
	return -VERB_SAID;
}
