/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's call of its hook, and what is kept of one that came to nothing. */
#ifndef VFPOOL_GUESTS_CALL_H
#define VFPOOL_GUESTS_CALL_H

#include "manager/context.h"

/* Where the last call is told that was let go on without having done its work; free() it. NULL: out of memory. The file
 * has the time, in seconds since 1970, and the message. */
char *call_failure_path(const struct vfpool *vp);

#endif
