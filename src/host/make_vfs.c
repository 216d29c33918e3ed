/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes sriov_numvfs in a child process: some drivers block in that write for
 * ever, unkillably, and with them every reader of the file. The child keeps
 * the PF's lock for as long as it is stuck. What the kernel said stands in a page
 * that both have: an exit code has 8 bits, and ENOTSUPP is 524.
 */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <libudev.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* One card needed 65 s for 125 VFs. */
#define BASE_SECONDS 30
#define SECONDS_PER_VF 2

DEFINE_CLEANUP(struct udev *, cleanup_udev, udev_unref);
DEFINE_CLEANUP(struct udev_monitor *, cleanup_monitor, udev_monitor_unref);

/* Says what the kernel means by an error here, and what helps. */
static const char *explain(int r)
{
	switch (r) {
	case -EBUSY:
		return "there are VFs already; another program makes them too?";
	case -ERANGE:
		return "more than the card or its driver allows";
	case -ENOSPC:
		return "no MSI-X vectors are left for them";
	case -ENOMEM:
		return "the firmware left no memory window, or no PCI bus numbers, for them: 'vfpool doctor' says "
		       "which, and what helps";
	case -ENOENT:
		return "the PF has no driver";
	case -ENOSYS:
	case -EOPNOTSUPP:
	case -ENOTSUPP:
		return "the PF's driver makes no VFs";
	default:
		return "the kernel log may say more";
	}
}

/* Closes all else: should this process get stuck, it keeps the lock of its own PF and nothing
 * else: the other PFs' locks and the ledger are inherited too. */
static void keep_only(int folder, int lock)
{
	unsigned low = (unsigned)(folder < lock ? folder : lock);
	unsigned high = (unsigned)(folder < lock ? lock : folder);

	if (lock < 0)
		low = high;
	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

/* Leaves what this command prints to: who waits for the end of that, as ssh and $(…) do, mustn't wait for a process that is
 * stuck. */
static void leave_output(int folder, int lock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (fd != folder && fd != lock && (null < 0 || dup2(null, fd) < 0))
			close(fd);
}

/* Writes the number of VFs, through zero when `clear`. Returns what the kernel says. */
static int write_numvfs(int folder, unsigned count, bool clear)
{
	char text[16];
	int r = clear ? sysfs_write(folder, "sriov_numvfs", "0") : 0;

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u", count);
	return sysfs_write(folder, "sriov_numvfs", text);
}

/* Does the child's work; *said is what the kernel said. */
static __attribute__((noreturn)) void write_and_exit(int folder, unsigned count, bool clear,
						     int lock, int *said)
{
	leave_output(folder, lock);
	keep_only(folder, lock);
	if (lock >= 0)
		(void)host_sign_lock(lock); /* only for the message of those who wait */
	*said = write_numvfs(folder, count, clear);
	_exit(0);
}

/* Waits for the child's end. -E_SILENT: it still runs. */
static int wait_for_child(pid_t child, long long deadline)
{
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd ready = { .fd = pidfd, .events = POLLIN };
	int status, r;

	if (pidfd < 0)
		return -errno;
	do {
		long long left = deadline - clock_ms();

		r = poll(&ready, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return -E_SILENT;
	if (r < 0 || waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? 0 : -EINTR;
}

/* Says where in the kernel the process sleeps; "" when it isn't told. */
static void read_wait_channel(struct host *host, pid_t child, char *text, size_t size)
{
	AUTO_FREE char *path = format_text("%s/%d/wchan", host->proc, (int)child);
	AUTO_FREE char *is = NULL;
	struct error ignored;

	text[0] = '\0';
	if (path && read_file(path, 128, &is, NULL, &ignored) == 0 && *is && strcmp(is, "0") != 0)
		snprintf(text, size, " in %s", is);
}

static int fail_stuck(struct host *host, const char *address, pid_t child)
{
	char where[160];

	read_wait_channel(host, child, where, sizeof(where));
	return fail(
		host->err, -ETIMEDOUT,
		"process %d, which writes sriov_numvfs of %s, hangs%s: in the driver, or until "
		"someone lets go of a VF. It keeps the PF's lock, and whoever reads that file hangs "
		"too. 'cat /proc/%d/stack' and the kernel log tell more",
		(int)child, address, where, (int)child);
}

/* Waits for the VFs, which some drivers make after the write has returned. */
static int wait_for_links(struct host *host, const struct vfpool_pf *pf, int folder,
			  struct udev_monitor *monitor, unsigned count, long long deadline)
{
	struct pollfd ready = { .fd = monitor ? udev_monitor_get_fd(monitor) : -1,
				.events = POLLIN };

	for (;;) {
		unsigned n = device_count_vfs(folder);

		if (host->progress)
			host->progress(host->progress_arg, pf_name(pf, "a PF"), "making VFs", n,
				       count);
		if (n == count)
			return 0;
		if (clock_ms() >= deadline)
			return -ETIMEDOUT;
		if (poll(&ready, 1, 200) > 0)
			udev_device_unref(udev_monitor_receive_device(monitor));
	}
}

static struct udev_monitor *watch_pci(struct udev *udev)
{
	CLEANUP(cleanup_monitor) struct udev_monitor *monitor = NULL;

	monitor = udev_monitor_new_from_netlink(udev, "kernel");
	if (!monitor || udev_monitor_filter_add_match_subsystem_devtype(monitor, "pci", NULL) < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0)
		return NULL; /* the links are looked at from time to time all the same */
	return TAKE_PTR(monitor);
}

int host_make_vfs(struct host *host, const struct vfpool_pf *pf, unsigned count, int lock)
{
	const long seconds = host->patience ? (long)host->patience :
					      BASE_SECONDS + SECONDS_PER_VF * (long)count;
	const long long deadline = clock_ms() + seconds * 1000LL;
	CLEANUP(cleanup_udev) struct udev *udev = udev_new();
	CLEANUP(cleanup_monitor) struct udev_monitor *monitor = udev ? watch_pci(udev) : NULL;
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	char address[VFPOOL_PCI_TEXT];
	pid_t child;
	int *said, r;

	vfpool_pci_format(&pf->address, address);
	if (folder < 0)
		return fail_errno(host->err, folder, "opening the PF %s", address);
	said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (said == MAP_FAILED)
		return fail_errno(host->err, -errno, "starting a process");
	child = fork();
	if (child == 0)
		write_and_exit(folder, count, pf->n_vfs > 0, lock, said);
	r = child < 0 ? -errno : wait_for_child(child, deadline);
	r = r < 0 ? r : *said;
	munmap(said, sizeof(*said));
	if (child < 0)
		return fail_errno(host->err, r, "starting a process");
	if (r == -E_SILENT)
		return fail_stuck(host, address, child);
	if (r < 0)
		return fail(host->err, r, "writing %u to sriov_numvfs: %s (%s)", count,
			    error_text(r), explain(r));
	if (lock >= 0)
		(void)host_sign_lock(lock);
	r = wait_for_links(host, pf, folder, monitor, count, deadline);
	return r < 0 ? fail(host->err, r, "%u VFs were asked for, %u have come", count,
			    device_count_vfs(folder)) :
		       0;
}
