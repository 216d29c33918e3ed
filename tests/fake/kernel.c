/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel does when some files of sysfs are written, on a tree of plain files: drivers come and
 * go, VFs get message vectors. It is in the place of sysfs_write() and sysfs_probe_driver() (ld --wrap)
 * and does as drivers/base/bus.c, drivers/pci/pci-driver.c and drivers/pci/iov.c do. In a device's folder
 * `refuse_probe` has the name of a driver that doesn't take it; with `ignores_msix` a number of vectors
 * is accepted and nothing done; `refuse_write` has "FILE ERRNO": writing that file (`drivers_probe` too) fails so,
 * and with KERNEL_REFUSES_READ="FILE ERRNO" in the environment so does reading files of that name.
 */
#include "host/sysfs.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int __real_find_program(const char *name, char **ret_path);
int __wrap_find_program(const char *name, char **ret_path);

#define VECTORS_MAX 2048

int __real_sysfs_write(int folder, const char *name, const char *text);
int __wrap_sysfs_write(int folder, const char *name, const char *text);
int __wrap_sysfs_probe_driver(int sysfs, const struct vfpool_pci *address);
ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

static bool has(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- errors ---- */

/* Of the file `name`, from "FILE ERRNO"; 0: that isn't about it. */
static int refusal(const char *text, const char *name)
{
	char file[64];
	int number;

	return sscanf(text, "%63s %d", file, &number) == 2 && strcmp(file, name) == 0 ? -number : 0;
}

static int refuse_write(int folder, const char *name)
{
	char text[96];

	return sysfs_read(folder, "refuse_write", text, sizeof(text)) < 0 ? 0 : refusal(text, name);
}

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	const char *refused = getenv("KERNEL_REFUSES_READ"), *name;
	char link[64], path[512];
	ssize_t n;
	int r;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = refused ? readlink(link, path, sizeof(path) - 1) : -1;
	if (n < 0)
		return __real_read(fd, bytes, size);
	path[n] = '\0';
	name = strrchr(path, '/');
	r = name ? refusal(refused, name + 1) : 0;
	if (r == 0)
		return __real_read(fd, bytes, size);
	errno = -r;
	return -1;
}

/* ---- time ---- */

/* With FAKE_RESTS=FILE in the environment a rest takes no time, and its ms come as a line into the file:
 * two minutes of waiting for a lock are a number then. */
void __real_rest_ms(unsigned ms);
void __wrap_rest_ms(unsigned ms);

void __wrap_rest_ms(unsigned ms)
{
	const char *path = getenv("FAKE_RESTS");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file) {
		__real_rest_ms(ms);
		return;
	}
	fprintf(file, "%u\n", ms);
	fclose(file);
}

/* ---- a sudden end ---- */

/* With FAKE_KILL=N in the environment the process is killed as it comes to its Nth change of a file that others find: each
 * rename(), unlink() and fsync() of vfpool's own, and the ledger's commit, before it and after. In between SQLite
 * promises all or nothing. With FAKE_RENAME_MS=MS it rests after each rename(), so that others come in between. */
static void change(void)
{
	static int left = -1;

	if (left < 0)
		left = getenv("FAKE_KILL") ? atoi(getenv("FAKE_KILL")) : 0;
	if (left > 0 && --left == 0)
		kill(getpid(), SIGKILL);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
struct ledger;
int __real_ledger_commit(struct ledger *ledger);
int __wrap_ledger_commit(struct ledger *ledger);

int __wrap_rename(const char *from, const char *to)
{
	int r;

	change();
	r = __real_rename(from, to);
	if (getenv("FAKE_RENAME_MS"))
		__real_rest_ms((unsigned)atoi(getenv("FAKE_RENAME_MS")));
	return r;
}

int __wrap_unlink(const char *path)
{
	change();
	return __real_unlink(path);
}

int __wrap_fsync(int fd)
{
	change();
	return __real_fsync(fd);
}

int __wrap_ledger_commit(struct ledger *ledger)
{
	int r;

	change();
	r = __real_ledger_commit(ledger);
	change();
	return r;
}

/* ---- others ---- */

struct error;

/* With FAKE_MEANWHILE="NAME COMMAND" in the environment that command runs as the process comes to read a file of that name
 * for the first time. */
int __real_read_file(const char *path, size_t max, char **ret_text, size_t *ret_size,
		     struct error *err);
int __wrap_read_file(const char *path, size_t max, char **ret_text, size_t *ret_size,
		     struct error *err);

int __wrap_read_file(const char *path, size_t max, char **ret_text, size_t *ret_size,
		     struct error *err)
{
	const char *meanwhile = getenv("FAKE_MEANWHILE"), *name = strrchr(path, '/');
	size_t length = meanwhile ? strcspn(meanwhile, " ") : 0;

	if (length > 0 && name && strncmp(name + 1, meanwhile, length) == 0 && !name[1 + length]) {
		AUTO_FREE char *command = strdup(meanwhile + length);

		unsetenv("FAKE_MEANWHILE");
		(void)!system(command);
	}
	return __real_read_file(path, max, ret_text, ret_size, err);
}

/* ---- drivers ---- */

/* By the `unbind` of the driver that the device in `folder` has, of the device with that address. */
static int unbind(int folder, const char *address)
{
	char path[64], driver[64], is[64];
	AUTO_CLOSE int device = -1;

	if (sysfs_read_link(folder, "driver", driver, sizeof(driver)) < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "../%s", address);
	device = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (device < 0 || sysfs_read_link(device, "driver", is, sizeof(is)) < 0 ||
	    strcmp(is, driver) != 0)
		return -ENODEV;
	return unlinkat(device, "driver", 0) < 0 ? -errno : 0;
}

/* A driver in the tree knows no device by its numbers: it takes those whose override names it, which
 * is all that the kernel does for a VF whose PF has autoprobe off. That none takes it is no error. */
int __wrap_sysfs_probe_driver(int sysfs, const struct vfpool_pci *address)
{
	AUTO_CLOSE int folder = sysfs_open_pci(sysfs, address);
	char driver[64], refused[64] = "", target[96];
	int r;

	if (folder < 0)
		return -ENODEV;
	r = refuse_write(folder, "drivers_probe");
	if (r < 0)
		return r;
	if (has(folder, "driver") ||
	    sysfs_read(folder, "driver_override", driver, sizeof(driver)) < 0 || !*driver ||
	    !sysfs_has_driver(sysfs, driver))
		return 0;
	(void)sysfs_read(folder, "refuse_probe", refused, sizeof(refused));
	if (strcmp(driver, refused) == 0)
		return 0;
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	return symlinkat(target, folder, "driver") < 0 ? -errno : 0;
}

/* ---- message vectors ---- */

/* A tree's VF has one capability: MSI-X. Its message control word, in the file's order. */
static int open_control(int folder, uint8_t word[2], off_t *ret_at)
{
	int fd = openat(folder, "config", O_RDWR | O_CLOEXEC);
	uint8_t at;

	if (fd >= 0 && pread(fd, &at, 1, 0x34) == 1 && pread(fd, word, 2, at + 2) == 2) {
		*ret_at = at + 2;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -EIO;
}

static unsigned count_vectors(int folder)
{
	uint8_t word[2];
	off_t at;
	AUTO_CLOSE int fd = open_control(folder, word, &at);

	return fd < 0 ? 0 : ((word[0] | (unsigned)word[1] << 8) & (VECTORS_MAX - 1)) + 1;
}

static unsigned count_all_vectors(int folder)
{
	unsigned sum = 0;

	for (unsigned i = 0;; i++) {
		AUTO_CLOSE int vf = -1;
		char path[64];

		snprintf(path, sizeof(path), "physfn/virtfn%u", i);
		vf = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (vf < 0)
			return sum;
		sum += count_vectors(vf);
	}
}

static int set_vectors(int folder, const char *text)
{
	AUTO_CLOSE int fd = -1;
	long long total = 0;
	int count = atoi(text);
	uint8_t word[2];
	off_t at;

	(void)sysfs_read_number(folder, "physfn/sriov_vf_total_msix", &total);
	if (total == 0)
		return -EOPNOTSUPP;
	if (has(folder, "driver"))
		return -EBUSY;
	if (count < 1 || count > VECTORS_MAX)
		return -EINVAL;
	if (count_all_vectors(folder) - count_vectors(folder) + (unsigned)count > total)
		return -ENOSPC;
	if (has(folder, "ignores_msix"))
		return 0;
	fd = open_control(folder, word, &at);
	if (fd < 0)
		return fd;
	word[0] = (uint8_t)(count - 1);
	word[1] = (uint8_t)((word[1] & 0xf8) | (count - 1) >> 8);
	return pwrite(fd, word, 2, at) == 2 ? 0 : -EIO;
}

/* A plain file keeps what an attribute of sysfs forgets. */
static void cut(int folder, const char *name)
{
	AUTO_CLOSE int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)!ftruncate(fd, 0);
}

/* The PF's VFs come when they are asked for: those that tree made, and whose links a test took away. */
static int make_vfs(int folder, const char *text)
{
	const unsigned count = (unsigned)atoi(text);
	char self[32], pf[256], vf[64], link[24];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", folder);
	n = readlink(self, pf, sizeof(pf) - 1);
	if (n < 0)
		return -errno;
	pf[n] = '\0';
	for (unsigned i = 0; i < count; i++) {
		snprintf(vf, sizeof(vf), "../%.4s:01:%02x.%x", strrchr(pf, '/') + 1,
			 (8 + i) / 8 % 32, i % 8);
		snprintf(link, sizeof(link), "virtfn%u", i);
		if (faccessat(folder, vf, F_OK, 0) == 0 && symlinkat(vf, folder, link) < 0 &&
		    errno != EEXIST)
			return -errno;
	}
	return 0;
}

int __wrap_sysfs_write(int folder, const char *name, const char *text)
{
	int r = refuse_write(folder, name);

	if (r < 0)
		return r;
	if (strcmp(name, "driver/unbind") == 0)
		return unbind(folder, text);
	if (strcmp(name, "sriov_vf_msix_count") == 0)
		return set_vectors(folder, text);
	if (strcmp(name, "driver_override") == 0 && strcmp(text, "\n") == 0)
		text = "(null)\n";
	cut(folder, name);
	r = __real_sysfs_write(folder, name, text);
	return r == 0 && strcmp(name, "sriov_numvfs") == 0 ? make_vfs(folder, text) : r;
}

/* ---- programs ---- */

/* A test's own in bin/ of its folder are in the place of the system's. */
int __wrap_find_program(const char *name, char **ret_path)
{
	char path[64];

	snprintf(path, sizeof(path), "bin/%s", name);
	if (access(path, X_OK) < 0)
		return __real_find_program(name, ret_path);
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}
