/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: what is read from them, and what is refused with its line. */
#include "unit.h"

#include "pool/pool.h"
#include "util/error.h"

static struct error err;

static int parse(const char *text, struct vfpool_pool **ret_pool)
{
	return pool_parse(text, strlen(text), "x.xml", ret_pool, &err);
}

static void every_element_of_a_definition_is_read(void **state)
{
	struct vfpool_pool *pool;

	(void)state;
	assert_int_equal(parse("<pool>\n<name>tenant-a</name>\n"
			       "<pf dev='enp1s0f0' numvfs='7' vfs='0-3,6' up='yes'/>\n"
			       "<pf address='0000:82:00.0' numvfs='63'/>\n"
			       "<pf mac='52:54:00:01:02:03' numvfs='2'/>\n"
			       "<placement policy='spread'/><mac prefix='02:aa' seed='s'/>\n"
			       "<vlan proto='802.1ad' qos='3'><tag id='42'/></vlan>\n"
			       "<trust state='on'/><spoofchk state='off'/><link state='on'/>\n"
			       "<rate max='1000' min='10'/><driver name='host'/>"
			       "<vectors count='2048'/></pool>",
			       &pool),
			 0);
	assert_string_equal(pool->name, "tenant-a");
	assert_int_equal(pool->n_pfs, 3);
	assert_int_equal(pool->pfs[0].by, VFPOOL_PF_BY_DEV);
	assert_string_equal(pool->pfs[0].dev, "enp1s0f0");
	assert_int_equal(pool->pfs[0].line, 3);
	assert_true(pool->pfs[0].up);
	assert_true(vfpool_pool_has_vf(&pool->pfs[0], 3));
	assert_false(vfpool_pool_has_vf(&pool->pfs[0], 4));
	assert_true(vfpool_pool_has_vf(&pool->pfs[0], 6));
	assert_int_equal(pool->pfs[1].by, VFPOOL_PF_BY_ADDRESS);
	assert_true(vfpool_pool_has_vf(&pool->pfs[1], 62));
	assert_false(vfpool_pool_has_vf(&pool->pfs[1], 63));
	assert_int_equal(pool->pfs[2].by, VFPOOL_PF_BY_MAC);
	assert_int_equal(pool->placement, VFPOOL_SPREAD);
	assert_int_equal(pool->mac_prefix_len, 2);
	assert_int_equal(pool->mac_prefix[1], 0xaa);
	assert_string_equal(pool->seed, "s");
	assert_int_equal(pool->policy.vlan, 42);
	assert_int_equal(pool->policy.qos, 3);
	assert_int_equal(pool->policy.vlan_proto, 0x88a8);
	assert_true(pool->policy.trust);
	assert_false(pool->policy.spoofchk);
	assert_int_equal(pool->policy.link, VFPOOL_LINK_ON);
	assert_int_equal(pool->policy.max_rate, 1000);
	assert_int_equal(pool->policy.min_rate, 10);
	assert_int_equal(pool->driver, VFPOOL_DRIVER_HOST);
	assert_int_equal(pool->vectors, 2048);
	vfpool_pool_free(pool);
}

static void what_a_definition_leaves_out_has_defaults(void **state)
{
	struct vfpool_pool *pool;

	(void)state;
	assert_int_equal(parse("<pool><pf dev='p' numvfs='1'/><name>n</name></pool>", &pool), 0);
	assert_int_equal(pool->allocate, VFPOOL_BY_VFPOOL);
	assert_int_equal(pool->placement, VFPOOL_PACK);
	assert_int_equal(pool->driver, VFPOOL_DRIVER_VFIO);
	assert_int_equal(pool->mac_prefix_len, 3);
	assert_int_equal(pool->mac_prefix[0], 0xd2);
	assert_true(pool->policy.spoofchk);
	assert_false(pool->policy.trust);
	assert_int_equal(pool->policy.vlan, 0);
	assert_int_equal(pool->vectors, 0);
	assert_null(pool->network);
	vfpool_pool_free(pool);

	assert_int_equal(parse("<pool><name>n</name><pf dev='p' numvfs='1'/>"
			       "<allocate by='libvirt'/></pool>",
			       &pool),
			 0);
	assert_string_equal(pool->network, "n");
	vfpool_pool_free(pool);
}

#define POOL(inner) "<pool>\n<name>n</name>\n<pf dev='p' numvfs='4'/>\n" inner "\n</pool>"

static void what_a_definition_must_not_say_is_refused(void **state)
{
	static const struct {
		const char *text, *line, *says;
	} cases[] = {
		{ "", "x.xml:", "" },
		{ "<pool>\n<name>n</name>\n<pf dev='p'\n</pool>", "x.xml:4:", "" },
		{ "<pool>\n<name>n</name>\n</pool>", "x.xml:", "" },
		{ "<network/>", "x.xml:1:", "" },
		{ POOL("<color/>"), "x.xml:4:", "color" },
		{ POOL("<trust state='on'/>\n<link state='up'/>"),
		  "x.xml:5:", "<link state='up'>" },
		{ "<pool>\n<name>n</name>\n<pf dev='p'/></pool>", "x.xml:3:", "needs numvfs" },
		{ "<pool>\n<name>n</name>\n<pf numvfs='1'/></pool>", "x.xml:3:", "not none" },
		{ "<pool>\n<name>n</name>\n<pf name='p' numvfs='1'/></pool>",
		  "x.xml:3:", "no attribute name" },
		{ "<pool>\n<name>n</name>\n<trust state='off'/>\n<pf address='01:00.0' numvfs='1'/></pool>",
		  "x.xml:4:", "<pf address='01:00.0'" },
		{ POOL("<vlan><tag id='4095'/></vlan>"), "x.xml:4:", "" },
		{ POOL("<vlan><tag id='0'/></vlan>"), "x.xml:4:", "" },
		{ POOL("<trust state='maybe'/>"), "x.xml:4:", "" },
		{ POOL("<mac prefix='03:00:00'/>"), "x.xml:4:", "multicast" },
		{ POOL("<mac prefix='00:00:00'/>"), "x.xml:4:", "zero" },
		{ POOL("<mac prefix='02:00:00:00:00:00'/>"), "x.xml:4:", "" },
		{ POOL("<rate max='10' min='20'/>"), "x.xml:4:", "above" },
		{ POOL("<vectors count='0'/>"), "x.xml:4:", "<vectors count='0'>" },
		{ POOL("<vectors count='2049'/>"), "x.xml:4:", "<vectors count='2049'>" },
		{ POOL("<vectors/>"), "x.xml:4:", "vectors" },
		{ POOL("<network name='x'/>"), "x.xml:", "libvirt" },
		{ POOL("<allocate by='libvirt'/><vlan qos='3'><tag id='4'/></vlan>"),
		  "x.xml:", "qos" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' numvfs='4' vfs='2-4'/></pool>",
		  "x.xml:3:", "VFs 0 to 3" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' numvfs='4' vfs='3-2'/></pool>",
		  "x.xml:3:", "" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' numvfs='4' vfs='0-2,2'/></pool>",
		  "x.xml:3:", "VF 2 twice" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' numvfs='0'/></pool>", "x.xml:3:", "" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' numvfs='70000'/></pool>", "x.xml:3:", "" },
		{ "<pool>\n<name>n</name>\n<pf dev='p/q' numvfs='1'/></pool>", "x.xml:3:", "" },
		{ "<pool>\n<name>n</name>\n<pf dev='p' address='0000:01:00.0' numvfs='1'/></pool>",
		  "x.xml:3:", "" },
		{ "<pool>\n<name>../n</name>\n<pf dev='p' numvfs='1'/></pool>", "x.xml:2:", "" },
		{ "<!DOCTYPE pool [<!ENTITY a 'x'>]>\n<pool><name>&a;</name>"
		  "<pf dev='p' numvfs='1'/></pool>",
		  "x.xml:1:", "document type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfpool_pool *pool = NULL;

		err.text[0] = '\0';
		assert_int_equal(parse(cases[i].text, &pool), -EINVAL);
		assert_null(pool);
		print_message("# %s\n", err.text);
		if (!strstr(err.text, cases[i].line) || !strstr(err.text, cases[i].says))
			test_fail("case %zu: '%s' has not '%s' and '%s'", i, err.text,
				  cases[i].line, cases[i].says);
	}
}

/* A definition can't make vfpool read a file, or grow without bound. */
/* proves: outside */
static void hostile_xml_reads_no_file_and_stays_small(void **state)
{
	struct vfpool_pool *pool = NULL;
	char *large = malloc(POOL_TEXT_MAX + 1);

	(void)state;
	assert_int_equal(
		parse("<!DOCTYPE pool [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
		      "<pool><name>n</name><pf dev='p' numvfs='1'/><mac seed='&a;'/></pool>",
		      &pool),
		-EINVAL);
	assert_non_null(large);
	memset(large, ' ', POOL_TEXT_MAX + 1);
	assert_int_equal(pool_parse(large, POOL_TEXT_MAX + 1, "x.xml", &pool, &err), -EFBIG);
	free(large);
	assert_null(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_element_of_a_definition_is_read),
		cmocka_unit_test(what_a_definition_leaves_out_has_defaults),
		cmocka_unit_test(what_a_definition_must_not_say_is_refused),
		cmocka_unit_test(hostile_xml_reads_no_file_and_stays_small),
	};

	return run_tests(tests);
}
