/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/process.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the program, waits for it and returns its exit code; the caller's environment, which may not be root's own,
 * doesn't go along. */
static int run_with(const char *const *argv, const posix_spawn_file_actions_t *actions,
		    struct error *err)
{
	char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	AUTO_FREE char *path = NULL;
	int status, r = find_program(argv[0], &path);
	pid_t child;

	if (r < 0)
		return fail_errno(err, r, "starting %s", argv[0]);
	/* posix_spawn() doesn't change the strings; its type is older than const. */
	r = -posix_spawn(&child, path, actions, NULL, (char *const *)argv, environment);
	if (r < 0)
		return fail_errno(err, r, "starting %s", argv[0]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(err, -errno, "waiting for %s", argv[0]);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return fail(err, -EIO, "%s failed (signal %d)", argv[0], WTERMSIG(status));
}

int run_for_code(const char *const *argv, struct error *err)
{
	return run_with(argv, NULL, err);
}

/* Runs the program. Returns 0 when it exits with 0, else fails with a message. */
static int run(const char *const *argv, const posix_spawn_file_actions_t *actions,
	       struct error *err)
{
	int r = run_with(argv, actions, err);

	return r > 0 ? fail(err, -EIO, "%s failed (exit code %d)", argv[0], r) : r;
}

int run_program(const char *const *argv, struct error *err)
{
	return run(argv, NULL, err);
}

static void actions_end(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_destroy(actions);
}

/* Runs the program as run() does, with `out` as its output and its errors. */
static int run_into(const char *const *argv, int out, struct error *err)
{
	CLEANUP(actions_end) posix_spawn_file_actions_t actions = { 0 };
	int r = -posix_spawn_file_actions_init(&actions);

	for (int fd = 1; r == 0 && fd <= 2; fd++)
		r = -posix_spawn_file_actions_adddup2(&actions, out, fd);
	return r < 0 ? fail_errno(err, r, "preparing %s", argv[0]) : run(argv, &actions, err);
}

int run_quietly(const char *const *argv, struct error *err)
{
	AUTO_CLOSE int said = memfd_create("vfpool", MFD_CLOEXEC);
	char line[200] = "";
	int r;

	if (said < 0)
		return fail_oom(err);
	r = run_into(argv, said, err);
	if (r < 0 && pread(said, line, sizeof(line) - 1, 0) > 0) {
		const struct error why = *err;

		line[strcspn(line, "\n")] = '\0';
		return fail(err, r, "%.200s: %s", why.text, line);
	}
	return r;
}

/* Reads what comes first. Returns how much, 0 at the end; -ETIMEDOUT: nothing came until the deadline. */
static ssize_t read_some(int in, long long deadline, char *text, size_t room)
{
	struct pollfd ready = { .fd = in, .events = POLLIN };

	for (;;) {
		long long left = deadline - clock_ms();
		ssize_t n = left < 0 ? 0 : poll(&ready, 1, (int)left);

		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0)
			n = read(in, text, room);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

/* Reads into `text` what comes from the child. Returns false when the child wasn't done in time. */
static bool read_answer(int in, long long deadline, size_t max, char *text)
{
	size_t size = 0;

	while (size < max) {
		ssize_t n = read_some(in, deadline, text + size, max - size);

		if (n <= 0)
			return n == 0;
		size += (size_t)n;
	}
	return false;
}

int read_until(int in, long long deadline, size_t max, char **ret_text)
{
	size_t size = 0, room = 1 << 16;
	AUTO_FREE char *text = malloc(room);
	char rest[4096];
	ssize_t n = 1;

	while (text && n > 0 && size < max) {
		if (size + 1 == room) {
			char *grown = realloc(text, room *= 2);

			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read_some(in, deadline, text + size, room - size - 1);
		size += n > 0 ? (size_t)n : 0;
	}
	if (!text)
		return -ENOMEM;
	while (n > 0)
		n = read_some(in, deadline, rest, sizeof(rest));
	if (n < 0)
		return (int)n;
	if (size >= max)
		return -EFBIG;
	text[size] = '\0';
	*ret_text = TAKE_PTR(text);
	return 0;
}

/* Leaves the caller's files to the caller: who waits for the end of its output must not wait for a child that hangs. */
static void leave_callers_files(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null > 2)
		close(null);
}

int run_child(void (*work)(void *arg, int out), void *arg, int deadline_ms, size_t max,
	      char **ret_text, bool *ret_whole)
{
	AUTO_FREE char *text = calloc(1, max + 1);
	AUTO_CLOSE int in = -1;
	int fds[2], status;
	pid_t child;

	if (!text)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	child = fork();
	if (child == 0) {
		close_range((unsigned)fds[1] + 1, ~0U, 0); /* no lock goes along */
		close_range(3, (unsigned)fds[1] - 1, 0);
		leave_callers_files();
		work(arg, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	if (child < 0)
		return -errno;
	*ret_whole = read_answer(in, clock_ms() + deadline_ms, max, text);
	if (!*ret_whole)
		kill(child, SIGKILL);
	/* One that hangs in the kernel is init's later. */
	if (waitpid(child, &status, *ret_whole ? 0 : WNOHANG) == child && *ret_whole)
		*ret_whole = WIFEXITED(status);
	*ret_text = TAKE_PTR(text);
	return 0;
}
