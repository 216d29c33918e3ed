/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses, names, hash, messages, files. */
#include "unit.h"

#include "util/error.h"
#include "util/file.h"
#include "util/name.h"
#include "util/siphash.h"

#include <sys/stat.h>

static void pci_addresses_in_every_form(void **state)
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

static void macs_are_parsed_and_printed(void **state)
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
static void names_of_pools_owners_and_netdevs(void **state)
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

static void texts_of_utf8_are_read_and_escaped(void **state)
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

/* What a shell makes of a line that ends in `word`. */
static void assert_shell_says(const char *word, const char *name, const char *before)
{
	char line[2 * SHELL_WORD_MAX], said[SHELL_WORD_MAX];
	size_t n;
	FILE *shell;

	snprintf(line, sizeof(line), "%sprintf %%s %s", before, word);
	shell = popen(line, "r");
	assert_non_null(shell);
	n = fread(said, 1, sizeof(said) - 1, shell);
	said[n] = '\0';
	assert_int_equal(pclose(shell), 0);
	assert_string_equal(said, name);
}

/* The same, pasted with the quotes in which a message shows its command: 'id' is in no case run. */
static void assert_pasted_runs_no_id(const char *word)
{
	char line[SHELL_WORD_MAX + 80];
	FILE *shell;

	snprintf(line, sizeof(line), "sh 2>&1 <<\\END | grep -c '^uid='\n'true %s'\nEND\n", word);
	shell = popen(line, "r");
	assert_non_null(shell);
	assert_int_equal(fgetc(shell), '0');
	pclose(shell);
}

/* proves: outside */
static void names_in_suggested_commands_run_nothing(void **state)
{
	static const char *const plain[] = { "web", "b\xc3\xbcro-1", "tenant_a.x",
					     "enp1s0f0np0@7" };
	static const char *const hostile[] = {
		"my guest",
		"it's",
		"x; id; echo ",
		"$(id)",
		"`id`",
		"a\\",
		"' ; id ; '",
		"\" ; id ; \"",
		"x' ; id ; echo '",
		"a|id",
		"a&id",
		"a>/tmp/x",
		"~",
		"*",
		"{a,b}",
		"#x",
		"!!",
		"a=~b",
		"'';id;''a'b",
	};
	char word[SHELL_WORD_MAX], name[4] = "a?b";

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_string_equal(name_for_shell(plain[i], word), plain[i]);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		assert_shell_says(name_for_shell(hostile[i], word), hostile[i], "");
		assert_pasted_runs_no_id(word);
	}
	for (char c = ' '; c < 0x7f; c++) {
		name[1] = c;
		assert_shell_says(name_for_shell(name, word), name, "");
	}
	assert_string_equal(name_for_shell("a\nb\x1b\xff", word), "a\\?b\\?\\?");
	assert_string_equal(name_for_shell("web\xe2\x80\xae", word), "web\\?\\?\\?");
	assert_string_equal(name_for_shell("", word), "''");
}

static void a_name_too_long_for_its_word_is_cut_between_characters(void **state)
{
	char name[600], word[SHELL_WORD_MAX];

	(void)state;
	memset(name, ';', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(strlen(name_for_shell(name, word)), 510);
	for (size_t i = 1; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xbc", 2);
	name[0] = 'a';
	name_for_shell(name, word);
	assert_int_equal(strlen(word), 511);
	name_for_shell(name + 1, word);
	assert_int_equal(strlen(word), 510);
}

/* The first vectors of the paper's reference: key 00..0f, data 00, 00 01, …. */
static void siphash_by_the_vectors_of_its_paper(void **state)
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

static int fail_twice(struct error *err)
{
	fail(err, -EIO, "one");
	{
		KEEP_ERROR(err);

		fail(err, -EIO, "two");
	}
	return 0;
}

static void a_kept_error_says_again_what_it_said(void **state)
{
	struct error err;

	(void)state;
	fail_twice(&err);
	assert_string_equal(err.text, "one");
}

static void of_several_failures_the_first_is_told(void **state)
{
	struct first_failure first = { 0 };
	struct error err = { "nothing" };

	(void)state;
	assert_int_equal(first_failure_keep(&first, 0, &err), 0);
	assert_int_equal(first_failure_tell(&first, &err), 0);
	assert_string_equal(err.text, "nothing");
	assert_int_equal(first_failure_keep(&first, fail(&err, -EIO, "one"), &err), -EIO);
	assert_int_equal(first_failure_keep(&first, fail(&err, -ENOENT, "two"), &err), -ENOENT);
	assert_int_equal(first_failure_keep(&first, 0, &err), 0);
	assert_int_equal(first_failure_tell(&first, &err), -EIO);
	assert_string_equal(err.text, "one");
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
		cmocka_unit_test(pci_addresses_in_every_form),
		cmocka_unit_test(macs_are_parsed_and_printed),
		cmocka_unit_test(names_of_pools_owners_and_netdevs),
		cmocka_unit_test(texts_of_utf8_are_read_and_escaped),
		cmocka_unit_test(names_in_suggested_commands_run_nothing),
		cmocka_unit_test(a_name_too_long_for_its_word_is_cut_between_characters),
		cmocka_unit_test(siphash_by_the_vectors_of_its_paper),
		cmocka_unit_test(messages_are_safe_on_a_terminal),
		cmocka_unit_test(a_kept_error_says_again_what_it_said),
		cmocka_unit_test(of_several_failures_the_first_is_told),
		cmocka_unit_test(files_are_written_whole),
	};

	return run_tests(tests);
}
