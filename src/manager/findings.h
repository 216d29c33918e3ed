/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What gc and its like find, and do about it. */
#ifndef VFPOOL_FINDINGS_H
#define VFPOOL_FINDINGS_H

#include "manager/context.h"

/* Takes the lease (NULL: it is about a VF without one) out of *lease. -ENOMEM, without a
 * message. */
int add_finding(struct vfpool_findings *found, enum vfpool_finding_kind kind,
		enum vfpool_finding_result result, struct vfpool_lease **lease, const char *format,
		...) __attribute__((format(printf, 5, 6)));

/* VFPOOL_EPARTIAL when something failed. */
int sum_up_findings(struct vfpool *vp, const struct vfpool_findings *found, const char *doing);

#endif
