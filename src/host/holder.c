/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process has a VF open through vfio: the one with a descriptor on the
 * VF's IOMMU group. Which one takes a PF's VFs away: the one with its sriov_numvfs open. Looked up only to name it, since a host has many
 * descriptors.
 */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

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

/* Reads a file of at most `size` - 1 bytes. Returns its length, -1 when it can't be read. */
static ssize_t read_small(int folder, const char *name, char *text, size_t size)
{
	AUTO_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n >= 0)
		text[n] = '\0';
	return n;
}

/* Returns the name of the guest that the process runs, as QEMU's "-name guest=web,debug-threads=on" says; NULL:
 * none. */
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

/* Returns the IOMMU group that the descriptor is open on, -1: none. */
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

/* Writes to `out` a line for each descriptor that the process has on a group. */
static void look_at_process(int proc, const char *pid, int out)
{
	AUTO_CLOSE int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *fds = NULL;
	int fd = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fds = fdopendir(fd);
	for (struct dirent *entry = fds ? readdir(fds) : NULL; entry; entry = readdir(fds)) {
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

/* Looks at all processes, in the child. */
static void look(void *arg, int out)
{
	const char *path = arg;
	AUTO_CLOSE int proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = proc < 0 ? NULL : opendir(path);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(proc, entry->d_name, out);
}

/* Takes a line of the child's, such as "12 guest web, process 4711". */
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

/* Names who holds the VFs. A child looks, since reading the command line of a process that hangs in the
 * kernel hangs too. */
void host_name_holders(struct host *host, struct vfpool_pf *pf)
{
	AUTO_FREE char *text = NULL;
	char *rest;
	bool whole; /* what is there is as good */

	if (!is_held(pf) ||
	    run_child(look, (void *)host->proc, DEADLINE_MS, TEXT_MAX, &text, &whole) < 0)
		return;
	rest = text;
	for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n"))
		take_line(pf, line);
}

/* ---- who takes VFs away? ---- */

struct writer_search {
	const char *proc;
	char file[VFPOOL_PCI_TEXT + sizeof("//sriov_numvfs")]; /* the end of its path */
};

static bool has_open(int process, const char *file)
{
	AUTO_CLOSEDIR DIR *fds = NULL;

	if (sysfs_list(process, "fd", &fds) < 0)
		return false;
	for (struct dirent *entry = readdir(fds); entry; entry = readdir(fds)) {
		char target[512];
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
		const size_t end = strlen(file);

		if (n < (ssize_t)end)
			continue;
		target[n] = '\0';
		if (strcmp(target + (size_t)n - end, file) == 0)
			return true;
	}
	return false;
}

/* Looks, in the child, for the process that has the file open. */
static void look_for_writer(void *arg, int out)
{
	const struct writer_search *search = arg;
	AUTO_CLOSEDIR DIR *dir = opendir(search->proc);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		AUTO_CLOSE int process = -1;
		AUTO_FREE char *name = NULL;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0 || !has_open(process, search->file))
			continue;
		name = process_name(process);
		if (name)
			make_printable(name);
		dprintf(out, "process %s (%s)\n", entry->d_name, name ? name : "?");
		return;
	}
}

/* Finds who takes the PF's VFs away. The kernel takes them from the first on, and waits for each until nobody has it open. */
int host_find_remover(struct host *host, const struct vfpool_pf *pf, char **ret_text)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	struct writer_search search = { .proc = host->proc, .file = "/" };
	AUTO_FREE char *who = NULL;
	bool whole, is_found;

	*ret_text = NULL;
	if (folder < 0 || sysfs_has(folder, "virtfn0"))
		return 0;
	vfpool_pci_format(&pf->address, search.file + 1);
	strcat(search.file, "/sriov_numvfs");
	is_found = run_child(look_for_writer, &search, DEADLINE_MS, TEXT_MAX, &who, &whole) == 0 &&
		   *who;
	if (!is_found && device_count_vfs(folder) == 0)
		return 0; /* there are none, and nobody is at work on that */
	if (is_found)
		who[strcspn(who, "\n")] = '\0';
	*ret_text = format_text(
		"%s is taking the VFs of %s away by its sriov_numvfs, and the kernel waits for whoever has "
		"one of them open",
		is_found ? who : "something else than vfpool", pf_name(pf, "the PF"));
	return *ret_text ? 0 : fail_oom(host->err);
}
