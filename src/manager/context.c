/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context: directories, the last error, what operations open. */
#include "manager/manager.h"

#include "host/nlsock.h"
#include "host/sysfs.h"
#include "util/name.h"

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

void tell_doubt(struct vfpool *vp)
{
	if (vp->doubt.text[0] && !vp->doubt_is_told)
		note(vp, "%s", vp->doubt.text);
	vp->doubt_is_told = true;
}

/* A ledger that isn't the one by which the VFs are given out is told by whoever reads it. Whoever changes it
 * is refused, so that no VF, MAC or lease number goes to two. */
static int trust_ledger(struct vfpool *vp, enum ledger_mode mode)
{
	int r = vp->ledger_is_judged ? 0 : judge_ledger(vp, vp->ledger);

	if (r < 0)
		return mode == LEDGER_READ ? 0 : r;
	vp->ledger_is_judged = true;
	if (!vp->doubt.text[0])
		return 0;
	if (mode == LEDGER_READ) {
		tell_doubt(vp);
		return 0;
	}
	return vp->accept_ledger ?
		       0 :
		       fail(&vp->err, -VFPOOL_ELEDGER,
			    "%s; nothing was changed. 'vfpool restore FILE' puts a backup in its place, and "
			    "with --accept-new-ledger before the verb it goes on with %s",
			    vp->doubt.text, vp->ledger ? "this one" : "a new one");
}

/* From now on it is the one, as the stamp says. */
static int settle_ledger(struct vfpool *vp)
{
	int r = vp->doubt.text[0]    ? ledger_begin_epoch(vp->ledger) :
		vp->ledger_is_proven ? ledger_prove(vp->ledger) :
				       0;

	if (r == 0)
		vp->doubt.text[0] = '\0';
	return r;
}

int open_ledger(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger)
{
	const char *state = vp->dirs[VFPOOL_DIR_STATE], *run = vp->dirs[VFPOOL_DIR_RUN];
	int r = vp->ledger ? 0 : ledger_open(state, run, LEDGER_READ, &vp->ledger, &vp->err);

	if (r == 0)
		r = trust_ledger(vp, mode);
	if (r == 0 && vp->ledger)
		r = ledger_raise(vp->ledger, mode);
	else if (r == 0 && mode == LEDGER_WRITE)
		r = ledger_open(state, run, mode, &vp->ledger, &vp->err);
	if (r == 0 && vp->ledger && mode != LEDGER_READ)
		r = settle_ledger(vp);
	if (r < 0)
		return r;
	if (vp->ledger)
		ledger_set_command(vp->ledger, vp->command);
	*ret_ledger = vp->ledger;
	return 0;
}

void vfpool_accept_new_ledger(struct vfpool *vp, bool accept)
{
	vp->accept_ledger = accept;
}

void drop_ledger(struct vfpool *vp)
{
	ledger_close(vp->ledger);
	vp->ledger = NULL;
}

int copy_ledger(struct vfpool *vp, struct ledger **ret_ledger)
{
	struct ledger *copy;
	int r = ledger_open_copy(vp->dirs[VFPOOL_DIR_STATE], vp->dirs[VFPOOL_DIR_RUN], &copy,
				 &vp->err);

	if (r < 0)
		return r;
	drop_ledger(vp);
	vp->ledger = copy;
	if (copy)
		ledger_set_command(copy, vp->command);
	*ret_ledger = copy;
	return 0;
}

bool ledger_is_out_of_reach(int r)
{
	return r == -EACCES || ledger_takes_no_more(r);
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
