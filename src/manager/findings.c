/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What gc and adopt found, and did about it. */
#include "manager/findings.h"

#include "util/name.h"

#include <stdarg.h>

void vfpool_findings_free(struct vfpool_findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->n; i++) {
		vfpool_lease_free(findings->list[i].lease);
		free(findings->list[i].text);
	}
	free(findings->list);
	free(findings);
}

int findings_add(struct vfpool_findings *found, enum vfpool_finding_kind kind,
		 enum vfpool_finding_result result, struct vfpool_lease **lease, const char *format,
		 ...)
{
	struct vfpool_finding *grown = reallocarray(found->list, found->n + 1, sizeof(*grown));
	va_list args;
	char *text;
	int n;

	if (!grown)
		return -ENOMEM;
	found->list = grown;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	make_printable(text);
	grown[found->n++] = (struct vfpool_finding){
		.kind = kind,
		.result = result,
		.lease = lease ? TAKE_PTR(*lease) : NULL,
		.text = text,
	};
	return 0;
}

int findings_sum_up(struct vfpool *vp, const struct vfpool_findings *found, const char *doing)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->list[i].result == VFPOOL_FINDING_FAILED)
			return fail(&vp->err, -VFPOOL_EPARTIAL,
				    "not everything could be %s; the lines above say what and why",
				    doing);
	return 0;
}
