/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `gc`, `adopt`, `restore` and `attach --refresh` found and did. */
#ifndef VFPOOL_FINDINGS_H
#define VFPOOL_FINDINGS_H

#include "vfpool.h"

/* Prints a line for each finding, or all as JSON; nothing when `found` is NULL. */
void findings_print(const struct vfpool_findings *found, bool json, bool dry_run);

#endif
