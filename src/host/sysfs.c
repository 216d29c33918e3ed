/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that knows sysfs's paths from its root. */
#include "host/sysfs.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define PCI_DEVICES "bus/pci/devices"

static int open_folder(int folder, const char *path)
{
	int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sysfs_open(const char *path)
{
	return open_folder(AT_FDCWD, path);
}

int sysfs_open_pci(int sysfs, const struct vfpool_pci *address)
{
	char path[sizeof(PCI_DEVICES) + 1 + VFPOOL_PCI_TEXT] = PCI_DEVICES "/";

	vfpool_pci_format(address, path + sizeof(PCI_DEVICES));
	return open_folder(sysfs, path);
}

int sysfs_open_group(int sysfs, int number)
{
	char path[sizeof("kernel/iommu_groups/") + 16];

	snprintf(path, sizeof(path), "kernel/iommu_groups/%d", number);
	return open_folder(sysfs, path);
}

int sysfs_list_groups(int sysfs, DIR **ret_dir)
{
	return sysfs_list(sysfs, "kernel/iommu_groups", ret_dir);
}

/* Reads a link whole. */
static int read_target(int folder, const char *name, char *target, size_t size)
{
	ssize_t n = readlinkat(folder, name, target, size - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return 0;
}

int sysfs_upstream(int sysfs, const struct vfpool_pci *address, struct vfpool_pci *ret_above)
{
	char path[sizeof(PCI_DEVICES) + 1 + VFPOOL_PCI_TEXT] = PCI_DEVICES "/", target[512], *last,
					    *above;

	vfpool_pci_format(address, path + sizeof(PCI_DEVICES));
	/* ../../../devices/pci0000:00/0000:00:02.0/0000:01:00.0 */
	if (read_target(sysfs, path, target, sizeof(target)) < 0)
		return -ENOENT;
	last = strrchr(target, '/');
	if (!last)
		return -ENOENT;
	*last = '\0';
	above = strrchr(target, '/');
	return above && vfpool_pci_parse(above + 1, ret_above) == 0 ? 0 : -ENOENT;
}

/* Calls `fn` for the entries of a class that are on the device; -ENOENT: there is no such class. */
static int each_of_class(int sysfs, const char *class, const struct vfpool_pci *address,
			 void (*fn)(void *arg, const char *name), void *arg)
{
	char part[VFPOOL_PCI_TEXT + 2] = "/", target[512];
	AUTO_CLOSEDIR DIR *dir = NULL;
	int r = sysfs_list(sysfs, class, &dir);

	if (r < 0)
		return r;
	vfpool_pci_format(address, part + 1);
	strcat(part, "/");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (read_target(dirfd(dir), entry->d_name, target, sizeof(target)) == 0 &&
		    strstr(target, part))
			fn(arg, entry->d_name);
	return 0;
}

void sysfs_each_netdev(int sysfs, const struct vfpool_pci *address,
		       void (*fn)(void *arg, const char *name), void *arg)
{
	(void)each_of_class(sysfs, "class/net", address, fn, arg);
}

static void note_one(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = true;
}

bool sysfs_has_block_device(int sysfs, const struct vfpool_pci *address)
{
	bool any = false;
	int r = each_of_class(sysfs, "class/block", address, note_one, &any);

	return r < 0 ? r != -ENOENT : any;
}

int sysfs_open_netdev(int sysfs, const char *name)
{
	char path[sizeof("class/net/") + 128];
	int n = snprintf(path, sizeof(path), "class/net/%s", name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return open_folder(sysfs, path);
}

int sysfs_list(int folder, const char *name, DIR **ret_dir)
{
	AUTO_CLOSE int fd = open_folder(folder, name);
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	take_fd(&fd);
	*ret_dir = dir;
	return 0;
}

int sysfs_list_pci(int sysfs, DIR **ret_dir)
{
	return sysfs_list(sysfs, PCI_DEVICES, ret_dir);
}

ssize_t sysfs_read_bytes(int folder, const char *name, void *bytes, size_t size)
{
	AUTO_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, bytes, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int sysfs_read_whole(int folder, const char *name, char *text, size_t size)
{
	ssize_t n = sysfs_read_bytes(folder, name, text, size);

	if (n < 0)
		return (int)n;
	if ((size_t)n == size)
		return -EOVERFLOW;
	text[n] = '\0';
	return 0;
}

int sysfs_read(int folder, const char *name, char *text, size_t size)
{
	int r = sysfs_read_whole(folder, name, text, size);

	if (r == 0)
		text[strcspn(text, "\n")] = '\0';
	return r;
}

bool sysfs_has(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, 0) == 0;
}

int sysfs_read_number(int folder, const char *name, long long *ret_number)
{
	char text[32], *end;
	long long number;
	int r = sysfs_read(folder, name, text, sizeof(text));

	if (r < 0)
		return r;
	errno = 0;
	number = strtoll(text, &end, 0);
	if (errno || end == text || *end)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int sysfs_read_link(int folder, const char *name, char *text, size_t size)
{
	char target[512];
	const char *last;
	int r = read_target(folder, name, target, sizeof(target));

	if (r < 0)
		return r;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENAMETOOLONG;
	strcpy(text, last);
	return 0;
}

int sysfs_write(int folder, const char *name, const char *text)
{
	/* An attribute is there already, and no link. */
	AUTO_CLOSE int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	return n < 0 ? -errno : 0;
}

bool sysfs_has_driver(int sysfs, const char *driver)
{
	char path[sizeof("bus/pci/drivers/") + 64];
	int n = snprintf(path, sizeof(path), "bus/pci/drivers/%s", driver);

	return n > 0 && (size_t)n < sizeof(path) && faccessat(sysfs, path, F_OK, 0) == 0;
}

bool sysfs_has_module(int sysfs, const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "module/%s", module);
	return faccessat(sysfs, path, F_OK, 0) == 0;
}

int sysfs_module_driver(int sysfs, const char *module, char *ret_driver, size_t size)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	char path[128];
	int r;

	snprintf(path, sizeof(path), "module/%s/drivers", module);
	r = sysfs_list(sysfs, path, &dir);
	if (r < 0)
		return r;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (strncmp(entry->d_name, "pci:", 4) != 0)
			continue;
		if (strlen(entry->d_name + 4) >= size)
			return -ENAMETOOLONG;
		strcpy(ret_driver, entry->d_name + 4);
		return 0;
	}
	return -ENOENT;
}

int sysfs_probe_driver(int sysfs, const struct vfpool_pci *address)
{
	char text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(address, text);
	return sysfs_write(sysfs, "bus/pci/drivers_probe", text);
}

static unsigned count_entries(int sysfs, const char *folder)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	unsigned n = 0;

	if (sysfs_list(sysfs, folder, &dir) < 0)
		return 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += entry->d_name[0] != '.';
	return n;
}

unsigned sysfs_count_iommus(int sysfs)
{
	return count_entries(sysfs, "class/iommu");
}

unsigned sysfs_count_groups(int sysfs)
{
	return count_entries(sysfs, "kernel/iommu_groups");
}

bool sysfs_has_acpi_table(int sysfs, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "firmware/acpi/tables/%s", name);
	return faccessat(sysfs, path, F_OK, 0) == 0;
}

int sysfs_module_parameter(int sysfs, const char *module, const char *name, char *text, size_t size)
{
	char path[160];

	snprintf(path, sizeof(path), "module/%s/parameters/%s", module, name);
	return sysfs_read(sysfs, path, text, size);
}

int sysfs_read_selinux(int sysfs, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "fs/selinux/%s", name);
	return sysfs_read(sysfs, path, text, size);
}
