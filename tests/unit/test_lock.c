/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PF's lock, and who has it. */
#include "unit.h"

#include "host/host.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/file.h>

static const struct vfpool_pf pf = { .address = { .bus = 1 } };

/* Takes the lock while somebody has it who has written `signature` there; it has been waited for in vain
 * already, so that this is told at once. */
static void assert_fails_saying(const char *signature, const char *said)
{
	char folder[] = "/tmp/vfpool-unit.XXXXXX", path[80];
	struct vfpool_pci stuck = pf.address;
	struct error err = { "" };
	struct host host = { .run_dir = folder, .err = &err, .stuck = &stuck, .n_stuck = 1 };
	int fd, lock = -1;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/0000:01:00.0.lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, signature, strlen(signature)), strlen(signature));
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(host_lock_pf(&host, &pf, &lock), -ETIMEDOUT);
	assert_int_equal(lock, -1);
	if (!strstr(err.text, said) || strstr(err.text, "process )") || strstr(err.text, "/proc//"))
		test_fail("%s\n", err.text);
	close(fd);
	unlink(path);
	rmdir(folder);
}

static void a_signed_lock_names_its_process(void **state)
{
	(void)state;
	assert_fails_saying("4711\n", "another vfpool (process 4711) has held");
	assert_fails_saying("4711\n", "'cat /proc/4711/stack' tells");
}

static void an_unsigned_lock_says_how_to_find_its_process(void **state)
{
	(void)state;
	assert_fails_saying("", "'lslocks'");
	assert_fails_saying("x\n", "'lslocks'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_lock_names_its_process),
		cmocka_unit_test(an_unsigned_lock_says_how_to_find_its_process),
	};

	return run_tests(tests);
}
