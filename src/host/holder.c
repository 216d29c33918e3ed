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
#include "util/name.h"
#include "util/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define VFIO_GROUP "/dev/vfio/"

/* How long the look may take, and how much it may say. */
#define DEADLINE_MS 2000
#define TEXT_MAX 65536

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

/* The child's side: a line for each descriptor on a group. */
static void look_at_process(int proc, const char *pid, int out)
{
	AUTO_CLOSE int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *fds = NULL;
	struct dirent *entry;
	int fd = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fds = fdopendir(fd);
	while (fds && (entry = readdir(fds))) {
		int group = group_of(fd, entry->d_name);
		AUTO_FREE char *guest = group < 0 ? NULL : guest_name(process);
		AUTO_FREE char *program = group < 0 || guest ? NULL : process_name(process);
		char *name = guest ? guest : program;

		if (!name)
			continue;
		make_printable(name); /* a process calls itself as it likes */
		dprintf(out, "%d %s%s, process %s\n", group, guest ? "guest " : "", name, pid);
	}
}

/* The child's work. */
static void look(void *arg, int out)
{
	const char *path = arg;
	AUTO_CLOSE int proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = proc < 0 ? NULL : opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(proc, entry->d_name, out);
}

/* "12 guest web, process 4711" */
static void take_line(struct vfpool_pf *pf, const char *line)
{
	char *name;
	long group = strtol(line, &name, 10);

	for (size_t i = 0; i < pf->n_vfs; i++) {
		struct vfpool_vf *vf = &pf->vfs[i];
		char *text;

		if (vf->iommu_group != group || !vf->busy || strstr(vf->busy, ", process "))
			continue;
		text = format_text("%s:%s", vf->busy, name);
		if (!text)
			return;
		free(vf->busy);
		vf->busy = text;
	}
}

static bool is_held(const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i].holder == VFPOOL_HELD_BY_LIBVIRT ||
		    pf->vfs[i].holder == VFPOOL_HELD_BY_VFIO)
			return true;
	return false;
}

/* A child looks, since reading the command line of a process that hangs in the
 * kernel hangs too. */
void host_name_holders(struct host *host, struct vfpool_pf *pf)
{
	AUTO_FREE char *text = NULL;
	bool whole; /* what is there is as good */

	if (!is_held(pf) || run_child(look, (void *)host->proc, DEADLINE_MS, TEXT_MAX, &text,
				      &whole) < 0)
		return;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		take_line(pf, line);
	}
}
