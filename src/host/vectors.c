/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many message vectors (MSI-X) VFs have: Documentation/ABI/testing/sysfs-bus-pci
 * of the kernel, drivers/pci/iov.c there.
 */
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <limits.h>
#include <linux/pci_regs.h>
#include <string.h>

/* More capabilities than fit, so that a loop of them ends. */
#define MAX_CAPABILITIES 48

/* Returns the number in the PCI configuration space's MSI-X capability, 0: there is none to be seen. */
static unsigned count_vectors(const uint8_t *config, size_t size)
{
	size_t at = size > PCI_CAPABILITY_LIST ? config[PCI_CAPABILITY_LIST] & ~3u : 0;

	for (int left = MAX_CAPABILITIES; left > 0; left--) {
		const uint8_t *capability = config + at;

		if (at < PCI_STD_HEADER_SIZEOF || at + PCI_MSIX_FLAGS + 2 > size)
			break;
		if (capability[PCI_CAP_LIST_ID] == PCI_CAP_ID_MSIX)
			return ((capability[PCI_MSIX_FLAGS] | capability[PCI_MSIX_FLAGS + 1] << 8) &
				PCI_MSIX_FLAGS_QSIZE) +
			       1;
		at = capability[PCI_CAP_LIST_NEXT] & ~3u;
	}
	return 0;
}

/* Returns how many the VF has, 0: that isn't known. The kernel shows no more than 64 bytes without CAP_SYS_ADMIN, which vfpool's units don't
 * have (pci_read_config() in drivers/pci/pci-sysfs.c). */
static unsigned read_vectors(int folder)
{
	uint8_t config[PCI_CFG_SPACE_SIZE];
	ssize_t n = sysfs_read_bytes(folder, "config", config, sizeof(config));

	return n < 0 ? 0 : count_vectors(config, (size_t)n);
}

/* Reads how many there are. The kernel answers sriov_vf_total_msix under the PF's device lock, which it also holds while it makes
 * VFs, and that may be for ever: so not while a vfpool does that. */
void host_read_vectors(struct host *host, struct vfpool_pf *pf, bool locked)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	AUTO_CLOSE int lock = -1;
	long long total = 0;

	pf->vf_total_msix = -1;
	if (folder < 0 || (!locked && host_share_pf(host, pf, &lock) < 0))
		return;
	(void)sysfs_read_number(folder, "sriov_vf_total_msix",
				&total); /* not every kernel has it */
	pf->vf_total_msix = total <= 0 ? 0 : total < INT_MAX ? (int)total : INT_MAX;
	for (size_t i = 0; pf->vf_total_msix > 0 && i < pf->n_vfs; i++) {
		AUTO_CLOSE int vf = sysfs_open_pci(host->sysfs, &pf->vfs[i].address);

		pf->vfs[i].vectors = vf < 0 ? 0 : read_vectors(vf);
	}
}

/* Says what the kernel, or the PF's driver, means by an error here. */
static const char *explain(int r)
{
	switch (r) {
	case -EOPNOTSUPP:
	case -ENOTSUPP:
		return "the PF's driver gives its VFs a fixed number";
	case -EBUSY:
		return "it has a driver again: something else binds it";
	case -ENOSPC:
	case -ENOMEM:
		return "the PF's other VFs have too many of them";
	case -EINVAL:
	case -ERANGE:
	case -EOVERFLOW:
		return "the PF's driver doesn't take that number";
	default:
		return "the kernel log may say more";
	}
}

int host_set_vectors(struct host *host, const struct vfpool_pci *vf, unsigned count,
		     bool *ret_verified)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, vf);
	char address[VFPOOL_PCI_TEXT], text[16];
	unsigned is;
	int r = host_bind(host, vf, "");

	if (r < 0)
		return r;
	vfpool_pci_format(vf, address);
	snprintf(text, sizeof(text), "%u", count);
	r = folder < 0 ? folder : sysfs_write(folder, "sriov_vf_msix_count", text);
	if (r < 0)
		return fail(host->err, r, "giving %s %u message vectors: %s (%s)", address, count,
			    error_text(r), explain(r));
	is = read_vectors(folder);
	*ret_verified = is != 0;
	if (is != 0 && is != count)
		return fail(host->err, -EIO,
			    "%u message vectors for %s were accepted, but it has %u", count,
			    address, is);
	return 0;
}
