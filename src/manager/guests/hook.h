/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's call of its hook, and what is kept of one that came to nothing. */
#ifndef VFPOOL_HOOK_H
#define VFPOOL_HOOK_H

#include "manager/manager.h"

struct hook_call {
	const char *driver, *object, *operation, *extra;
	const char *xml;
	int out; /* the answer goes there, and before it what is the answer if the time isn't enough */
};

void hook_answer(const struct hook_call *call, int r, const char *text);

/* What is to be done, without a deadline. */
int hook_run(struct vfpool *vp, const struct hook_call *call);

/* Where the last call is told that was let go on without having done its work; free() it. NULL: out of memory. The file
 * has the time, in seconds since 1970, and the message. */
char *hook_failure_path(const struct vfpool *vp);

#endif
