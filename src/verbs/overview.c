/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools and PFs with their VFs, as `list` and `show` print them. */
#include "verbs/overview.h"
#include "verbs/print.h"
#include "verbs/table.h"
#include "verbs/words.h"

#include <string.h>

bool overview_has_vf(const char *pool, const struct vfpool_vf *vf)
{
	return !pool || (vf->pool && strcmp(vf->pool, pool) == 0);
}

bool overview_has_pf(const char *pool, const struct vfpool_pf *pf)
{
	bool has = !pool;

	for (size_t i = 0; i < pf->n_vfs && !has; i++)
		has = overview_has_vf(pool, &pf->vfs[i]);
	return has;
}

/* Adds the pool's VFs to `counts`, by their states. */
static void count_vfs_of_pool(const struct vfpool_inventory *inventory, const char *pool,
			      unsigned counts[VFPOOL_N_VF_STATES])
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		for (size_t j = 0; j < inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_vf *vf = &inventory->pfs[i].vfs[j];

			if (overview_has_vf(pool, vf))
				counts[vf->state]++;
		}
}

static unsigned count_leases_of_pool(struct vfpool_lease *const *leases, const char *pool)
{
	unsigned n = 0;

	for (; leases && *leases; leases++)
		n += strcmp((*leases)->pool, pool) == 0;
	return n;
}

static int print_pools(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		       struct vfpool_lease *const *leases)
{
	static const char *const columns[] = {
		"POOL", "ALLOCATED BY", "NETWORK", "FREE", "BUSY", "LEASES", NULL,
	};
	CLEANUP(cleanup_table) struct libscols_table *table = table_new(columns, -1);

	if (!table)
		return -ENOMEM;
	for (; *pools; pools++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		unsigned counts[VFPOOL_N_VF_STATES] = { 0 };
		char text[16];

		if (!line)
			return -ENOMEM;
		count_vfs_of_pool(inventory, (*pools)->name, counts);
		table_set(line, 0, (*pools)->name);
		table_set(line, 1, words_for_allocate((*pools)->allocate));
		table_set(line, 2, (*pools)->network);
		snprintf(text, sizeof(text), "%u", counts[VFPOOL_VF_FREE]);
		table_set(line, 3, counts[VFPOOL_VF_UNKNOWN] ? "?" : text);
		snprintf(text, sizeof(text), "%u", counts[VFPOOL_VF_BUSY]);
		table_set(line, 4, text);
		snprintf(text, sizeof(text), "%u", count_leases_of_pool(leases, (*pools)->name));
		table_set(line, 5, leases ? text : "?");
	}
	return table_print(table);
}

enum { NAME, ADDRESS, DRIVER, GROUP, MAC, VLAN, RATE, SPOOFCHK, TRUST, POOL, STATE, OWNER };

static const char *const inventory_columns[] = {
	"NAME",     "ADDRESS", "DRIVER", "GROUP", "MAC",   "VLAN", "RATE",
	"SPOOFCHK", "TRUST",   "POOL",   "STATE", "OWNER", NULL,
};

static void set_settings_cells(struct libscols_line *line, const struct vfpool_settings *settings)
{
	static const struct {
		size_t column;
		enum vfpool_attr attr;
	} columns[] = {
		{ MAC, VFPOOL_ATTR_MAC },     { VLAN, VFPOOL_ATTR_VLAN },
		{ RATE, VFPOOL_ATTR_RATE },   { SPOOFCHK, VFPOOL_ATTR_SPOOFCHK },
		{ TRUST, VFPOOL_ATTR_TRUST },
	};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		char text[VFPOOL_SETTING_TEXT];

		vfpool_setting_format(settings, columns[i].attr, text);
		table_set(line, columns[i].column, text);
	}
}

static void set_state_cells(struct libscols_line *line, const struct vfpool_vf *vf)
{
	static const struct {
		const char *name, *color;
	} states[] = {
		[VFPOOL_VF_FREE] = { "free", "green" },
		[VFPOOL_VF_LEASED] = { "leased", "cyan" },
		[VFPOOL_VF_BUSY] = { "busy", "yellow" },
		[VFPOOL_VF_HELD] = { "held", "yellow" },
		[VFPOOL_VF_QUARANTINED] = { "quarantine", "red" },
		[VFPOOL_VF_UNKNOWN] = { "?", "red" },
	};
	/* Free is what alloc can give. */
	const char *name = vf->state == VFPOOL_VF_FREE && !vf->pool ? "no pool" :
								      states[vf->state].name;
	char owner[400] = "", state[600];
	int n = snprintf(state, sizeof(state), "%s%s%s%s", name, vf->busy ? ": " : "",
			 vf->busy ? vf->busy : "", vf->is_off ? ", not as defined" : "");

	if (vf->held && n > 0 && (size_t)n < sizeof(state))
		snprintf(state + n, sizeof(state) - (size_t)n, "%s: %s",
			 vf->state == VFPOOL_VF_HELD ? "" : "; held", vf->held);
	table_set(line, STATE, state);
	scols_cell_set_color(scols_line_get_cell(line, STATE), states[vf->state].color);
	if (vf->owner)
		snprintf(owner, sizeof(owner), "%s nic %u", vf->owner, vf->nic);
	table_set(line, OWNER, owner);
}

static void set_address_cell(struct libscols_line *line, const struct vfpool_pci *address,
			     bool nodedev)
{
	char text[VFPOOL_NODEDEV_TEXT];

	if (nodedev)
		vfpool_pci_nodedev(address, text);
	else
		vfpool_pci_format(address, text);
	table_set(line, ADDRESS, text);
}

static void add_vf_line(struct libscols_table *table, struct libscols_line *parent,
			const struct vfpool_vf *vf, bool nodedev)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char name[24], group[16] = "";

	if (!line)
		return;
	snprintf(name, sizeof(name), "vf %u", vf->index);
	if (vf->iommu_group >= 0)
		snprintf(group, sizeof(group), "%d", vf->iommu_group);
	table_set(line, NAME, name);
	set_address_cell(line, &vf->address, nodedev);
	table_set(line, DRIVER, vf->driver);
	table_set(line, GROUP, group);
	set_settings_cells(line, &vf->programmed);
	table_set(line, POOL, vf->pool);
	set_state_cells(line, vf);
}

/* Returns the PF's line, below which its VFs go, or NULL when memory is short. */
static struct libscols_line *add_pf_line(struct libscols_table *table, const struct vfpool_pf *pf,
					 bool nodedev)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char mac[VFPOOL_MAC_TEXT] = "", state[64];

	if (!line)
		return NULL;
	if (pf->has_mac)
		vfpool_mac_format(&pf->mac, mac);
	snprintf(state, sizeof(state), "%s, %zu of %u VFs",
		 !pf->up     ? "down" :
		 pf->carrier ? "up" :
			       "up, no link",
		 pf->n_vfs, pf->totalvfs);
	table_set(line, NAME, pf->netdev ? pf->netdev : "(no netdev)");
	set_address_cell(line, &pf->address, nodedev);
	table_set(line, DRIVER, pf->driver);
	table_set(line, MAC, mac);
	table_set(line, STATE, state);
	for (size_t column = 0; inventory_columns[column]; column++)
		if (!scols_cell_get_data(scols_line_get_cell(line, column)))
			table_set(line, column, "");
	return line;
}

static int print_pfs(const struct vfpool_inventory *inventory, const char *pool, bool nodedev)
{
	CLEANUP(cleanup_table) struct libscols_table *table = table_new(inventory_columns, NAME);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &inventory->pfs[i];
		struct libscols_line *parent;

		if (!overview_has_pf(pool, pf))
			continue;
		parent = add_pf_line(table, pf, nodedev);
		if (!parent)
			return -ENOMEM;
		for (size_t j = 0; j < pf->n_vfs; j++)
			if (overview_has_vf(pool, &pf->vfs[j]))
				add_vf_line(table, parent, &pf->vfs[j], nodedev);
	}
	return table_print(table);
}

static void print_unread(const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_unread; i++) {
		const struct vfpool_unread_pf *pf = &inventory->unread[i];
		char address[VFPOOL_PCI_TEXT];

		vfpool_pci_format(&pf->address, address);
		say("%s %s can't be looked at: %s\n", pf->netdev ? pf->netdev : "(no netdev)",
		    address, pf->why);
	}
}

int overview_print(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		   struct vfpool_lease *const *leases, const char *pool, bool nodedev)
{
	int r = print_pools(pools, inventory, leases);

	if (r < 0)
		return r;
	say("\n");
	if (!pool && inventory->n_pfs == 0 && inventory->n_unread == 0)
		say("no PFs: no device of this host has SR-IOV\n");
	r = print_pfs(inventory, pool, nodedev);
	if (r < 0)
		return r;
	print_unread(inventory);
	return 0;
}

/* Returns the PF on which the lease's VF is, or NULL when that isn't there. */
static const struct vfpool_pf *find_pf_of_lease(const struct vfpool_lease *lease,
						const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &inventory->pfs[i];

		if (lease->place.has_pf_mac && pf->has_mac ?
			    vfpool_mac_equal(&lease->place.pf_mac, &pf->mac) :
			    vfpool_pci_equal(&lease->place.pf, &pf->address))
			return pf;
	}
	return NULL;
}

/* True when the PF of the lease's VF is one that can't be looked at. */
static bool is_on_unread_pf(const struct vfpool_lease *lease,
			    const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_unread; i++)
		if (vfpool_pci_equal(&inventory->unread[i].address, &lease->place.pf))
			return true;
	return false;
}

void overview_print_lost(const struct vfpool_lease *lease, const struct vfpool_inventory *inventory)
{
	const struct vfpool_pf *pf = find_pf_of_lease(lease, inventory);
	char mac[VFPOOL_MAC_TEXT], pf_mac[VFPOOL_MAC_TEXT] = "", address[VFPOOL_PCI_TEXT];

	if (pf && vfpool_find_vf(pf, lease->place.vf))
		return;
	vfpool_mac_format(&lease->mac, mac);
	vfpool_pci_format(&lease->place.pf, address);
	if (lease->place.has_pf_mac)
		vfpool_mac_format(&lease->place.pf_mac, pf_mac);
	say("leased to %s nic %u in pool %s: %s, on VF %u of ", lease->owner, lease->nic,
	    lease->pool, mac, lease->place.vf);
	if (pf)
		say("%s, which isn't there: 'vfpool apply' makes it, 'vfpool release --lease %llu' gives it up\n",
		    pf->netdev ? pf->netdev : address, (unsigned long long)lease->id);
	else if (is_on_unread_pf(lease, inventory))
		say("%s, which can't be read\n", address);
	else
		say("a PF that isn't there (MAC %s, last seen at %s): 'vfpool release --lease %llu' gives it up\n",
		    lease->place.has_pf_mac ? pf_mac : "not known", address,
		    (unsigned long long)lease->id);
}
