/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_PROCESS_H
#define VFPOOL_PROCESS_H

struct error;

/* Runs a program from PATH with these arguments (argv ends with NULL), without
 * a shell, and waits. Fails with a message unless it exits with 0. */
int run_program(const char *const *argv, struct error *err);

#endif
