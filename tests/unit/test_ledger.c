/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger keeps what always holds, also against its own callers. */
#include "unit.h"

#include "ledger/db.h"
#include "ledger/ledger.h"
#include "util/error.h"
#include "util/file.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

	assert_int_equal(ledger_open(folder, NULL, LEDGER_WRITE, &ledger, &err), 0);
	ledger_set_command(ledger, "test");
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

/* A MAC of the lease half for web nic 0, or `owner`. */
static int64_t reserve(struct ledger *ledger, const char *owner, const struct vfpool_mac *mac)
{
	int64_t id;

	assert_int_equal(ledger_reserve(ledger, "p", owner, 0, mac, 0, &id), 0);
	return id;
}

static void a_lease_from_birth_to_end(void **state)
{
	struct ledger *ledger = open_ledger();
	struct ledger_reservation kept;
	struct vfpool_lease *lease = NULL;
	int64_t vf = add_vf(ledger), id, again;
	int64_t reservation = reserve(ledger, "web", &lease_mac);

	(void)state;
	assert_int_equal(ledger_add_lease(ledger, reservation, vf, 7, &id), 0);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_RELEASING, VFPOOL_LEASE_ACTIVE),
			 -E_CHANGED);
	assert_non_null(strstr(err.text, "isn't releasing any more"));
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE),
			 0);
	assert_int_equal(ledger_find_lease(ledger, "p", "web", 0, &lease), 0);
	assert_non_null(lease);
	assert_int_equal(lease->state, VFPOOL_LEASE_ACTIVE);
	assert_int_equal(lease->vlan, 7);
	assert_true(vfpool_mac_equal(&lease->mac, &lease_mac));
	assert_true(vfpool_pci_equal(&lease->place.pf, &pf.address));
	vfpool_lease_free(lease);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_ACTIVE, VFPOOL_LEASE_RELEASING),
			 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_RELEASING), 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_RELEASING), -E_CHANGED);
	/* The MAC outlives it, and the id is never used again. */
	assert_int_equal(ledger_reservation(ledger, "p", "web", 0, &kept), 0);
	assert_true(kept.id == reservation && vfpool_mac_equal(&kept.mac, &lease_mac));
	assert_int_equal(ledger_add_lease(ledger, reservation, vf, -1, &again), 0);
	assert_true(again > id);
	ledger_close(ledger);
}

/* proves: one-holder */
static void no_vf_twice_no_mac_twice(void **state)
{
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id, web, db;
	struct ledger_vf none;

	(void)state;
	web = reserve(ledger, "web", &lease_mac);
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &lease_mac, 0, &db), -E_TAKEN);
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &parking, 0, &db), -E_TAKEN);
	assert_int_equal(ledger_add_vf(ledger, 1, 1, "p", &lease_mac), -E_TAKEN);
	assert_int_equal(ledger_add_lease(ledger, web, vf, -1, &id), 0);
	assert_int_equal(ledger_add_lease(ledger, web, vf, -1, &id), -E_TAKEN);
	assert_string_equal(
		err.text,
		"the ledger has another entry with the same lease.reservation: nothing was changed");
	assert_int_equal(ledger_add_lease(ledger, 4711, vf, -1, &id), -EIO);
	assert_non_null(strstr(err.text, "an entry that another one needs"));
	db = reserve(ledger, "db", &(struct vfpool_mac){ { 2, 9 } });
	assert_true(ledger_add_lease(ledger, db, vf, -1, &id) < 0);
	assert_int_equal(ledger_free_vf(ledger, "p", 1, &none), 0);
	assert_int_equal(none.id, 0);
	ledger_close(ledger);
}

/* What placement goes by is counted by the schema. */
static void check_place(struct ledger *ledger, unsigned free_vfs, unsigned leased, unsigned leases)
{
	struct ledger_pool_pf *places;
	unsigned n_leases;
	size_t n;

	assert_int_equal(ledger_pool_pfs(ledger, "p", &places, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(places[0].free, free_vfs);
	assert_int_equal(places[0].leased, leased);
	free(places);
	assert_int_equal(ledger_count_leases(ledger, "p", &n_leases), 0);
	assert_int_equal(n_leases, leases);
}

static void free_and_leased_are_counted(void **state)
{
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id, web = reserve(ledger, "web", &lease_mac);
	const int64_t pfs[] = { 1 };
	struct ledger_vf row;
	char *reason;

	(void)state;
	check_place(ledger, 1, 0, 0);
	assert_int_equal(ledger_add_lease(ledger, web, vf, -1, &id), 0);
	check_place(ledger, 0, 1, 1);
	assert_int_equal(ledger_avoid_leased(ledger, id), 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_PENDING), 0);
	check_place(ledger, 0, 0, 0);
	assert_int_equal(ledger_forgive_vf(ledger, vf), 0);
	check_place(ledger, 1, 0, 0);
	assert_int_equal(ledger_hold(ledger, 1, 0, "bad port", &reason), 0);
	assert_null(reason);
	check_place(ledger, 0, 0, 0);
	assert_int_equal(ledger_free_vf(ledger, "p", 1, &row), 0);
	assert_int_equal(row.id, 0);
	assert_int_equal(ledger_hold(ledger, 1, 0, NULL, &reason), 0);
	assert_string_equal(reason, "bad port");
	free(reason);
	check_place(ledger, 1, 0, 0);
	assert_int_equal(ledger_add_vf(ledger, 1, 1, "p", &(struct vfpool_mac){ { 2, 7 } }), 0);
	check_place(ledger, 2, 0, 0);
	/* Counted anew when the pool's PFs change. */
	assert_int_equal(ledger_set_pool_pfs(ledger, "p", pfs, 0), 0);
	assert_int_equal(ledger_set_pool_pfs(ledger, "p", pfs, 1), 0);
	check_place(ledger, 2, 0, 0);
	assert_int_equal(ledger_vf(ledger, 1, 1, &row), 0);
	assert_int_equal(ledger_remove_vf(ledger, &row), 0);
	check_place(ledger, 1, 0, 0);
	ledger_close(ledger);
}

/* As long as the MAC is live on the VF that was forced away from its owner. */
/* proves: one-holder */
static void a_quarantined_mac_stays_taken(void **state)
{
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id, web = reserve(ledger, "web", &lease_mac);
	struct ledger_vf row;
	char *who;

	(void)state;
	assert_int_equal(ledger_add_lease(ledger, web, vf, -1, &id), 0);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE),
			 0);
	assert_int_equal(ledger_quarantine(ledger, id, VFPOOL_LEASE_PENDING), -E_CHANGED);
	assert_int_equal(ledger_quarantine(ledger, id, VFPOOL_LEASE_ACTIVE), 0);
	check_place(ledger, 0, 0, 0);
	assert_int_equal(ledger_forget(ledger, "p", "web", 0), 0);
	assert_int_equal(ledger_forget(ledger, "p", "web", 0), -E_NONE);
	assert_string_equal(err.text, "web nic 0 has no MAC in pool p");
	assert_int_equal(ledger_reserve(ledger, "p", "db", 0, &lease_mac, 0, &web), -E_TAKEN);
	assert_int_equal(ledger_mac_user(ledger, &lease_mac, &who), 0);
	assert_string_equal(who, "still live on a VF in quarantine");
	free(who);
	assert_int_equal(ledger_quarantined_vf(ledger, &lease_mac, &row), 0);
	assert_int_equal(row.id, vf);
	assert_int_equal(ledger_remove_vf(ledger, &row), -EUCLEAN);
	assert_int_equal(ledger_end_quarantine(ledger, &row), 0);
	check_place(ledger, 1, 0, 0);
	assert_int_equal(ledger_mac_user(ledger, &lease_mac, &who), 0);
	assert_null(who);
	ledger_close(ledger);
}

/* proves: mac-stays */
static void a_renamed_owner_keeps_all(void **state)
{
	struct ledger *ledger = open_ledger();
	struct ledger_reservation kept;
	int64_t web = reserve(ledger, "web", &lease_mac);
	unsigned n;

	(void)state;
	reserve(ledger, "db", &(struct vfpool_mac){ { 2, 9 } });
	assert_int_equal(ledger_rename(ledger, "web", "db", &n), -E_TAKEN);
	assert_int_equal(ledger_rename(ledger, "nobody", "x", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(ledger_rename(ledger, "web", "www", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ledger_reservation(ledger, "p", "www", 0, &kept), 0);
	assert_int_equal(kept.id, web);
	ledger_close(ledger);
}

static void history_says_who_and_how(void **state)
{
	struct ledger_history_filter filter = { .owner = "web" };
	struct ledger_lease_filter last = { .owner = "web", .nic = -1 };
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id, web = reserve(ledger, "web", &lease_mac);
	struct vfpool_event *events, event;
	size_t n;
	bool found;

	(void)state;
	assert_int_equal(ledger_add_lease(ledger, web, vf, -1, &id), 0);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE),
			 0);
	assert_int_equal(ledger_last_end(ledger, &last, &event, &found), 0);
	assert_false(found);
	assert_int_equal(ledger_move_lease(ledger, id, VFPOOL_LEASE_ACTIVE, VFPOOL_LEASE_RELEASING),
			 0);
	assert_int_equal(ledger_end_lease(ledger, id, VFPOOL_LEASE_RELEASING), 0);
	assert_int_equal(ledger_last_end(ledger, &last, &event, &found), 0);
	assert_true(found && event.lease == (uint64_t)id);
	ledger_event_end(&event);
	assert_int_equal(ledger_history(ledger, &filter, &events, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(events[0].event, "alloc");
	assert_string_equal(events[1].event, "release");
	assert_string_equal(events[1].command, "test");
	assert_true(events[0].has_vf && events[0].vf == 0);
	vfpool_events_free(events, n);
	filter = (struct ledger_history_filter){ .pf = 1, .vf = 1 };
	assert_int_equal(ledger_history(ledger, &filter, &events, &n), 0);
	assert_int_equal(n, 0);
	filter = (struct ledger_history_filter){ .pf = 1, .vf = 0, .since = INT32_MAX };
	assert_int_equal(ledger_history(ledger, &filter, &events, &n), 0);
	assert_int_equal(n, 0);
	ledger_close(ledger);
}

/* The schema itself refuses, whatever code comes. */
/* proves: one-holder */
static void the_schema_forbids_it(void **state)
{
	static const char *const attempts[] = {
		"UPDATE vf SET lease = 999", /* no such lease */
		"INSERT INTO vf (pf, idx, pool, parking) VALUES (1, 0, 'q', '02:00:00:00:00:01')",
		"UPDATE reservation SET mac = '02:00:00:00:00:80'", /* a parking MAC */
		"DELETE FROM mac WHERE mac = '02:00:00:00:00:01'",  /* reserved */
		"INSERT INTO lease (reservation, state, since) VALUES (1, 'gone', 0)",
		"DELETE FROM lease",                              /* a VF has it */
		"UPDATE vf SET quarantine = '02:00:00:00:00:01'", /* leased */
		"INSERT INTO vf (pf, idx, pool, parking, lease) VALUES (1, 1, 'p', '02:00:00:00:00:80', 1)",
		"UPDATE pool_pf SET free = -1",
		"INSERT INTO binding VALUES (1, 1, NULL, 'a', 1, 1, 'd', '', '', 0, 'b')", /* half a VF */
		"INSERT INTO binding VALUES (1, 99, 0, 'a', 1, 1, 'd', '', '', 0, 'b')", /* no such PF */
		"INSERT INTO binding VALUES (1, NULL, NULL, 'a', 1, 1, '', '', '', 0, 'b')", /* to no driver */
		"INSERT INTO binding VALUES (1, NULL, NULL, 'a', 1, 1, 'd', '', '', 0, 'b'),"
		" (2, NULL, NULL, 'a', 1, 1, 'd', '', '', 0, 'b')",
	};
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger), id;
	sqlite3 *db;

	(void)state;
	assert_int_equal(ledger_add_lease(ledger, reserve(ledger, "web", &lease_mac), vf, -1, &id),
			 0);
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

static void files_that_are_no_ledger_of_this_version(void **state)
{
	struct ledger *ledger = NULL;
	FILE *file;

	(void)state;
	assert_int_equal(ledger_open(folder, NULL, LEDGER_READ, &ledger, &err), 0);
	assert_null(ledger); /* none yet, and none was made */
	assert_int_equal(access(path, F_OK), -1);
	fclose(fopen(path, "w")); /* killed before it had tables */
	assert_int_equal(ledger_open(folder, NULL, LEDGER_READ, &ledger, &err), 0);
	assert_null(ledger);
	write_database("PRAGMA application_id = 1986424940; PRAGMA user_version = 99");
	assert_int_equal(ledger_open(folder, NULL, LEDGER_WRITE, &ledger, &err), -EPROTO);
	assert_non_null(strstr(err.text, "newer vfpool (version 99"));
	write_database("PRAGMA application_id = 1; PRAGMA user_version = 1");
	assert_int_equal(ledger_open(folder, NULL, LEDGER_WRITE, &ledger, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "is not a ledger of vfpool"));
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_int_equal(ledger_open(folder, NULL, LEDGER_WRITE, &ledger, &err), -EUCLEAN);
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

static char *read_text(const char *file)
{
	char *text = NULL;
	size_t size;

	assert_int_equal(read_file(file, 1 << 20, &text, &size, &err), 0);
	return text;
}

static void bring_up_to_date(const char *file)
{
	char *sql = read_text(file);
	struct vfpool_lease *lease;
	struct ledger_pool_pf *places;
	struct ledger *ledger;
	unsigned n_leases;
	struct ledger_reservation kept;
	struct ledger_binding *bindings;
	int64_t version;
	size_t n;

	write_database(sql);
	free(sql);
	write_database("UPDATE reservation SET owner = 'renamed' WHERE owner = 'gone'");
	ledger = open_ledger();
	assert_int_equal(ledger_check(ledger), 0);
	assert_int_equal(ledger_pool_pfs(ledger, "a", &places, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(places[0].free, 2);
	assert_int_equal(places[0].leased, 2);
	free(places);
	assert_int_equal(ledger_count_leases(ledger, "a", &n_leases), 0);
	assert_int_equal(n_leases, 2);
	assert_int_equal(ledger_find_lease(ledger, "a", "web", 1, &lease), 0);
	assert_int_equal(lease->place.vf, 1);
	assert_int_equal(lease->vlan, -1);
	version = (int64_t)lease->id;
	assert_int_equal(version, 2);
	vfpool_lease_free(lease);
	assert_int_equal(ledger_persistent_bindings(ledger, &bindings, &n), 0);
	assert_int_equal(n, 0);
	/* Who was told of a MAC was in the history, under the name of then. */
	assert_int_equal(ledger_drop_untold(ledger, "a", "renamed", 0, 1), 0);
	assert_int_equal(ledger_reservation(ledger, "a", "renamed", 0, &kept), 0);
	assert_true(kept.id);
	ledger_close(ledger);
	ledger = open_ledger(); /* and only once */
	ledger_close(ledger);
}

/* tests/data/ledger-1.sql is one that vfpool 0.1.0 wrote. */
static void an_older_ledger_is_brought_up_to_date(void **state)
{
	(void)state;
	bring_up_to_date("tests/data/ledger-1.sql");
}

static void one_of_version_2_too(void **state)
{
	(void)state;
	bring_up_to_date("tests/data/ledger-2.sql");
}

static void and_of_version_3(void **state)
{
	(void)state;
	bring_up_to_date("tests/data/ledger-3.sql");
}

static struct ledger_binding make_binding(const char *driver, bool persists, const char *boot)
{
	struct ledger_binding binding = {
		.address = { .bus = 3, .device = 1 },
		.vendor = 0x8086,
		.device = 0x100e,
		.persists = persists,
	};

	strcpy(binding.driver, driver);
	strcpy(binding.from_driver, "e1000");
	strcpy(binding.boot, boot);
	return binding;
}

static struct ledger_binding find_binding(struct ledger *ledger, int64_t pf_id, const char *boot)
{
	const struct vfpool_pci address = { .bus = 3, .device = 1 };
	struct ledger_binding found;

	assert_int_equal(ledger_binding(ledger, pf_id, 7, &address, boot, &found), 0);
	return found;
}

static void a_binding_lasts_as_long_as_the_boot(void **state)
{
	struct ledger *ledger = open_ledger();
	struct ledger_binding binding = make_binding("vfio-pci", false, "one"), found, *all;
	size_t n;

	(void)state;
	assert_int_equal(find_binding(ledger, 0, "one").id, 0);
	assert_int_equal(ledger_set_binding(ledger, &binding), 0);
	found = find_binding(ledger, 0, "one");
	assert_true(found.id && found.pf_id == 0 && found.vendor == 0x8086 &&
		    found.device == 0x100e);
	assert_string_equal(found.driver, "vfio-pci");
	assert_string_equal(found.from_driver, "e1000");
	assert_string_equal(found.from_override, "");
	assert_true(vfpool_pci_equal(&found.address, &binding.address));
	assert_int_equal(find_binding(ledger, 0, "two").id, 0);
	assert_int_equal(ledger_persistent_bindings(ledger, &all, &n), 0);
	assert_int_equal(n, 0);
	binding = make_binding("pci-stub", true, "two"); /* takes the place of the void one */
	assert_int_equal(ledger_set_binding(ledger, &binding), 0);
	assert_string_equal(find_binding(ledger, 0, "three").driver, "pci-stub");
	assert_int_equal(ledger_persistent_bindings(ledger, &all, &n), 0);
	assert_int_equal(n, 1);
	assert_true(all[0].persists);
	assert_string_equal(all[0].boot, "two");
	assert_int_equal(ledger_forget_binding(ledger, &all[0]), 0);
	free(all);
	assert_int_equal(find_binding(ledger, 0, "two").id, 0);
	ledger_close(ledger);
}

/* Beside a device that isn't one, at the address that the VF had. */
/* proves: looked-up */
static void a_vfs_binding_is_of_its_pf_and_index(void **state)
{
	struct ledger_history_filter history = { .vf = 7 };
	struct ledger *ledger = open_ledger();
	struct ledger_binding card = make_binding("vfio-pci", false, "one"), vf = card, found;
	struct vfpool_event *events;
	size_t n;

	(void)state;
	assert_int_equal(ledger_pf(ledger, &pf, true, &vf.pf_id), 0);
	history.pf = vf.pf_id;
	vf.place.vf = 7;
	strcpy(vf.from_driver, "igbvf");
	assert_int_equal(ledger_set_binding(ledger, &card), 0);
	assert_int_equal(ledger_set_binding(ledger, &vf), 0);
	assert_string_equal(find_binding(ledger, 0, "one").from_driver, "e1000");
	found = find_binding(ledger, vf.pf_id, "one");
	assert_string_equal(found.from_driver, "igbvf");
	assert_true(found.place.has_pf_mac && vfpool_pci_equal(&found.place.pf, &pf.address) &&
		    found.place.vf == 7);
	assert_int_equal(ledger_binding_at(ledger, &card.address, "one", &found), 0);
	assert_string_equal(found.from_driver, "igbvf"); /* the last one */
	assert_int_equal(ledger_forget_binding(ledger, &found), 0);
	assert_int_equal(find_binding(ledger, vf.pf_id, "one").id, 0);
	assert_true(find_binding(ledger, 0, "one").id);
	assert_int_equal(ledger_history(ledger, &history, &events, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(events[0].event, "bind");
	assert_string_equal(events[1].event, "unbind");
	vfpool_events_free(events, n);
	ledger_close(ledger);
}

static void a_backup_is_whole(void **state)
{
	struct ledger *ledger = open_ledger();
	char other[96], copy[128];
	struct ledger *restored;
	struct ledger_reservation kept;

	(void)state;
	reserve(ledger, "web", &lease_mac);
	snprintf(other, sizeof(other), "%s/other", folder);
	snprintf(copy, sizeof(copy), "%s/ledger.db", other);
	assert_true(ledger_backup(ledger, copy, false) < 0); /* no such folder */
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(ledger_backup(ledger, copy, false), 0);
	ledger_close(ledger);
	assert_int_equal(ledger_open(other, NULL, LEDGER_READ, &restored, &err), 0);
	assert_int_equal(ledger_reservation(restored, "p", "web", 0, &kept), 0);
	assert_true(vfpool_mac_equal(&kept.mac, &lease_mac));
	ledger_close(restored);
}

/* Damage that opening doesn't show. */
/* proves: says-so */
static void damage_that_opening_doesnt_show_is_found(void **state)
{
	struct ledger *ledger = open_ledger();
	int64_t vf = add_vf(ledger);

	(void)state;
	(void)vf;
	ledger_close(ledger);
	write_database("PRAGMA foreign_keys = OFF; UPDATE vf SET lease = 4711");
	ledger = open_ledger();
	assert_int_equal(ledger_check(ledger), -EUCLEAN);
	assert_non_null(strstr(err.text, "put a backup in its place"));
	ledger_close(ledger);
}

/* Holds the ledger's write lock, until it is killed. */
static pid_t start_stuck_writer(const char *begin)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db;

		if (sqlite3_open(path, &db) == SQLITE_OK &&
		    sqlite3_exec(db, begin, NULL, NULL, NULL) == SQLITE_OK &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

/* proves: says-so */
static void a_stuck_writer_is_named_and_waited_for_once(void **state)
{
	struct ledger *ledger = open_ledger();
	pid_t pid = start_stuck_writer("BEGIN IMMEDIATE");
	char text[64];
	char *seed;

	(void)state;
	snprintf(text, sizeof(text), "process %d (", (int)pid);
	ledger->wait_ms = 1;
	assert_int_equal(ledger_seed(ledger, &seed), 0); /* who reads isn't kept */
	free(seed);
	assert_int_equal(ledger_begin(ledger), -ETIMEDOUT);
	assert_non_null(strstr(err.text, text));
	assert_non_null(strstr(err.text, "test_ledger) has kept"));
	ledger->waited_ms = 1;
	assert_int_equal(ledger_begin(ledger), -ETIMEDOUT);
	assert_int_equal(ledger->waited_ms, 1); /* not again in this operation, */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(ledger_begin(ledger), 0); /* nor is the lock lost on it */
	ledger_rollback(ledger);
	ledger_set_command(ledger, "next");
	assert_int_equal(ledger->waited_ms, 0);
	ledger_close(ledger);
}

/* To name the writer is to look at the ledger's files: this process's own locks stay. */
static void naming_the_writer_drops_no_lock(void **state)
{
	struct ledger *ledger = open_ledger(), *other = open_ledger();
	pid_t pid;

	(void)state;
	assert_int_equal(ledger_begin(ledger), 0);
	other->wait_ms = 0;
	assert_int_equal(ledger_begin(other), -ETIMEDOUT);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db;

		_exit(sqlite3_open(path, &db) != SQLITE_OK ||
		      sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_BUSY);
	}
	{
		int status = -1;

		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(ledger_commit(ledger), 0);
	ledger_close(ledger);
	ledger_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_lease_from_birth_to_end, set_up),
		cmocka_unit_test_setup(no_vf_twice_no_mac_twice, set_up),
		cmocka_unit_test_setup(free_and_leased_are_counted, set_up),
		cmocka_unit_test_setup(a_quarantined_mac_stays_taken, set_up),
		cmocka_unit_test_setup(a_renamed_owner_keeps_all, set_up),
		cmocka_unit_test_setup(history_says_who_and_how, set_up),
		cmocka_unit_test_setup(the_schema_forbids_it, set_up),
		cmocka_unit_test_setup(an_older_ledger_is_brought_up_to_date, set_up),
		cmocka_unit_test_setup(one_of_version_2_too, set_up),
		cmocka_unit_test_setup(and_of_version_3, set_up),
		cmocka_unit_test_setup(a_binding_lasts_as_long_as_the_boot, set_up),
		cmocka_unit_test_setup(a_vfs_binding_is_of_its_pf_and_index, set_up),
		cmocka_unit_test_setup(a_backup_is_whole, set_up),
		cmocka_unit_test_setup(damage_that_opening_doesnt_show_is_found, set_up),
		cmocka_unit_test_setup(a_stuck_writer_is_named_and_waited_for_once, set_up),
		cmocka_unit_test_setup(naming_the_writer_drops_no_lock, set_up),
		cmocka_unit_test_setup(files_that_are_no_ledger_of_this_version, set_up),
		cmocka_unit_test_setup(seeds_are_the_hosts, set_up),
	};

	return run_tests(tests);
}
