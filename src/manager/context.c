/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context: directories, the last error, what operations open. */
#include "manager/context.h"

#include "host/nlsock.h"
#include "host/sysfs.h"
#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static const char *const default_dirs[VFPOOL_N_DIRS] = {
	[VFPOOL_DIR_SYSFS] = "/sys",
	[VFPOOL_DIR_CONFIG] = "/etc/vfpool",
	[VFPOOL_DIR_STATE] = "/var/lib/vfpool",
	[VFPOOL_DIR_RUN] = "/run/vfpool",
	[VFPOOL_DIR_RULES] = "/etc/udev/rules.d",
	[VFPOOL_DIR_LIBVIRT_RUN] = "/run/libvirt",
	[VFPOOL_DIR_NETWORKS] = "/etc/libvirt/qemu/networks",
	[VFPOOL_DIR_PROC] = "/proc",
	[VFPOOL_DIR_HOOKS] = "/etc/libvirt/hooks",
	[VFPOOL_DIR_LIBVIRT_STATE] = "/var/lib/libvirt",
	[VFPOOL_DIR_ROOT] = "",
};

void vfpool_free(struct vfpool *vp)
{
	if (!vp)
		return;
	for (int i = 0; i < VFPOOL_N_DIRS; i++)
		free(vp->dirs[i]);
	free(vp->uri);
	free(vp->command);
	ledger_close(vp->ledger);
	free(vp);
}

DEFINE_CLEANUP(struct vfpool *, cleanup_vp, vfpool_free);

int vfpool_new(struct vfpool **ret_vp)
{
	CLEANUP(cleanup_vp) struct vfpool *vp = calloc(1, sizeof(*vp));

	if (!vp || vfpool_set_uri(vp, "qemu:///system") < 0 || vfpool_set_command(vp, "") < 0)
		return -ENOMEM;
	for (enum vfpool_dir dir = 0; dir < VFPOOL_N_DIRS; dir++)
		if (vfpool_set_dir(vp, dir, default_dirs[dir]) < 0)
			return -ENOMEM;
	*ret_vp = TAKE_PTR(vp);
	return 0;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int vfpool_set_dir(struct vfpool *vp, enum vfpool_dir dir, const char *path)
{
	if (dir == VFPOOL_DIR_STATE) {
		ledger_close(vp->ledger);
		vp->ledger = NULL;
		vp->ledger_is_judged = vp->doubt_is_told = false;
	}
	return set_text(&vp->dirs[dir], path);
}

const char *vfpool_get_dir(const struct vfpool *vp, enum vfpool_dir dir)
{
	return vp->dirs[dir];
}

int vfpool_set_uri(struct vfpool *vp, const char *uri)
{
	return set_text(&vp->uri, uri);
}

int vfpool_set_command(struct vfpool *vp, const char *command)
{
	int r = set_text(&vp->command, command);

	if (r == 0)
		make_printable(vp->command);
	return r;
}

void vfpool_set_notes(struct vfpool *vp, vfpool_note_fn fn, void *arg)
{
	vp->note = fn;
	vp->note_arg = arg;
}

void note(struct vfpool *vp, const char *format, ...)
{
	struct error text;
	va_list args;

	if (!vp->note)
		return;
	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	make_printable(text.text);
	vp->note(vp->note_arg, text.text);
}

void vfpool_set_progress(struct vfpool *vp, vfpool_progress_fn fn, void *arg)
{
	vp->progress = fn;
	vp->progress_arg = arg;
}

const char *vfpool_error(const struct vfpool *vp)
{
	return vp->err.text;
}

void host_end(struct host *host)
{
	nlsock_close(host->nl);
	free(host->stuck);
	if (host->sysfs >= 0)
		close(host->sysfs);
}

int open_host(struct vfpool *vp, struct host *ret_host)
{
	struct host host = {
		.run_dir = vp->dirs[VFPOOL_DIR_RUN],
		.libvirt_run = vp->dirs[VFPOOL_DIR_LIBVIRT_RUN],
		.proc = vp->dirs[VFPOOL_DIR_PROC],
		.progress = vp->progress,
		.progress_arg = vp->progress_arg,
		.err = &vp->err,
		.glances = 25,
		.lock_glances = 25,
	};
	int r;

	host.sysfs = sysfs_open(vp->dirs[VFPOOL_DIR_SYSFS]);
	if (host.sysfs < 0)
		return fail_errno(&vp->err, host.sysfs, "opening %s", vp->dirs[VFPOOL_DIR_SYSFS]);
	r = nlsock_open(NETLINK_ROUTE, &host.nl);
	if (r < 0) {
		host_end(&host);
		return fail_errno(&vp->err, r, "opening a netlink socket");
	}
	*ret_host = host;
	return 0;
}

int check_root(struct vfpool *vp, const char *doing)
{
	/* With a tree of its own instead of /sys there is no host to guard. */
	if (geteuid() == 0 ||
	    strcmp(vp->dirs[VFPOOL_DIR_SYSFS], default_dirs[VFPOOL_DIR_SYSFS]) != 0)
		return 0;
	return fail(&vp->err, -EPERM, "%s takes root", doing);
}

int check_owner(struct vfpool *vp, const char *owner)
{
	if (owner_name_is_valid(owner))
		return 0;
	return fail(&vp->err, -EINVAL,
		    "'%s' can't be an owner's name: 1 to 255 "
		    "bytes of UTF-8 without control or invisible characters, '/', a '-' at the "
		    "beginning or a space at either end",
		    owner);
}

bool unit_is_enabled(const struct vfpool *vp, const char *unit)
{
	AUTO_FREE char *link = format_text("%s/etc/systemd/system/multi-user.target.wants/%s",
					   vp->dirs[VFPOOL_DIR_ROOT], unit);

	return link && faccessat(AT_FDCWD, link, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
