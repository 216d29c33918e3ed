/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses, names, hash, messages, files. */
#include "unit.h"

#include "util/error.h"
#include "util/file.h"
#include "util/name.h"
#include "util/siphash.h"

#include <sys/stat.h>

static void pci_addresses(void **state)
{
	static const char *const bad[] = {
		"",
		"0000:01:10",
		"0000:01:20.0",
		"0000:01:10.8",
		"000:01:10.0",
		"0000:01:10.0 ",
		"0000-01-10.0",
		"0000:1:10.0",
		"00000000f:01:10.0",
		"0000:01:10.",
	};
	struct vfpool_pci address;
	char text[VFPOOL_PCI_TEXT];

	(void)state;
	assert_int_equal(vfpool_pci_parse("0000:01:1F.7", &address), 0);
	vfpool_pci_format(&address, text);
	assert_string_equal(text, "0000:01:1f.7");
	assert_int_equal(vfpool_pci_parse("10000:e1:00.0", &address), 0);
	vfpool_pci_format(&address, text);
	assert_string_equal(text, "10000:e1:00.0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vfpool_pci_parse(bad[i], &address), -EINVAL);
}

static void macs(void **state)
{
	static const char *const bad[] = {
		"",
		"02:00:00:00:00",
		"02:00:00:00:00:0",
		"02:00:00:00:00:00:",
		"02-00-00-00-00-00",
		"g2:00:00:00:00:00",
	};
	struct vfpool_mac mac;
	char text[VFPOOL_MAC_TEXT];

	(void)state;
	assert_int_equal(vfpool_mac_parse("02:AB:00:00:00:ff", &mac), 0);
	vfpool_mac_format(&mac, text);
	assert_string_equal(text, "02:ab:00:00:00:ff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vfpool_mac_parse(bad[i], &mac), -EINVAL);
}

/* proves: outside */
static void names(void **state)
{
	(void)state;
	assert_true(pool_name_is_valid("tenant-a_1.x"));
	assert_false(pool_name_is_valid(""));
	assert_false(pool_name_is_valid("../etc"));
	assert_false(pool_name_is_valid(".hidden"));
	assert_false(pool_name_is_valid("a/b"));
	assert_true(owner_name_is_valid("it's <a> & \"b\""));
	assert_true(owner_name_is_valid("b\xc3\xbcro"));
	assert_false(owner_name_is_valid(""));
	assert_false(owner_name_is_valid("--json"));
	assert_false(owner_name_is_valid(" web"));
	assert_false(owner_name_is_valid("web\n"));
	assert_false(owner_name_is_valid("a\x1b[2J"));
	assert_false(owner_name_is_valid("a\xc2\x9b"
					 "2J")); /* C1's CSI */
	assert_false(owner_name_is_valid("a\xff"));
	assert_false(owner_name_is_valid("a\xc0\xaf")); /* overlong '/' */
	assert_false(owner_name_is_valid("a\xe2\x82")); /* cut off */
	assert_false(owner_name_is_valid("a/b"));
	assert_false(owner_name_is_valid("web\xe2\x80\xae"
					 "bew"));               /* turns what follows */
	assert_false(owner_name_is_valid("web\xe2\x80\x8b"));   /* zero-width */
	assert_false(owner_name_is_valid("a\xed\xa0\x80"));     /* a surrogate */
	assert_false(owner_name_is_valid("a\xf5\x80\x80\x80")); /* beyond Unicode */
	assert_false(owner_name_is_valid("a\x80"));
	assert_false(netdev_name_is_valid("br\xe2\x80\xae"));
	assert_true(netdev_name_is_valid("enp1s0f0np0"));
	assert_false(netdev_name_is_valid(".."));
	assert_false(netdev_name_is_valid("eth0\"x"));
}

static void texts(void **state)
{
	char text[] = "a\r\nb\tc\xf0\x9f\x98\x80"
		      "d\re\xe2\x80\xa8";
	uint32_t code;

	(void)state;
	assert_int_equal(utf8_read("\xf0\x9f\x98\x80", &code), 4);
	assert_int_equal(code, 0x1f600);
	assert_int_equal(utf8_read("\xf4\x8f\xbf\xbf", &code), 4);
	assert_int_equal(utf8_read("\xf4\x90\x80\x80", &code), 0);
	assert_int_equal(utf8_read("\xe0\x9f\xbf", &code), 0); /* overlong */
	make_lines_printable(text);
	assert_string_equal(text, "a\r\nb\tc\xf0\x9f\x98\x80"
				  "d?e???");
	cut_text(text, 10);
	assert_string_equal(text, "a\r\nb\tc\xf0\x9f\x98\x80");
	cut_text(text, 9);
	assert_string_equal(text, "a\r\nb\tc");
	cut_text(text, 9);
	assert_string_equal(text, "a\r\nb\tc");
}

/* The first vectors of the paper's reference: key 00..0f, data 00, 00 01, …. */
static void siphash_vectors(void **state)
{
	uint8_t key[16], data[16];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = data[i] = i;
	assert_true(siphash24(key, data, 0) == 0x726fdb47dd0e0e31);
	assert_true(siphash24(key, data, 1) == 0x74f839c593dc67fd);
	assert_true(siphash24(key, data, 8) == 0x93f5f5799a932462);
	assert_true(siphash24(key, data, 15) == 0xa129ca6149be45e5);
}

/* proves: outside */
static void messages_are_safe_on_a_terminal(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(fail(&err, -EIO, "bad %s", "a\x1b[31m\n"), -EIO);
	assert_string_equal(err.text, "bad a?[31m?");
	fail(&err, -EIO,
	     "\xc2\x9b"
	     "2J b\xc3\xbcro");
	assert_string_equal(err.text, "??2J b\xc3\xbcro");
	fail(&err, -EIO, "bad %s", "a\x1b[31m\n");
	fail_while(&err, -EIO, "reading %d", 7);
	assert_string_equal(err.text, "reading 7: bad a?[31m?");
	assert_int_equal(fail_errno(&err, -ENOENT, "opening x"), -ENOENT);
	assert_string_equal(err.text, "opening x: No such file or directory");
}

static void files_are_written_whole(void **state)
{
	char folder[] = "/tmp/vfpool-unit.XXXXXX", path[64], deep[64];
	struct error err;
	struct stat info;
	char *text;
	size_t size;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(deep, sizeof(deep), "%s/a/b", folder);
	snprintf(path, sizeof(path), "%s/a/b/file", folder);
	assert_int_equal(make_dirs(deep, 0700, &err), 0);
	assert_int_equal(make_dirs(deep, 0700, &err), 0);
	assert_int_equal(write_file(path, "one", 3, 0644, &err), 0);
	assert_int_equal(write_file(path, "two", 3, 0644, &err), 0);
	assert_int_equal(read_file(path, 3, &text, &size, &err), 0);
	assert_string_equal(text, "two");
	free(text);
	assert_int_equal(read_file(path, 2, &text, &size, &err), -EFBIG);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0644);
	assert_int_equal(write_file("/nonexistent/x", "x", 1, 0644, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/x"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pci_addresses),
		cmocka_unit_test(macs),
		cmocka_unit_test(names),
		cmocka_unit_test(texts),
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(messages_are_safe_on_a_terminal),
		cmocka_unit_test(files_are_written_whole),
	};

	return run_tests(tests);
}
