/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a tree of files like /sys: tree FOLDER PFS VFS [--netdev [VECTORS]]
 *
 * PF i is 00ii:01:00.0 (a network card of at most VFS VFs), its VFs are there
 * and on vfio-pci, idle, each in an IOMMU group of its own. With --netdev the
 * PFs have netdevs pf0, pf1, … with the interface indexes of the scripted peer.
 * With VECTORS each PF has so many message vectors for its VFs, a share for each.
 * Beside them ffff:00:02.0 is a card without SR-IOV.
 */
#include "peer.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void folder(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void file(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void link_to(const char *target, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static char path[512];

#define FORMAT_PATH(format)                                  \
	do {                                                 \
		va_list args;                                \
		va_start(args, format);                      \
		vsnprintf(path, sizeof(path), format, args); \
		va_end(args);                                \
	} while (0)

static void folder(const char *format, ...)
{
	FORMAT_PATH(format);
	for (char *p = path; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
}

static void file(const char *text, const char *format, ...)
{
	int fd;

	FORMAT_PATH(format);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void link_to(const char *target, const char *format, ...)
{
	FORMAT_PATH(format);
	if (symlink(target, path) < 0)
		die(path);
}

static void make_vf(unsigned pf, unsigned vf, unsigned group)
{
	char address[32], text[64];

	snprintf(address, sizeof(address), "%04x:01:%02x.%x", pf, (8 + vf) / 8 % 32, vf % 8);
	folder("bus/pci/devices/%s", address);
	snprintf(text, sizeof(text), "../%s", address);
	link_to(text, "bus/pci/devices/%04x:01:00.0/virtfn%u", pf, vf);
	snprintf(text, sizeof(text), "../%04x:01:00.0", pf);
	link_to(text, "bus/pci/devices/%s/physfn", address);
	link_to("../../drivers/vfio-pci", "bus/pci/devices/%s/driver", address);
	file("(null)\n", "bus/pci/devices/%s/driver_override", address);
	file("0\n", "bus/pci/devices/%s/enable", address);
	snprintf(text, sizeof(text), "../../../../kernel/iommu_groups/%u", group);
	link_to(text, "bus/pci/devices/%s/iommu_group", address);
	folder("kernel/iommu_groups/%u/devices", group);
	snprintf(text, sizeof(text), "../../../../bus/pci/devices/%s", address);
	link_to(text, "kernel/iommu_groups/%u/devices/%s", group, address);
}

/* The VF's configuration space, with one capability: MSI-X. */
static void make_config(unsigned pf, unsigned vf, unsigned vectors)
{
	uint8_t config[256] = { [0x06] = 0x10, [0x34] = 0x70, [0x70] = 0x11 };
	int fd;

	config[0x72] = (uint8_t)(vectors - 1);
	config[0x73] = (uint8_t)((vectors - 1) >> 8);
	snprintf(path, sizeof(path), "bus/pci/devices/%04x:01:00.0/virtfn%u/config", pf, vf);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, config, sizeof(config)) < 0)
		die(path);
	close(fd);
}

static void make_vectors(unsigned pf, unsigned vfs, unsigned total)
{
	char text[32];

	snprintf(text, sizeof(text), "%u\n", total);
	file(text, "bus/pci/devices/%04x:01:00.0/sriov_vf_total_msix", pf);
	for (unsigned vf = 0; vf < vfs; vf++)
		make_config(pf, vf, total / vfs);
}

static void make_pf(unsigned pf, unsigned vfs, int netdev)
{
	char text[32];

	folder("bus/pci/devices/%04x:01:00.0", pf);
	snprintf(text, sizeof(text), "%u\n", vfs);
	file(text, "bus/pci/devices/%04x:01:00.0/sriov_totalvfs", pf);
	file("1\n", "bus/pci/devices/%04x:01:00.0/sriov_drivers_autoprobe", pf);
	file("0x020000\n", "bus/pci/devices/%04x:01:00.0/class", pf);
	file("0x8086\n", "bus/pci/devices/%04x:01:00.0/vendor", pf);
	file("0x10c9\n", "bus/pci/devices/%04x:01:00.0/device", pf);
	file("-1\n", "bus/pci/devices/%04x:01:00.0/numa_node", pf);
	link_to("../../drivers/igb", "bus/pci/devices/%04x:01:00.0/driver", pf);
	if (netdev) {
		folder("bus/pci/devices/%04x:01:00.0/net/pf%u", pf, pf);
		snprintf(text, sizeof(text), "%u\n", PEER_IFINDEX + pf);
		file(text, "bus/pci/devices/%04x:01:00.0/net/pf%u/ifindex", pf, pf);
	}
	for (unsigned vf = 0; vf < vfs; vf++)
		make_vf(pf, vf, pf * vfs + vf);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("usage: tree FOLDER PFS VFS [--netdev [VECTORS]]\n", stderr);
		return 2;
	}
	mkdir(argv[1], 0755);
	if (chdir(argv[1]) < 0)
		die(argv[1]);
	folder("bus/pci/drivers/igb");
	folder("bus/pci/drivers/vfio-pci");
	folder("class/net");
	folder("bus/pci/devices/ffff:00:02.0");
	for (unsigned pf = 0; pf < (unsigned)atoi(argv[2]); pf++)
		make_pf(pf, (unsigned)atoi(argv[3]), argc > 4);
	for (unsigned pf = 0; argc > 5 && pf < (unsigned)atoi(argv[2]); pf++)
		make_vectors(pf, (unsigned)atoi(argv[3]), (unsigned)atoi(argv[5]));
	return 0;
}
