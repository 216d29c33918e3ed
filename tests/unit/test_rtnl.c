/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programming and reading VFs, against a peer that behaves as the kernel. */
#include "unit.h"

#include "host/host.h"
#include "host/rtnl.h"
#include "peer.h"
#include "util/error.h"

static struct error err;
static struct host host = { .sysfs = -1, .err = &err };
static const struct vfpool_pf pf = { .netdev = (char *)"p",
				     .ifindex = PEER_IFINDEX,
				     .carrier = true };

#define MAX_STEPS 512
static struct vfpool_step steps[MAX_STEPS], *pointers[MAX_STEPS];

static void make_steps(unsigned n, const struct vfpool_settings *to)
{
	for (unsigned i = 0; i < n; i++) {
		steps[i] = (struct vfpool_step){ .vf = i, .to = *to };
		steps[i].to.mac.byte[0] = 2;
		steps[i].to.mac.byte[4] = (uint8_t)(i >> 8);
		steps[i].to.mac.byte[5] = (uint8_t)i;
		pointers[i] = &steps[i];
	}
}

static const struct vfpool_settings all = {
	.have = VFPOOL_ATTR_GUID - 1,
	.vlan = 42,
	.qos = 3,
	.vlan_proto = 0x8100,
	.min_rate = 1,
	.max_rate = 1000,
	.spoofchk = true,
	.trust = true,
	.rss_query = true,
	.link = VFPOOL_LINK_ON,
};

static void free_texts(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(steps[i].text);
		steps[i].text = NULL;
	}
}

static unsigned count(enum vfpool_step_result result, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += steps[i].result == result;
	return found;
}

static void groups_grow_to_64(void **state)
{
	(void)state;
	peer_reset(300);
	make_steps(300, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 300), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 300), 300);
	assert_int_equal(peer.largest, 64);
	assert_int_equal(peer.messages, 10); /* 1 2 4 8 16 32, then 64 64 64 and the rest */
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(vfpool_settings_differ(&peer.vfs[i], &steps[i].to), 0);
}

/* proves: says-so */
static void the_culprit_has_a_name(void **state)
{
	(void)state;
	peer_reset(64);
	peer.culprit = 20;
	peer.culprit_attr = VFPOOL_ATTR_RATE;
	peer.error = -EINVAL;
	make_steps(64, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 64), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 64), 63);
	assert_int_equal(steps[20].result, VFPOOL_STEP_FAILED);
	assert_int_equal(steps[20].failed, VFPOOL_ATTR_RATE);
	assert_non_null(strstr(steps[20].text, "rate max 1000 min 1: Invalid argument"));
	/* All else of it, and its neighbours, were programmed. */
	assert_int_equal(vfpool_settings_differ(&peer.vfs[20], &steps[20].to), VFPOOL_ATTR_RATE);
	assert_int_equal(vfpool_settings_differ(&peer.vfs[19], &steps[19].to), 0);
	assert_int_equal(vfpool_settings_differ(&peer.vfs[21], &steps[21].to), 0);
	free_texts(64);
}

static void a_vf_in_reset_is_no_culprit(void **state)
{
	(void)state;
	peer_reset(8);
	peer.culprit = 3;
	peer.culprit_attr = VFPOOL_ATTR_MAC;
	peer.error = -EAGAIN;
	peer.refusals = 4;
	make_steps(8, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 8), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 8), 8);
}

/* proves: read-back */
static void accepted_and_ignored_is_found(void **state)
{
	(void)state;
	peer_reset(2);
	peer.ignored = VFPOOL_ATTR_VLAN;
	make_steps(2, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 2), 0);
	assert_int_equal(count(VFPOOL_STEP_FAILED, 2), 2);
	assert_string_equal(steps[0].text,
			    "vlan 42 qos 3 was accepted, but the kernel reports none");
	free_texts(2);
}

static void what_a_card_lacks_is_found_once(void **state)
{
	(void)state;
	peer_reset(64);
	peer.lacks = VFPOOL_ATTR_LINK | VFPOOL_ATTR_TRUST;
	make_steps(64, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 64), 0);
	assert_int_equal(count(VFPOOL_STEP_FAILED, 64), 64);
	for (unsigned i = 0; i < 64; i++) {
		assert_string_equal(
			steps[i].text,
			"its driver doesn't have link on; its driver doesn't have trust on");
		assert_int_equal(steps[i].unsupported, peer.lacks);
		assert_int_equal(vfpool_settings_differ(&peer.vfs[i], &steps[i].to), peer.lacks);
	}
	/* The first VF alone, what is left of it (3 settings), each of these; then the
	 * groups of 2, 4, …, 32 and the last VF, without. */
	assert_int_equal(peer.messages, 5 + 6);
	free_texts(64);
}

static void one_value_takes_nothing_from_another(void **state)
{
	(void)state;
	peer_reset(8);
	peer.no_qinq = true;
	make_steps(8, &all);
	steps[2].to.vlan_proto = steps[5].to.vlan_proto = 0x88a8;
	assert_int_equal(host_program(&host, &pf, pointers, 8), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 8), 6);
	assert_int_equal(steps[2].unsupported, VFPOOL_ATTR_VLAN);
	assert_string_equal(steps[5].text, "its driver doesn't have vlan 42 qos 3 802.1ad");
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(vfpool_settings_differ(&peer.vfs[i], &steps[i].to),
				 steps[i].unsupported);
	free_texts(8);
}

static void what_is_remembered_isnt_sent(void **state)
{
	struct vfpool_refusal refusal = { VFPOOL_ATTR_TRUST, "on" };
	struct vfpool_pf known = pf;

	(void)state;
	known.refusals = &refusal;
	known.n_refusals = 1;
	peer_reset(2);
	peer.lacks = VFPOOL_ATTR_TRUST;
	make_steps(2, &all);
	assert_int_equal(host_program(&host, &known, pointers, 2), 0);
	assert_int_equal(peer.messages, 2); /* both VFs' other settings, a message each */
	assert_int_equal(steps[1].unsupported, VFPOOL_ATTR_TRUST);
	free_texts(2);
}

/* proves: read-back */
static void a_rate_waits_for_the_link(void **state)
{
	const struct vfpool_pf down = { .netdev = (char *)"p", .ifindex = PEER_IFINDEX };

	(void)state;
	peer_reset(2);
	peer.down = true;
	peer.culprit = 1;
	peer.culprit_attr = VFPOOL_ATTR_RATE;
	peer.error = -EINVAL;
	make_steps(2, &all);
	assert_int_equal(host_program(&host, &down, pointers, 2), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 2), 2);
	assert_int_equal(steps[0].deferred, 0);
	assert_int_equal(steps[1].deferred, VFPOOL_ATTR_RATE);
}

static void qinq_goes_out_in_network_order(void **state)
{
	struct vfpool_settings to = { .have = VFPOOL_ATTR_VLAN, .vlan = 7, .vlan_proto = 0x88a8 };

	(void)state;
	peer_reset(1);
	make_steps(1, &to);
	assert_int_equal(host_program(&host, &pf, pointers, 1), 0);
	assert_int_equal(steps[0].result, VFPOOL_STEP_DONE);
	assert_int_equal(peer.vfs[0].vlan_proto, 0x88a8);
}

/* proves: read-back */
static void what_cant_be_read_back_is_unverified(void **state)
{
	(void)state;
	peer_reset(20);
	peer.unreadable = EMSGSIZE;
	peer.culprit = 7;
	peer.culprit_attr = VFPOOL_ATTR_RATE;
	peer.error = -EINVAL;
	make_steps(20, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 20), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 20), 19);
	assert_int_equal(steps[7].failed, VFPOOL_ATTR_RATE);
	assert_int_equal(steps[19].unverified, all.have);
	free_texts(20);
	peer_reset(1);
	peer.unreported = VFPOOL_ATTR_TRUST;
	make_steps(1, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 1), 0);
	assert_int_equal(steps[0].result, VFPOOL_STEP_DONE);
	assert_int_equal(steps[0].unverified, VFPOOL_ATTR_TRUST);
}

static void only_settings_that_differ_are_sent(void **state)
{
	struct vfpool_settings is = all, want = all;

	(void)state;
	assert_int_equal(vfpool_settings_to_send(&is, &want), 0);
	want.vlan = 7;
	assert_int_equal(vfpool_settings_to_send(&is, &want), VFPOOL_ATTR_VLAN);
	is.have &= ~(unsigned)(VFPOOL_ATTR_TRUST |
			       VFPOOL_ATTR_SPOOFCHK); /* on is asked for; on is the default */
	assert_int_equal(vfpool_settings_to_send(&is, &want), VFPOOL_ATTR_VLAN | VFPOOL_ATTR_TRUST);
	want.vlan = 42; /* nothing else to do: a second apply sends nothing */
	assert_int_equal(vfpool_settings_to_send(&is, &want), 0);
	is.have = 0;
	assert_int_equal(vfpool_settings_to_send(&is, &want), want.have);
}

static void guids_have_nests_of_their_own(void **state)
{
	const struct vfpool_settings to = {
		.have = VFPOOL_ATTR_GUID | VFPOOL_ATTR_LINK,
		.guid = 0x025646fffe010203,
		.link = VFPOOL_LINK_ON,
	};
	struct rtnl_pf link = { 0 };

	(void)state;
	peer_reset(20);
	peer.infiniband = true;
	make_steps(20, &to);
	assert_int_equal(host_program(&host, &pf, pointers, 20), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 20), 20);
	assert_true(peer.node_guids[19] == to.guid);
	assert_true(peer.vfs[19].guid == to.guid);
	assert_int_equal(rtnl_read_pf(NULL, PEER_IFINDEX, true, &link), 0);
	assert_true(link.is_infiniband);
	assert_int_equal(vfpool_settings_differ(&link.vfs[19].settings, &to), 0);
	rtnl_pf_end(&link);
}

static void a_wrapped_list_is_read(void **state)
{
	static const unsigned counts[] = { 1, 64, 300, 450, 1024, 2048, 4096 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct rtnl_pf link = { 0 };

		peer_reset(counts[i]);
		peer.vfs[counts[i] - 1].vlan = 99;
		assert_int_equal(rtnl_read_pf(NULL, PEER_IFINDEX, true, &link), 0);
		assert_int_equal(link.n_vfs, counts[i]);
		assert_int_equal(link.vfs[counts[i] - 1].index, counts[i] - 1);
		assert_int_equal(link.vfs[counts[i] - 1].settings.vlan, 99);
		assert_int_equal(link.mac.byte[0], 0x52); /* what comes after the list, too */
		rtnl_pf_end(&link);
	}
}

static void a_vf_that_cant_answer_is_left_out(void **state)
{
	static const unsigned counts[] = { 3, 450 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rtnl_pf link = { 0 };

		peer_reset(counts[i]);
		peer.silent = 2;
		assert_int_equal(rtnl_read_pf(NULL, PEER_IFINDEX, true, &link), 0);
		assert_int_equal(link.n_vfs, counts[i] - 1);
		assert_true(link.has_mac);
		rtnl_pf_end(&link);
	}
}

static void a_vf_that_answers_later_is_waited_for(void **state)
{
	(void)state;
	peer_reset(8);
	peer.silent = 5;
	peer.silences = 3;
	make_steps(8, &all);
	assert_int_equal(host_program(&host, &pf, pointers, 8), 0);
	assert_int_equal(count(VFPOOL_STEP_DONE, 8), 8);
}

static void what_a_driver_doesnt_report_is_unknown(void **state)
{
	struct rtnl_pf link = { 0 };

	(void)state;
	peer_reset(1);
	peer.unreported = VFPOOL_ATTR_SPOOFCHK | VFPOOL_ATTR_TRUST;
	assert_int_equal(rtnl_read_pf(NULL, PEER_IFINDEX, true, &link), 0);
	assert_int_equal(link.vfs[0].settings.have & peer.unreported, 0);
	assert_int_equal(vfpool_settings_differ(&link.vfs[0].settings, &all) & peer.unreported, 0);
	rtnl_pf_end(&link);
}

static void a_pf_that_is_gone(void **state)
{
	const struct vfpool_pf gone = { .netdev = (char *)"p", .ifindex = 1 };

	(void)state;
	peer_reset(1);
	make_steps(1, &all);
	assert_int_equal(host_program(&host, &gone, pointers, 1), -ENODEV);
	assert_string_equal(err.text, "programming the VFs of p: No such device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_grow_to_64),
		cmocka_unit_test(the_culprit_has_a_name),
		cmocka_unit_test(a_vf_in_reset_is_no_culprit),
		cmocka_unit_test(accepted_and_ignored_is_found),
		cmocka_unit_test(what_a_card_lacks_is_found_once),
		cmocka_unit_test(one_value_takes_nothing_from_another),
		cmocka_unit_test(what_is_remembered_isnt_sent),
		cmocka_unit_test(a_rate_waits_for_the_link),
		cmocka_unit_test(qinq_goes_out_in_network_order),
		cmocka_unit_test(what_cant_be_read_back_is_unverified),
		cmocka_unit_test(only_settings_that_differ_are_sent),
		cmocka_unit_test(guids_have_nests_of_their_own),
		cmocka_unit_test(a_wrapped_list_is_read),
		cmocka_unit_test(a_vf_that_cant_answer_is_left_out),
		cmocka_unit_test(a_vf_that_answers_later_is_waited_for),
		cmocka_unit_test(what_a_driver_doesnt_report_is_unknown),
		cmocka_unit_test(a_pf_that_is_gone),
	};

	return run_tests(tests);
}
