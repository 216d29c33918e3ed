/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor's checks share. */
#ifndef VFPOOL_DOCTOR_REPORT_H
#define VFPOOL_DOCTOR_REPORT_H

#include "manager/context.h"

/* Where a boot loader's and a package's files are. */
enum distribution { OTHER_DISTRIBUTION, DEBIAN, FEDORA, SUSE, ARCH };

struct doctor {
	struct vfpool *vp;
	const char *pool, *guest; /* those asked for, NULL: all, none */
	struct host host;
	struct host_platform platform;
	enum distribution distribution;
	struct vfpool_inventory *inventory;
	struct vfpool_pool **pools;
	struct pool_claim *claims;
	size_t n_claims;
	struct vfpool_lease **leases; /* NULL: they can't be read */
	bool has_libvirt;             /* a daemon of it is installed */
	struct host_process daemon;   /* that runs; pid 0: none */
	struct guests guests;
	bool guests_known;
	struct error guests_error; /* else why not */
	const struct check *check; /* the one at work */
	struct vfpool_diagnosis *diagnosis;
};

/* One check: 0, or -ENOMEM. */
struct check {
	const char *name;
	const char *looked_at;
	int (*run)(struct doctor *doctor);
};

/* Adds a finding of the check at work; `remedy` may be NULL. -ENOMEM. */
int report(struct doctor *doctor, enum vfpool_verdict verdict, const char *remedy,
	   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Has the check at work found nothing yet? */
bool report_found_nothing(const struct doctor *doctor);

/* Is the pool meant, or all? */
bool report_is_asked_for(const struct doctor *doctor, const struct vfpool_pool *pool);

/* The PF in words. */
const char *report_pf_text(const struct vfpool_pf *pf, char text[VFPOOL_PCI_TEXT]);

/* How a word comes to the kernel's command line, or goes from it; free() it. */
char *report_cmdline_remedy(const struct doctor *doctor, bool add, const char *word);

/* The unit of libvirt's daemon, to restart it. */
const char *report_libvirt_unit(const struct doctor *doctor);

#endif
