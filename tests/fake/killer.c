/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * killer MICROSECONDS COMMAND…: runs the command in a process group of its own,
 * and kills the whole group with SIGKILL after that time. Says on file descriptor
 * 3 what became of it and how long that took: "killed 0 5210", "exited CODE 7103".
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void run(char **argv)
{
	setpgid(0, 0);
	close(3);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

/* A crash is no kill: it has a shell's exit code. */
static void report(int status, long long us)
{
	if (!WIFSIGNALED(status))
		dprintf(3, "exited %d %lld\n", WEXITSTATUS(status), us);
	else if (WTERMSIG(status) == SIGKILL)
		dprintf(3, "killed 0 %lld\n", us);
	else
		dprintf(3, "exited %d %lld\n", 128 + WTERMSIG(status), us);
}

int main(int argc, char **argv)
{
	const long long us = argc > 2 ? atoll(argv[1]) : -1, start = now_us();
	const struct timespec limit = { us / 1000000, us % 1000000 * 1000 };
	struct pollfd ended = { .events = POLLIN };
	int status;
	pid_t child;

	if (us < 0)
		return 2;
	prctl(PR_SET_TIMERSLACK, 1UL);
	child = fork();
	if (child == 0)
		run(argv + 2);
	if (child < 0)
		return 1;
	setpgid(child, child); /* in both, since either may be first */
	ended.fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (ended.fd < 0)
		return 1;
	if (ppoll(&ended, 1, &limit, NULL) == 0)
		kill(-child, SIGKILL);
	if (waitpid(child, &status, 0) < 0)
		return 1;
	report(status, now_us() - start);
	return 0;
}
