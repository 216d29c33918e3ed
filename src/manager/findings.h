/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What gc and its like find, and do about it. */
#ifndef VFPOOL_FINDINGS_H
#define VFPOOL_FINDINGS_H

#include "manager/context.h"

/* Takes the lease (NULL: it is about a VF without one) out of *lease. -ENOMEM, without a
 * message. */
int findings_add(struct vfpool_findings *found, enum vfpool_finding_kind kind,
		 enum vfpool_finding_result result, struct vfpool_lease **lease, const char *format,
		 ...) __attribute__((format(printf, 5, 6)));

/* VFPOOL_EPARTIAL when something failed. */
int findings_sum_up(struct vfpool *vp, const struct vfpool_findings *found, const char *doing);

#endif
