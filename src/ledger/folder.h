/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder that the ledger is in. */
#ifndef VFPOOL_LEDGER_FOLDER_H
#define VFPOOL_LEDGER_FOLDER_H

#include <stdbool.h>

struct error;

/* Takes from all but root the right to read the ledger at `path`, and the folder `state_dir` when nothing else is in there. */
void folder_close_to_others(const char *state_dir, const char *path);

/* Locks the folder until *ret_fd is closed: shared while a ledger is opened, `alone` while one is put in its place. */
int folder_lock(const char *state_dir, bool alone, int *ret_fd, struct error *err);

#endif
