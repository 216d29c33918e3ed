/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pure decisions: do definitions agree, which PF, which MAC, which steps. */
#include "unit.h"

#include "pool/pool.h"
#include "util/error.h"

static struct error err;

static struct vfpool_pool pool_a = { .name = (char *)"a", .file = (char *)"a.xml" };
static struct vfpool_pool pool_b = { .name = (char *)"b", .file = (char *)"b.xml" };

static struct vfpool_pf make_pf(void)
{
	return (struct vfpool_pf){
		.address = { .bus = 1 },
		.netdev = (char *)"p",
		.is_network = true,
		.totalvfs = 8,
		.up = true,
	};
}

static int check(const struct vfpool_pool_pf *a, const struct vfpool_pool_pf *b,
		 const struct vfpool_pf *pf)
{
	const struct pool_claim claims[] = { { &pool_a, a, pf }, { &pool_b, b, pf } };

	return pool_check_claims(claims, 2, &err);
}

static void pools_on_one_pf_must_agree(void **state)
{
	struct vfpool_pf pf = make_pf();
	struct vfpool_range low = { 0, 3 }, high = { 4, 7 }, middle = { 3, 5 };
	struct vfpool_pool_pf a = {
		.dev = (char *)"p", .numvfs = 8, .vfs = &low, .n_vfs = 1, .line = 3
	};
	struct vfpool_pool_pf b = {
		.by = VFPOOL_PF_BY_ADDRESS, .numvfs = 8, .vfs = &high, .n_vfs = 1, .line = 4
	};

	(void)state;
	assert_int_equal(check(&a, &b, &pf), 0);
	b.vfs = &middle;
	assert_int_equal(check(&a, &b, &pf), -EINVAL);
	assert_string_equal(err.text,
			    "b.xml:4: VF 3 is already in pool a (a.xml:3); give each pool its "
			    "own with vfs='…'");
	assert_int_equal(check(&a, &b, NULL), 0); /* other selectors, no PF to tell */
	b.vfs = &high;
	b.numvfs = 9;
	assert_int_equal(check(&a, &b, &pf), -EINVAL);
	b.numvfs = 8;
	b.up = true;
	assert_int_equal(check(&a, &b, &pf), -EINVAL);
	assert_non_null(strstr(err.text, "up='yes', but a.xml:3 has up='no'"));
	b.up = false;
	a.numvfs = b.numvfs = 9;
	assert_int_equal(check(&a, &b, &pf), -EINVAL);
	assert_string_equal(err.text, "a.xml:3: numvfs='9', but p has 8 VFs at most");
}

static void vectors_that_the_card_has(void **state)
{
	struct vfpool_pool few = { .name = (char *)"a", .file = (char *)"a.xml", .vectors = 8 };
	struct vfpool_pool many = { .name = (char *)"b", .file = (char *)"b.xml", .vectors = 16 };
	struct vfpool_pf pf = make_pf();
	struct vfpool_range low = { 0, 3 }, high = { 4, 7 };
	struct vfpool_pool_pf a = {
		.dev = (char *)"p", .numvfs = 8, .vfs = &low, .n_vfs = 1, .line = 3
	};
	struct vfpool_pool_pf b = {
		.dev = (char *)"p", .numvfs = 8, .vfs = &high, .n_vfs = 1, .line = 4
	};
	const struct pool_claim claims[] = { { &few, &a, &pf }, { &many, &b, &pf } };

	(void)state;
	assert_int_equal(pool_check_claims(claims, 2, &err),
			 0); /* a card that can't is apply's to tell */
	pf.vf_total_msix = -1;
	assert_int_equal(pool_check_claims(claims, 2, &err), 0);
	pf.vf_total_msix = 4 * 8 + 4 * 16;
	assert_int_equal(pool_check_claims(claims, 2, &err), 0);
	pf.vf_total_msix--;
	assert_int_equal(pool_check_claims(claims, 2, &err), -EINVAL);
	assert_string_equal(err.text,
			    "b.xml:4: <vectors count='16'/> makes 96 message vectors with the PF's "
			    "other pools, but p has 95 for all its VFs");
	assert_int_equal(pool_check_claims(claims, 1, &err), 0);
	pf.vf_total_msix = 31;
	assert_int_equal(pool_check_claims(claims, 1, &err), -EINVAL);
	assert_string_equal(err.text,
			    "a.xml:3: <vectors count='8'/> makes 32 message vectors, but p has 31 "
			    "for all its VFs");
}

static void a_pf_twice_in_a_pool(void **state)
{
	struct vfpool_pf pf = make_pf();
	struct vfpool_range low = { 0, 3 }, high = { 4, 7 };
	struct vfpool_pool_pf a = {
		.dev = (char *)"p", .numvfs = 8, .vfs = &low, .n_vfs = 1, .line = 3
	};
	struct vfpool_pool_pf b = {
		.dev = (char *)"p", .numvfs = 8, .vfs = &high, .n_vfs = 1, .line = 4
	};
	const struct pool_claim claims[] = { { &pool_a, &a, &pf }, { &pool_a, &b, &pf } };

	(void)state;
	assert_int_equal(pool_check_claims(claims, 2, &err), -EINVAL);
	assert_non_null(strstr(err.text, "a.xml:4: the PF is in the pool already (line 3)"));
}

/* proves: looked-up */
static void a_pf_is_known_by_name_address_or_mac(void **state)
{
	char *names[] = { (char *)"old", (char *)"older" };
	struct vfpool_pf pf = make_pf();
	struct vfpool_pool_pf want = { .by = VFPOOL_PF_BY_DEV, .dev = (char *)"older" };

	(void)state;
	assert_false(pool_pf_matches(&want, &pf));
	pf.altnames = names;
	pf.n_altnames = 2;
	assert_true(pool_pf_matches(&want, &pf));
	want.by = VFPOOL_PF_BY_MAC;
	assert_false(pool_pf_matches(&want, &pf)); /* a PF without a MAC has not the zero MAC */
	pf.has_mac = true;
	assert_true(pool_pf_matches(&want, &pf));
}

static void placement_packs_or_spreads_over_pfs(void **state)
{
	struct placement_pf pfs[] = {
		{ .n_free = 0, .n_leased = 5 },
		{ .n_free = 1, .n_leased = 3 },
		{ .n_free = 1, .n_leased = 1 },
		{ .n_free = 1, .n_leased = 9 },
	};

	(void)state;
	assert_int_equal(placement_choose(VFPOOL_PACK, pfs, 3), 1);
	assert_int_equal(placement_choose(VFPOOL_SPREAD, pfs, 3), 2);
	/* What is preferred goes before. */
	pfs[3].preferred = true;
	assert_int_equal(placement_choose(VFPOOL_PACK, pfs, 4), 3);
	assert_int_equal(placement_choose(VFPOOL_SPREAD, pfs, 4), 3);
	pfs[3].n_free = 0;
	assert_int_equal(placement_choose(VFPOOL_SPREAD, pfs, 4), 2);
	pfs[1].n_free = pfs[2].n_free = 0;
	assert_int_equal(placement_choose(VFPOOL_PACK, pfs, 3), -VFPOOL_ENOVF);
	assert_int_equal(placement_choose(VFPOOL_SPREAD, pfs, 0), -VFPOOL_ENOVF);
}

/* proves: one-holder mac-stays */
static void macs_are_stable_and_apart(void **state)
{
	struct vfpool_pool pool = { .name = (char *)"p",
				    .mac_prefix = { 0x02, 0x56, 0x46 },
				    .mac_prefix_len = 3 };
	struct vfpool_mac one, two;
	char text[VFPOOL_MAC_TEXT];

	(void)state;
	mac_make(&pool, "seed", MAC_LEASE, "web\n0", 0, &one);
	mac_make(&pool, "seed", MAC_LEASE, "web\n0", 0, &two);
	assert_true(vfpool_mac_equal(&one, &two));
	vfpool_mac_format(&one, text);
	/* Pinned: another value would change the MACs of every guest in the field. */
	assert_string_equal(text, "02:56:46:60:0c:5d");
	mac_make(&pool, "other", MAC_LEASE, "web\n0", 0, &two);
	assert_false(vfpool_mac_equal(&one, &two));
	mac_make(&pool, "seed", MAC_LEASE, "web\n1", 0, &two);
	assert_false(vfpool_mac_equal(&one, &two));
	mac_make(&pool, "seed", MAC_LEASE, "web\n0", 1, &two);
	assert_false(vfpool_mac_equal(&one, &two));
	pool.mac_prefix_len = 5;
	for (unsigned i = 0; i < 200; i++) {
		mac_make(&pool, "seed", MAC_LEASE, "web", i, &one);
		mac_make(&pool, "seed", MAC_PARKING, "web", i, &two);
		assert_int_equal(memcmp(one.byte, pool.mac_prefix, 5), 0);
		assert_int_equal(one.byte[5] & 0x80, 0);
		assert_int_equal(two.byte[5] & 0x80, 0x80);
	}
}

/* ---- the plan ---- */

static struct vfpool_vf vfs[2];
static struct wanted_pf want_pf;
static struct wanted_vf want_vfs[2];
static struct wanted wanted;
static struct vfpool_pf plan_pf;

static void set_plan_up(void)
{
	plan_pf = make_pf();
	plan_pf.vfs = vfs;
	plan_pf.n_vfs = 2;
	want_pf = (struct wanted_pf){ &plan_pf, 2, true };
	for (unsigned i = 0; i < 2; i++) {
		want_vfs[i] = (struct wanted_vf){
			.pf = plan_pf.address,
			.index = i,
			.settings = { .have = VFPOOL_ATTR_MAC | VFPOOL_ATTR_VLAN,
				      .vlan = 42,
				      .vlan_proto = 0x8100,
				      .mac = { { 2, 0, 0, 0, 0, (uint8_t)i } } },
		};
		vfs[i] = (struct vfpool_vf){
			.index = i,
			.driver = (char *)"vfio-pci",
			.programmed = want_vfs[i].settings,
		};
	}
	wanted = (struct wanted){ &want_pf, 1, want_vfs, 2 };
}

static struct vfpool_plan *make_plan(bool live)
{
	struct vfpool_plan *plan = calloc(1, sizeof(*plan));

	assert_non_null(plan);
	assert_int_equal(plan_make(&wanted, live, plan), 0);
	return plan;
}

/* The kinds of the steps as letters, in order. */
static void expect_plan(bool live, const char *kinds)
{
	static const char letters[] = {
		[VFPOOL_STEP_AUTOPROBE_OFF] = 'a',
		[VFPOOL_STEP_MAKE_VFS] = 'm',
		[VFPOOL_STEP_UP] = 'u',
		[VFPOOL_STEP_PROGRAM] = 'p',
		[VFPOOL_STEP_BIND] = 'b',
		[VFPOOL_STEP_REFUSED] = 'r',
		[VFPOOL_STEP_VECTORS] = 'v',
	};
	struct vfpool_plan *plan = make_plan(live);
	char is[32] = "";

	for (size_t i = 0; i < plan->n_steps; i++)
		is[i] = letters[plan->steps[i].kind];
	assert_string_equal(is, kinds);
	vfpool_plan_free(plan);
}

/* proves: twice */
static void a_plan_when_nothing_is_to_do(void **state)
{
	(void)state;
	set_plan_up();
	expect_plan(false, "");
}

static void a_plan_that_makes_vfs_from_nothing(void **state)
{
	(void)state;
	set_plan_up();
	plan_pf.n_vfs = 0;
	plan_pf.up = false;
	plan_pf.autoprobe = true;
	expect_plan(false, "uampbpb");
}

/* proves: twice */
static void a_plan_has_only_what_differs(void **state)
{
	struct vfpool_plan *plan;

	(void)state;
	set_plan_up();
	vfs[1].programmed.vlan = 0;
	plan = make_plan(false);
	assert_int_equal(plan->n_steps, 1);
	assert_int_equal(plan->steps[0].vf, 1);
	assert_int_equal(plan->steps[0].to.have, VFPOOL_ATTR_VLAN);
	vfpool_plan_free(plan);
}

/* proves: in-use */
static void a_plan_for_another_number_of_vfs(void **state)
{
	(void)state;
	set_plan_up();
	want_pf.numvfs = 3; /* nobody has a VF: through zero */
	expect_plan(false, "mpbpb");
	vfs[0].busy = (char *)"a guest has it";
	expect_plan(false, "r");
	vfs[0].busy = NULL;
	vfs[1].owner = (char *)"web";
	expect_plan(false, "r");
	want_pf.numvfs = 1; /* more than defined, in use */
	wanted.n_vfs = 1;
	expect_plan(false, "r");
}

/* proves: in-use */
static void busy_vfs_are_left_alone(void **state)
{
	(void)state;
	set_plan_up();
	vfs[0].busy = (char *)"a guest has it";
	expect_plan(false, "");
	vfs[0].programmed.vlan = 7;
	expect_plan(false, "r");
	expect_plan(true, "p");
	want_vfs[0].leave_busy = true;
	expect_plan(true, "");
	want_vfs[0].leave_busy = false;
	vfs[0].driver = (char *)"igbvf"; /* not even --live takes its driver away */
	expect_plan(true, "r");
}

static void switchdev_is_not_for_us(void **state)
{
	(void)state;
	set_plan_up();
	plan_pf.n_vfs = 0;
	plan_pf.eswitch = (char *)"switchdev";
	expect_plan(false, "r");
	plan_pf.eswitch = (char *)"legacy";
	expect_plan(false, "mpbpb");
}

static void a_plan_that_binds_and_unbinds_drivers(void **state)
{
	(void)state;
	set_plan_up();
	vfs[0].driver = NULL;
	vfs[1].driver = (char *)"igbvf";
	expect_plan(false, "bb");
	want_vfs[0].driver = VFPOOL_DRIVER_NONE;
	want_vfs[1].driver = VFPOOL_DRIVER_HOST;
	expect_plan(false, "");
	vfs[1].driver = (char *)"vfio-pci";
	expect_plan(false, "b");
}

static void a_plan_that_moves_message_vectors(void **state)
{
	struct vfpool_plan *plan;

	(void)state;
	set_plan_up();
	plan_pf.vf_total_msix = 64;
	vfs[0].vectors = vfs[1].vectors = 8;
	expect_plan(false, ""); /* nobody asks for a number */
	want_vfs[0].vectors = want_vfs[1].vectors = 8;
	expect_plan(false, "");
	want_vfs[1].vectors = 16;
	plan = make_plan(false);
	assert_int_equal(plan->n_steps, 2);
	assert_int_equal(plan->steps[0].kind, VFPOOL_STEP_VECTORS);
	assert_int_equal(plan->steps[0].vf, 1);
	assert_int_equal(plan->steps[0].count_from, 8);
	assert_int_equal(plan->steps[0].count, 16);
	assert_string_equal(plan->steps[0].driver_from, "vfio-pci");
	assert_string_equal(plan->steps[1].driver_from, ""); /* it was taken away */
	assert_string_equal(plan->steps[1].driver, "vfio-pci");
	vfpool_plan_free(plan);
	vfs[1].programmed.vlan = 0;
	expect_plan(false, "vpb");
	want_vfs[1].driver = VFPOOL_DRIVER_NONE;
	expect_plan(false, "vp");
	plan_pf.n_vfs = 0;
	want_vfs[1].driver = VFPOOL_DRIVER_VFIO;
	expect_plan(false, "mvpbvpb");
}

/* proves: in-use */
static void vectors_of_busy_vfs(void **state)
{
	(void)state;
	set_plan_up();
	plan_pf.vf_total_msix = 64;
	vfs[0].vectors = 8;
	want_vfs[0].vectors = 16;
	vfs[0].busy = (char *)"a guest has it";
	expect_plan(false, "r");
	expect_plan(true, "r"); /* not even --live */
	vfs[0].programmed.vlan = 7;
	expect_plan(false, "rr");
	expect_plan(true, "pr");
	want_vfs[0].leave_busy = true;
	expect_plan(true, "");
}

static void vectors_that_cant_be_set(void **state)
{
	struct vfpool_plan *plan;

	(void)state;
	set_plan_up();
	want_vfs[0].vectors = want_vfs[1].vectors = 16;
	vfs[1].programmed.vlan = 0;
	plan = make_plan(false); /* once for the PF, and the rest goes on */
	assert_int_equal(plan->n_steps, 2);
	assert_int_equal(plan->steps[0].kind, VFPOOL_STEP_PROGRAM);
	assert_int_equal(plan->steps[1].kind, VFPOOL_STEP_REFUSED);
	assert_int_equal(plan->steps[1].result, VFPOOL_STEP_FAILED);
	assert_false(plan->steps[1].has_vf);
	vfpool_plan_free(plan);
	plan_pf.vf_total_msix = -1; /* not known now */
	plan = make_plan(false);
	assert_int_equal(plan->n_steps, 1);
	assert_int_equal(plan->n_notes, 1);
	vfpool_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_on_one_pf_must_agree),
		cmocka_unit_test(vectors_that_the_card_has),
		cmocka_unit_test(a_pf_twice_in_a_pool),
		cmocka_unit_test(a_pf_is_known_by_name_address_or_mac),
		cmocka_unit_test(placement_packs_or_spreads_over_pfs),
		cmocka_unit_test(macs_are_stable_and_apart),
		cmocka_unit_test(a_plan_when_nothing_is_to_do),
		cmocka_unit_test(a_plan_that_makes_vfs_from_nothing),
		cmocka_unit_test(a_plan_has_only_what_differs),
		cmocka_unit_test(a_plan_for_another_number_of_vfs),
		cmocka_unit_test(busy_vfs_are_left_alone),
		cmocka_unit_test(switchdev_is_not_for_us),
		cmocka_unit_test(a_plan_that_binds_and_unbinds_drivers),
		cmocka_unit_test(a_plan_that_moves_message_vectors),
		cmocka_unit_test(vectors_of_busy_vfs),
		cmocka_unit_test(vectors_that_cant_be_set),
	};

	return run_tests(tests);
}
