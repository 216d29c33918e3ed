/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making VFs, where a tree of files can show it: a write that hangs, and one
 * whose VFs never come. What goes well is shown in the lab. */
#include "unit.h"

#include "host/host.h"
#include "host/sysfs.h"
#include "util/error.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct error err;
static char root[64], numvfs[160];
static const struct vfpool_pf pf = { .address = { .bus = 1 }, .netdev = (char *)"p" };

static int set_up(void **state)
{
	static const char *const folders[] = { "/bus", "/bus/pci", "/bus/pci/devices",
					       "/bus/pci/devices/0000:01:00.0" };
	char path[128];

	(void)state;
	strcpy(root, "/tmp/vfpool-unit.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	snprintf(numvfs, sizeof(numvfs), "%s/sriov_numvfs", path);
	return 0;
}

static struct host make_host(void)
{
	struct host host = { .proc = "/proc", .patience = 1, .err = &err };

	host.sysfs = sysfs_open(root);
	assert_true(host.sysfs >= 0);
	return host;
}

static int lock_is_free(const char *address, int holder)
{
	char path[128], text[16] = "";
	bool is_free;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.lock", root, address);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (holder) {
		assert_true(read(fd, text, sizeof(text) - 1) > 0);
		assert_int_equal(atoi(text), holder);
	}
	close(fd);
	return is_free;
}

/* The write into a fifo that nobody reads sleeps, as in a driver that hangs. */
/* proves: says-so */
static void a_write_that_hangs(void **state)
{
	const struct vfpool_pf other = { .address = { .bus = 2 } };
	struct host host = make_host();
	int child, lock, other_lock;

	(void)state;
	host.run_dir = root;
	assert_int_equal(host_lock_pf(&host, &pf, &lock), 0);
	assert_int_equal(host_lock_pf(&host, &other, &other_lock), 0);
	assert_int_equal(mkfifo(numvfs, 0600), 0);
	assert_int_equal(host_make_vfs(&host, &pf, 2, lock), -ETIMEDOUT);
	assert_int_equal(sscanf(err.text,
				"process %d, which writes sriov_numvfs of 0000:01:00.0, hangs",
				&child),
			 1);
	/* It keeps that PF's lock, and no other's; who waits is told its number. */
	close(lock);
	close(other_lock);
	assert_int_equal(lock_is_free("0000:01:00.0", child), 0);
	assert_int_equal(lock_is_free("0000:02:00.0", 0), 1);
	for (int fd = 0; fd <= 2; fd++) { /* and nobody waits for the end of what it never prints */
		char link[64], target[64] = "";

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", child, fd);
		assert_true(readlink(link, target, sizeof(target) - 1) > 0);
		assert_string_equal(target, "/dev/null");
	}
	assert_int_equal(kill(child, SIGKILL), 0); /* it is there, as the message says */
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(host.sysfs);
}

static void vfs_that_never_come(void **state)
{
	struct host host = make_host();
	char text[8] = "";
	int fd;

	(void)state;
	fd = open(numvfs, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(host_make_vfs(&host, &pf, 2, -1), -ETIMEDOUT);
	assert_string_equal(err.text, "2 VFs were asked for, 0 have come");
	assert_int_equal(read(fd, text, sizeof(text) - 1), 1);
	assert_string_equal(text, "2");
	close(fd);
	close(host.sysfs);
}

static void a_pf_without_the_file(void **state)
{
	struct host host = make_host();

	(void)state;
	assert_int_equal(host_make_vfs(&host, &pf, 2, -1), -ENOENT);
	assert_string_equal(
		err.text,
		"writing 2 to sriov_numvfs: No such file or directory (the PF has no driver)");
	close(host.sysfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_write_that_hangs, set_up),
		cmocka_unit_test_setup(vfs_that_never_come, set_up),
		cmocka_unit_test_setup(a_pf_without_the_file, set_up),
	};

	return run_tests(tests);
}
