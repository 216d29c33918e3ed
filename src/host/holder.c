/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process has a VF open through vfio: the one with a descriptor on the
 * VF's IOMMU group. Looked up only to name it, since a host has many
 * descriptors.
 */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define VFIO_GROUP "/dev/vfio/"

/* A file of at most `size` - 1 bytes; its length, -1 when it can't be read. */
static ssize_t read_small(int folder, const char *name, char *text, size_t size)
{
	AUTO_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n >= 0)
		text[n] = '\0';
	return n;
}

/* QEMU's "-name guest=web,debug-threads=on" says whose it is. */
static char *guest_name(int process)
{
	char text[8192], *arg = text, *name;
	ssize_t n = read_small(process, "cmdline", text, sizeof(text));

	for (; n > 0 && arg < text + n; arg += strlen(arg) + 1) {
		if (strcmp(arg, "-name") != 0 || arg + sizeof("-name") >= text + n)
			continue;
		name = arg + sizeof("-name");
		if (strncmp(name, "guest=", 6) == 0)
			name += 6;
		return strndup(name, strcspn(name, ","));
	}
	return NULL;
}

static char *process_name(int process)
{
	char text[64];

	if (read_small(process, "comm", text, sizeof(text)) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return strdup(text);
}

/* The IOMMU group that the descriptor is open on, -1: none. */
static int group_of(int fds, const char *fd)
{
	char target[64], *end;
	ssize_t n = readlinkat(fds, fd, target, sizeof(target) - 1);
	long group;

	if (n < 0)
		return -1;
	target[n] = '\0';
	if (strncmp(target, VFIO_GROUP, strlen(VFIO_GROUP)) != 0)
		return -1;
	group = strtol(target + strlen(VFIO_GROUP), &end, 10);
	return *end || end == target + strlen(VFIO_GROUP) ? -1 : (int)group;
}

static void name_holder(struct vfpool_pf *pf, int group, int process, const char *pid)
{
	AUTO_FREE char *guest = guest_name(process);
	AUTO_FREE char *program = guest ? NULL : process_name(process);

	for (size_t i = 0; i < pf->n_vfs; i++) {
		struct vfpool_vf *vf = &pf->vfs[i];
		char *text;

		if (vf->iommu_group != group || !vf->busy || strstr(vf->busy, ", process "))
			continue;
		text = format_text("%s: %s%s, process %s", vf->busy, guest ? "guest " : "",
				   guest ? guest : program ? program : "?", pid);
		if (!text)
			return;
		make_printable(text); /* a process names itself as it likes */
		free(vf->busy);
		vf->busy = text;
	}
}

static void look_at_process(struct host *host, struct vfpool_pf *pf, const char *pid)
{
	AUTO_FREE char *path = format_text("%s/%s", host->proc, pid);
	AUTO_CLOSE int process = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_CLOSEDIR DIR *fds = NULL;
	struct dirent *entry;
	int fd = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fds = fdopendir(fd);
	if (!fds) {
		close(fd);
		return;
	}
	while ((entry = readdir(fds))) {
		int group = group_of(fd, entry->d_name);

		if (group >= 0)
			name_holder(pf, group, process, pid);
	}
}

void host_name_holders(struct host *host, struct vfpool_pf *pf)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	struct dirent *entry;
	bool needed = false;

	for (size_t i = 0; i < pf->n_vfs; i++)
		needed = needed || pf->vfs[i].holder == VFPOOL_HELD_BY_LIBVIRT ||
			 pf->vfs[i].holder == VFPOOL_HELD_BY_VFIO;
	if (!needed || !(dir = opendir(host->proc)))
		return;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(host, pf, entry->d_name);
}
