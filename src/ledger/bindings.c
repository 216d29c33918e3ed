/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which devices were given a driver by hand, and what they had before. */
#include "ledger/history.h"

#include <string.h>

#define BINDING_COLUMNS                                                                           \
	"SELECT binding.id, ifnull(pf.id, 0), pf.address, pf.mac, idx, binding.address, vendor, " \
	"device, driver, from_driver, from_override, persist, boot "                              \
	"FROM binding LEFT JOIN pf ON pf.id = binding.pf "

static int read_binding(struct ledger *ledger, sqlite3_stmt *stmt, struct ledger_binding *binding)
{
	*binding = (struct ledger_binding){
		.id = sqlite3_column_int64(stmt, 0),
		.pf_id = sqlite3_column_int64(stmt, 1),
		.place.has_pf_mac = sqlite3_column_type(stmt, 3) != SQLITE_NULL,
		.place.vf = (unsigned)sqlite3_column_int(stmt, 4),
		.vendor = (uint16_t)sqlite3_column_int(stmt, 6),
		.device = (uint16_t)sqlite3_column_int(stmt, 7),
		.persists = sqlite3_column_int(stmt, 11) != 0,
	};
	snprintf(binding->driver, sizeof(binding->driver), "%s", db_text(stmt, 8));
	snprintf(binding->from_driver, sizeof(binding->from_driver), "%s", db_text(stmt, 9));
	snprintf(binding->from_override, sizeof(binding->from_override), "%s", db_text(stmt, 10));
	snprintf(binding->boot, sizeof(binding->boot), "%s", db_text(stmt, 12));
	if (vfpool_pci_parse(db_text(stmt, 5), &binding->address) < 0 ||
	    (binding->pf_id && vfpool_pci_parse(db_text(stmt, 2), &binding->place.pf) < 0) ||
	    (binding->place.has_pf_mac &&
	     vfpool_mac_parse(db_text(stmt, 3), &binding->place.pf_mac) < 0))
		return fail(ledger->err, -EUCLEAN,
			    "the ledger's row of the driver of %s can't be understood",
			    db_text(stmt, 5));
	return 0;
}

static int first_binding(struct ledger *ledger, sqlite3_stmt *stmt,
			 struct ledger_binding *ret_binding)
{
	struct ledger_binding binding = { 0 };
	int r = db_step(ledger, stmt);

	if (r > 0)
		r = read_binding(ledger, stmt, &binding);
	if (r < 0)
		return r;
	*ret_binding = binding;
	return 0;
}

#define IS_VALID "(persist = 1 OR boot = ?)"

int ledger_binding(struct ledger *ledger, int64_t pf_id, unsigned vf,
		   const struct vfpool_pci *address, const char *boot,
		   struct ledger_binding *ret_binding)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char text[VFPOOL_PCI_TEXT];
	int r;

	vfpool_pci_format(address, text);
	if (pf_id)
		r = db_prepare(ledger, &stmt,
			       BINDING_COLUMNS "WHERE binding.pf = ? AND idx = ? AND " IS_VALID,
			       "iis", pf_id, (int64_t)vf, boot);
	else
		r = db_prepare(ledger, &stmt,
			       BINDING_COLUMNS
			       "WHERE binding.pf IS NULL AND binding.address = ? AND " IS_VALID,
			       "ss", text, boot);
	return r < 0 ? r : first_binding(ledger, stmt, ret_binding);
}

int ledger_binding_at(struct ledger *ledger, const struct vfpool_pci *address, const char *boot,
		      struct ledger_binding *ret_binding)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char text[VFPOOL_PCI_TEXT];
	int r;

	vfpool_pci_format(address, text);
	r = db_prepare(ledger, &stmt,
		       BINDING_COLUMNS "WHERE binding.address = ? AND " IS_VALID
				       " ORDER BY binding.id DESC LIMIT 1",
		       "ss", text, boot);
	return r < 0 ? r : first_binding(ledger, stmt, ret_binding);
}

int ledger_persistent_bindings(struct ledger *ledger, struct ledger_binding **ret_bindings,
			       size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE struct ledger_binding *bindings = NULL;
	size_t n = 0;
	int r = db_prepare(ledger, &stmt,
			   BINDING_COLUMNS "WHERE persist = 1 ORDER BY binding.address, binding.id",
			   "");

	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		struct ledger_binding *grown = reallocarray(bindings, n + 1, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		bindings = grown;
		r = read_binding(ledger, stmt, &bindings[n++]);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret_bindings = TAKE_PTR(bindings);
	*ret_n = n;
	return 0;
}

/* Removes what is recorded of the binding's VF or device, also when that is void by now, and `binding` so without
 * id. */
static int drop(struct ledger *ledger, const struct ledger_binding *binding)
{
	char address[VFPOOL_PCI_TEXT];

	vfpool_pci_format(&binding->address, address);
	if (binding->pf_id)
		return db_run(ledger, "DELETE FROM binding WHERE pf = ? AND idx = ?", "ii",
			      binding->pf_id, (int64_t)binding->place.vf);
	return db_run(ledger, "DELETE FROM binding WHERE pf IS NULL AND address = ?", "s", address);
}

/* Adds the event to the history when the binding is a VF's; another device's bindings aren't in it. */
static int tell(struct ledger *ledger, const char *event, const struct ledger_binding *binding)
{
	return binding->pf_id ? history_add(ledger, event, "", "", 0, "", binding->pf_id,
					    (int)binding->place.vf) :
				0;
}

int ledger_set_binding(struct ledger *ledger, const struct ledger_binding *binding)
{
	char address[VFPOOL_PCI_TEXT];
	int r = drop(ledger, binding);

	vfpool_pci_format(&binding->address, address);
	if (r < 0)
		return r;
	r = db_run(
		ledger,
		"INSERT INTO binding (pf, idx, address, vendor, device, driver, from_driver, "
		"from_override, persist, boot) VALUES (nullif(?1, 0), iif(?1 = 0, NULL, ?2), ?3, "
		"?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"iisiisssis", binding->pf_id, (int64_t)binding->place.vf, address,
		(int64_t)binding->vendor, (int64_t)binding->device, binding->driver,
		binding->from_driver, binding->from_override, (int64_t)binding->persists,
		binding->boot);
	return r < 0 ? r : tell(ledger, "bind", binding);
}

int ledger_forget_binding(struct ledger *ledger, const struct ledger_binding *binding)
{
	int r = drop(ledger, binding);

	return r < 0 ? r : tell(ledger, "unbind", binding);
}
