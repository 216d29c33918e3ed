/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one message that a failing operation leaves for its caller to show. */
#ifndef VFPOOL_ERROR_H
#define VFPOOL_ERROR_H

#include "util/cleanup.h"

struct error {
	char text[1024];
};

/* What functions tell each other. Like vfpool.h's outcomes these lie above Linux's errnos, so that
 * nothing that a driver or a library says is taken for one. */
#define E_CHANGED 4201 /* another process has changed it meanwhile; or: choose anew */
#define E_TAKEN 4202   /* the ledger says that it is somebody's */
#define E_NONE 4203    /* the ledger has none */
#define E_FOREIGN 4204 /* what is in use outside vfpool has to be known first */
#define E_SILENT 4205  /* the kernel hasn't answered in time */
#define E_UNREAD 4206  /* the PF is there and can't be looked at */
#define E_VF_MACS 4207 /* what this host's VFs are programmed with has to be known first */

/* Some drivers answer with this errno of the kernel's own, which <errno.h> doesn't have. */
#define ENOTSUPP 524

/* Returns what errno `-r` means, or what of the above `-r` is. */
const char *error_text(int r);

/* Sets the message and returns `r`. What isn't visible (util/name.h) becomes '?':
 * parts of a message come from outside and end on a terminal. */
int fail(struct error *err, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets it with ": " and the meaning of errno `-r` at its end. Returns `r`. */
int fail_errno(struct error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what was being done: " in front of the message; returns `r`. */
int fail_while(struct error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that memory ran out; returns -ENOMEM. */
int fail_oom(struct error *err);

/* What `err` says here it says again at the end of the scope, whatever is tried until then. */
#define KEEP_ERROR(err)                             \
	CLEANUP(kept_error_end)                     \
	const struct kept_error kept_error_here = { \
		(err),                              \
		*(err),                             \
	}

struct kept_error {
	struct error *err;
	struct error was;
};

static inline void kept_error_end(const struct kept_error *kept)
{
	*kept->err = kept->was;
}

/* Of several things, all of which are tried, the first failure is told. It begins as { 0 }. */
struct first_failure {
	int r; /* 0: there was none */
	struct error err;
};

/* Keeps `r` and what `err` says of it, when it is a failure and the first one. Returns `r`. */
int first_failure_keep(struct first_failure *first, int r, const struct error *err);

/* Returns the first failure, and puts its message into `err`; 0 when there was none. */
int first_failure_tell(const struct first_failure *first, struct error *err);

#endif
