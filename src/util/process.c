/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/process.h"

#include "util/error.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int run_program(const char *const *argv, struct error *err)
{
	int status, r;
	pid_t child;

	/* posix_spawnp() doesn't change the strings; its type is older than const. */
	r = posix_spawnp(&child, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (r > 0)
		return fail_errno(err, -r, "starting %s", argv[0]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(err, -errno, "waiting for %s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return fail(err, -EIO, "%s failed (%s %d)", argv[0], WIFEXITED(status) ? "exit code" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
