/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_PROCESS_H
#define VFPOOL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Runs a program of the system with these arguments (argv ends with NULL), without a shell or
 * the caller's environment, and waits. Fails with a message unless it exits with 0. */
int run_program(const char *const *argv, struct error *err);

/* Runs it likewise; of what it prints only the first line is kept, for the message. */
int run_quietly(const char *const *argv, struct error *err);

/* Runs it likewise, but returns its exit code, whatever that is; what it prints goes where our own goes. */
int run_for_code(const char *const *argv, struct error *err);

/*
 * Runs `work` in a child, for what may hang, and returns the text that it wrote to
 * `out` (at most `max` bytes): free() it. The child has no other descriptors than
 * `out`, and /dev/null as 0 to 2. *ret_whole: it was done in time; else it was killed. -ENOMEM
 * or what fork() said.
 */
int run_child(void (*work)(void *arg, int out), void *arg, int deadline_ms, size_t max,
	      char **ret_text, bool *ret_whole);

/* Reads what comes from `in` to its end, which is less than `max` bytes; free() it. -EFBIG: it is more, and was read
 * to its end all the same; -ETIMEDOUT: its end hasn't come by `deadline`, of clock_ms(). */
int read_until(int in, long long deadline, size_t max, char **ret_text);

#endif
