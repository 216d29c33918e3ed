/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger keeps what always holds, also against its own callers. */
#include "unit.h"

#include "ledger/ledger.h"
#include "util/error.h"

#include <sqlite3.h>

static struct error err;
static char folder[64], path[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/vfpool-unit.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	return 0;
}

static struct ledger *open_ledger(void)
{
	struct ledger *ledger = NULL;

	assert_int_equal(ledger_open(folder, LEDGER_WRITE, &ledger, &err), 0);
	return ledger;
}

static const struct vfpool_pf pf = { .address = { .bus = 1 }, .has_mac = true, .mac = { { 2 } } };
static const struct vfpool_mac parking = { { 2, 0, 0, 0, 0, 0x80 } };
static const struct vfpool_mac lease_mac = { { 2, 0, 0, 0, 0, 0x01 } };

/* A pool p with one VF. */
static int64_t add_vf(struct ledger *ledger)
{
	struct ledger_vf vf;
	int64_t id;

	assert_int_equal(ledger_pf(ledger, &pf, true, &id), 0);
	assert_int_equal(ledger_add_vf(ledger, id, 0, "p", &parking), 0);
	assert_int_equal(ledger_set_pool_pfs(ledger, "p", &id, 1), 0);
	assert_int_equal(ledger_vf(ledger, id, 0, &vf), 0);
	assert_true(vfpool_mac_equal(&vf.parking, &parking));
	return vf.id;
}

static void a_lease_from_birth_to_end(void **state)
{
	struct ledger *ledger = open_ledger();
	struct vfpool_lease *lease = NULL;
	int64_t vf = add_vf(ledger), id, again;
	struct vfpool_mac mac;
	bool found;

	(void)state;
	assert_int_equal(ledger_reserve(ledger, "p", "web", 0, &lease_mac), 0);
	assert_int_equal(ledger_add_lease(ledger, "p", "web", 0, vf, &id), 0);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_RELEASING, VFPOOL_LEASE_ACTIVE),
			 -ESTALE);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE), 0);
	assert_int_equal(ledger_find_lease(ledger, "p", "web", 0, &lease), 0);
	assert_non_null(lease);
	assert_int_equal(lease->state, VFPOOL_LEASE_ACTIVE);
	assert_true(vfpool_mac_equal(&lease->mac, &lease_mac));
	assert_true(vfpool_pci_equal(&lease->pf, &pf.address));
	vfpool_lease_free(lease);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_ACTIVE, VFPOOL_LEASE_RELEASING), 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_RELEASING), 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_RELEASING), -ESTALE);
	/* The MAC outlives it, and the id is never used again. */
	assert_int_equal(ledger_reservation(ledger, "p", "web", 0, &mac, &found), 0);
	assert_true(found && vfpool_mac_equal(&mac, &lease_mac));
	assert_int_equal(ledger_add_lease(ledger, "p", "web", 0, vf, &again), 0);
	assert_true(again > id);
	ledger_close(ledger);
}

static void no_vf_twice_no_mac_twice(void **state)
{
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id;
	struct ledger_vf none;
	unsigned leased;

	(void)state;
	assert_int_equal(ledger_reserve(ledger, "p", "web", 0, &lease_mac), 0);
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &lease_mac), -EEXIST);
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &parking), -EEXIST);
	assert_int_equal(ledger_add_vf(ledger, 1, 1, "p", &lease_mac), -EEXIST);
	assert_int_equal(ledger_add_lease(ledger, "p", "web", 0, vf, &id), 0);
	assert_int_equal(ledger_add_lease(ledger, "p", "web", 0, vf, &id), -EEXIST);
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &(struct vfpool_mac){ { 2, 9 } }), 0);
	assert_true(ledger_add_lease(ledger, "p", "db", 0, vf, &id) < 0);
	assert_int_equal(ledger_free_vf(ledger, "p", 1, &none, &leased), 0);
	assert_int_equal(none.id, 0);
	assert_int_equal(leased, 1);
	ledger_close(ledger);
}

/* The schema itself refuses, whatever code comes. */
static void the_schema_forbids_it(void **state)
{
	static const char *const attempts[] = {
		"UPDATE vf SET lease = 999",                             /* no such lease */
		"INSERT INTO vf (pf, idx, pool, parking) VALUES (1, 0, 'q', '02:00:00:00:00:01')",
		"UPDATE reservation SET mac = '02:00:00:00:00:80'",      /* a parking MAC */
		"DELETE FROM mac WHERE mac = '02:00:00:00:00:01'",       /* reserved */
		"INSERT INTO lease (reservation, state, since) VALUES (1, 'gone', 0)",
		"DELETE FROM lease",                                     /* a VF has it */
	};
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id;
	sqlite3 *db;

	(void)state;
	assert_int_equal(ledger_reserve(ledger, "p", "web", 0, &lease_mac), 0);
	assert_int_equal(ledger_add_lease(ledger, "p", "web", 0, vf, &id), 0);
	ledger_close(ledger);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (sqlite3_exec(db, attempts[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
			test_fail("allowed: %s", attempts[i]);
	sqlite3_close(db);
}

static void write_database(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void other_ledgers(void **state)
{
	struct ledger *ledger = NULL;
	FILE *file;

	(void)state;
	assert_int_equal(ledger_open(folder, LEDGER_READ, &ledger, &err), 0);
	assert_null(ledger); /* none yet, and none was made */
	assert_int_equal(access(path, F_OK), -1);
	fclose(fopen(path, "w")); /* killed before it had tables */
	assert_int_equal(ledger_open(folder, LEDGER_READ, &ledger, &err), 0);
	assert_null(ledger);
	write_database("PRAGMA user_version = 99");
	assert_int_equal(ledger_open(folder, LEDGER_WRITE, &ledger, &err), -EPROTO);
	assert_non_null(strstr(err.text, "newer vfpool (version 99"));
	write_database("PRAGMA user_version = 1");
	assert_int_equal(ledger_open(folder, LEDGER_WRITE, &ledger, &err), -EUCLEAN);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_int_equal(ledger_open(folder, LEDGER_WRITE, &ledger, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "damaged"));
}

static void seeds_are_the_hosts(void **state)
{
	struct ledger *ledger = open_ledger();
	char *one, *two;

	(void)state;
	assert_int_equal(ledger_seed(ledger, &one), 0);
	ledger_close(ledger);
	ledger = open_ledger();
	assert_int_equal(ledger_seed(ledger, &two), 0);
	assert_string_equal(one, two);
	assert_int_equal(strlen(one), 32);
	free(two);
	ledger_close(ledger);
	unlink(path);
	ledger = open_ledger();
	assert_int_equal(ledger_seed(ledger, &two), 0);
	assert_string_not_equal(one, two);
	free(one);
	free(two);
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_lease_from_birth_to_end, set_up),
		cmocka_unit_test_setup(no_vf_twice_no_mac_twice, set_up),
		cmocka_unit_test_setup(the_schema_forbids_it, set_up),
		cmocka_unit_test_setup(other_ledgers, set_up),
		cmocka_unit_test_setup(seeds_are_the_hosts, set_up),
	};

	return run_tests(tests);
}
