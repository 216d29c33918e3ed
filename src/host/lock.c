/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One lock a PF: what changes a PF or its VFs holds it. */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* Making the VFs of a large card takes a minute. */
#define WAIT_SECONDS 120
#define WAIT_STEP_MS 20
/* Where another PF will do: longer than other allocs have it. */
#define SHORT_WAIT_SECONDS 1

/* Says who has the lock, and for how long. Who has just taken it, or is no vfpool, hasn't signed it. */
static int fail_locked(struct host *host, int fd, const char *path)
{
	char pid[16] = "";

	if (pread(fd, pid, sizeof(pid) - 1, 0) > 0)
		pid[strspn(pid, "0123456789")] = '\0';
	if (!*pid)
		return fail(
			host->err, -ETIMEDOUT,
			"another process has held %s for %d s, and hasn't written there which it is; "
			"'lslocks' tells",
			path, WAIT_SECONDS);
	return fail(host->err, -ETIMEDOUT,
		    "another vfpool (process %s) has held %s for %d s; is it stuck in the kernel? "
		    "'cat /proc/%s/stack' tells",
		    pid, path, WAIT_SECONDS, pid);
}

int host_sign_lock(int lock)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

/* Returns the path of the PF's lock; NULL: out of memory. */
static char *lock_path(struct host *host, const struct vfpool_pf *pf)
{
	char address[VFPOOL_PCI_TEXT];

	vfpool_pci_format(&pf->address, address);
	return format_text("%s/%s.lock", host->run_dir, address);
}

int host_share_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd)
{
	AUTO_FREE char *path = lock_path(host, pf);
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (!path)
		return -ENOMEM;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || host->lock_glances == 0)
			return -errno;
		host->lock_glances--;
		rest_ms(GLANCE_MS);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Opens the PF's lock, which isn't taken by that. */
static int open_lock(struct host *host, const char *path, int *ret_fd)
{
	int fd, r = make_dirs(host->run_dir, 0755, host->err);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(host->err, -errno, "opening the lock %s", path);
	*ret_fd = fd;
	return 0;
}

static int wait_for_lock(struct host *host, const char *path, int fd, int seconds)
{
	for (int left = seconds * 1000 / WAIT_STEP_MS; flock(fd, LOCK_EX | LOCK_NB) < 0; left--) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_errno(host->err, -errno, "locking %s", path);
		if (left <= 0)
			return -EWOULDBLOCK;
		rest_ms(WAIT_STEP_MS);
	}
	return 0;
}

/* Has this command waited in vain for that PF? */
static bool was_waited_for(const struct host *host, const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < host->n_stuck; i++)
		if (vfpool_pci_equal(&host->stuck[i], &pf->address))
			return true;
	return false;
}

static void note_stuck(struct host *host, const struct vfpool_pf *pf)
{
	struct vfpool_pci *grown = reallocarray(host->stuck, host->n_stuck + 1, sizeof(*grown));

	if (!grown)
		return; /* it is waited for again */
	host->stuck = grown;
	grown[host->n_stuck++] = pf->address;
}

static int lock_pf(struct host *host, const struct vfpool_pf *pf, int seconds, int *ret_fd)
{
	AUTO_FREE char *path = lock_path(host, pf);
	AUTO_CLOSE int fd = -1;
	int r = path ? open_lock(host, path, &fd) : fail_oom(host->err);

	if (r < 0)
		return r;
	r = wait_for_lock(host, path, fd, was_waited_for(host, pf) ? 0 : seconds);
	if (r == -EWOULDBLOCK && seconds == WAIT_SECONDS) {
		if (!was_waited_for(host, pf))
			note_stuck(host, pf);
		return fail_locked(host, fd, path);
	}
	if (r < 0)
		return r;
	r = host_sign_lock(fd);
	if (r < 0)
		return fail_errno(host->err, r, "writing %s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int host_lock_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd)
{
	return lock_pf(host, pf, WAIT_SECONDS, ret_fd);
}

int host_lock_pf_soon(struct host *host, const struct vfpool_pf *pf, int *ret_fd)
{
	return lock_pf(host, pf, SHORT_WAIT_SECONDS, ret_fd);
}

int host_try_lock_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd)
{
	return lock_pf(host, pf, 0, ret_fd);
}
