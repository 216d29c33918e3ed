/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables for people. */
#include "verbs/table.h"
#include "verbs/print.h"
#include "verbs/words.h"

#include "util/cleanup.h"

#include <libsmartcols.h>
#include <string.h>
#include <time.h>

static void unref_table(struct libscols_table *table)
{
	scols_unref_table(table);
}

DEFINE_CLEANUP(struct libscols_table *, cleanup_table, unref_table);

static struct libscols_table *new_table(const char *const *columns, int tree)
{
	CLEANUP(cleanup_table) struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_enable_colors(table, isatty(STDOUT_FILENO));
	for (int i = 0; columns[i]; i++)
		if (!scols_table_new_column(table, columns[i], 0, i == tree ? SCOLS_FL_TREE : 0))
			return NULL;
	return TAKE_PTR(table);
}

/* libsmartcols escapes what a terminal could take for a command. */
static void set(struct libscols_line *line, size_t column, const char *text)
{
	scols_line_set_data(line, column, text && *text ? text : "-");
}

enum { NAME, ADDRESS, DRIVER, GROUP, MAC, VLAN, RATE, SPOOFCHK, TRUST, POOL, STATE, OWNER };

static const char *const inventory_columns[] = {
	"NAME",     "ADDRESS", "DRIVER", "GROUP", "MAC",   "VLAN", "RATE",
	"SPOOFCHK", "TRUST",   "POOL",   "STATE", "OWNER", NULL,
};

static void set_settings(struct libscols_line *line, const struct vfpool_settings *settings)
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
		set(line, columns[i].column, text);
	}
}

static void set_state(struct libscols_line *line, const struct vfpool_vf *vf)
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
	set(line, STATE, state);
	scols_cell_set_color(scols_line_get_cell(line, STATE), states[vf->state].color);
	if (vf->owner)
		snprintf(owner, sizeof(owner), "%s nic %u", vf->owner, vf->nic);
	set(line, OWNER, owner);
}

static void set_address(struct libscols_line *line, const struct vfpool_pci *address, bool nodedev)
{
	char text[VFPOOL_NODEDEV_TEXT];

	if (nodedev)
		vfpool_pci_nodedev(address, text);
	else
		vfpool_pci_format(address, text);
	set(line, ADDRESS, text);
}

static void add_vf(struct libscols_table *table, struct libscols_line *parent,
		   const struct vfpool_vf *vf, bool nodedev)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char name[24], group[16] = "";

	if (!line)
		return;
	snprintf(name, sizeof(name), "vf %u", vf->index);
	if (vf->iommu_group >= 0)
		snprintf(group, sizeof(group), "%d", vf->iommu_group);
	set(line, NAME, name);
	set_address(line, &vf->address, nodedev);
	set(line, DRIVER, vf->driver);
	set(line, GROUP, group);
	set_settings(line, &vf->programmed);
	set(line, POOL, vf->pool);
	set_state(line, vf);
}

static struct libscols_line *add_pf(struct libscols_table *table, const struct vfpool_pf *pf,
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
	set(line, NAME, pf->netdev ? pf->netdev : "(no netdev)");
	set_address(line, &pf->address, nodedev);
	set(line, DRIVER, pf->driver);
	set(line, MAC, mac);
	set(line, STATE, state);
	for (size_t column = 0; inventory_columns[column]; column++)
		if (!scols_cell_get_data(scols_line_get_cell(line, column)))
			set(line, column, "");
	return line;
}

static bool has_vf_of(const struct vfpool_pf *pf, const char *pool)
{
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i].pool && strcmp(pf->vfs[i].pool, pool) == 0)
			return true;
	return false;
}

int print_inventory(const struct vfpool_inventory *inventory, const char *pool, bool nodedev)
{
	CLEANUP(cleanup_table) struct libscols_table *table = new_table(inventory_columns, NAME);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &inventory->pfs[i];
		struct libscols_line *parent;

		if (pool && !has_vf_of(pf, pool))
			continue;
		parent = add_pf(table, pf, nodedev);
		if (!parent)
			return -ENOMEM;
		for (size_t j = 0; j < pf->n_vfs; j++)
			if (!pool || (pf->vfs[j].pool && strcmp(pf->vfs[j].pool, pool) == 0))
				add_vf(table, parent, &pf->vfs[j], nodedev);
	}
	return scols_table_is_empty(table) ? 0 : scols_print_table(table);
}

void print_unread(const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_unread; i++) {
		const struct vfpool_unread_pf *pf = &inventory->unread[i];
		char address[VFPOOL_PCI_TEXT];

		vfpool_pci_format(&pf->address, address);
		say("%s %s can't be looked at: %s\n", pf->netdev ? pf->netdev : "(no netdev)",
		    address, pf->why);
	}
}

/* The PF on which the lease's VF is; NULL: it isn't there. */
static const struct vfpool_pf *find_pf(const struct vfpool_lease *lease,
				       const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &inventory->pfs[i];

		if (lease->has_pf_mac && pf->has_mac ? vfpool_mac_equal(&lease->pf_mac, &pf->mac) :
						       vfpool_pci_equal(&lease->pf, &pf->address))
			return pf;
	}
	return NULL;
}

static bool is_unread(const struct vfpool_lease *lease, const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_unread; i++)
		if (vfpool_pci_equal(&inventory->unread[i].address, &lease->pf))
			return true;
	return false;
}

void print_lost(const struct vfpool_lease *lease, const struct vfpool_inventory *inventory)
{
	const struct vfpool_pf *pf = find_pf(lease, inventory);
	char mac[VFPOOL_MAC_TEXT], pf_mac[VFPOOL_MAC_TEXT] = "", address[VFPOOL_PCI_TEXT];

	if (pf && vfpool_find_vf(pf, lease->vf))
		return;
	vfpool_mac_format(&lease->mac, mac);
	vfpool_pci_format(&lease->pf, address);
	if (lease->has_pf_mac)
		vfpool_mac_format(&lease->pf_mac, pf_mac);
	say("leased to %s nic %u in pool %s: %s, on VF %u of ", lease->owner, lease->nic,
	    lease->pool, mac, lease->vf);
	if (pf)
		say("%s, which isn't there: 'vfpool apply' makes it, 'vfpool release --lease %llu' gives it up\n",
		    pf->netdev ? pf->netdev : address, (unsigned long long)lease->id);
	else if (is_unread(lease, inventory))
		say("%s, which can't be read\n", address);
	else
		say("a PF that isn't there (MAC %s, last seen at %s): 'vfpool release --lease %llu' gives it up\n",
		    lease->has_pf_mac ? pf_mac : "not known", address,
		    (unsigned long long)lease->id);
}

/* ---- IOMMU groups ---- */

enum { DEVICE, KIND, DEVICE_DRIVER, DEVICE_NAME, DEVICE_USE };

static const char *const group_columns[] = { "DEVICE", "KIND", "DRIVER", "NAME", "USE", NULL };

static size_t count_endpoints(const struct vfpool_group *group)
{
	size_t n = 0;

	for (size_t i = 0; i < group->n_devices; i++)
		n += group->devices[i].kind == VFPOOL_ENDPOINT;
	return n;
}

static const char *verdict(const struct vfpool_group *group, const char **ret_color)
{
	const size_t n = count_endpoints(group);

	*ret_color = group->number < 0 ? "red" : n > 0 ? "green" : NULL;
	if (group->number < 0)
		return "no guest can have it: it is in no group";
	return n == 0 ? "ports and bridges only" :
	       n == 1 ? "a guest can have it" :
			"one guest can have all of it";
}

/* -ENOMEM. */
static int set_verdict(struct libscols_line *line, const struct vfpool_group *group)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (group->is_viable || group->number < 0) {
		const char *color, *is = verdict(group, &color);

		set(line, DEVICE_USE, is);
		if (color)
			scols_cell_set_color(scols_line_get_cell(line, DEVICE_USE), color);
		return 0;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	fputs("no guest can have it before these go to vfio-pci or lose their driver:", out);
	for (size_t i = 0; i < group->n_devices; i++) {
		char address[VFPOOL_PCI_TEXT];

		vfpool_pci_format(&group->devices[i].address, address);
		if (group->devices[i].is_in_the_way)
			fprintf(out, " %s", address);
	}
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	set(line, DEVICE_USE, text);
	free(text);
	scols_cell_set_color(scols_line_get_cell(line, DEVICE_USE), "yellow");
	return 0;
}

static struct libscols_line *add_group(struct libscols_table *table,
				       const struct vfpool_group *group)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char name[32] = "no group";

	if (!line)
		return NULL;
	if (group->number >= 0)
		snprintf(name, sizeof(name), "group %d", group->number);
	set(line, DEVICE, name);
	for (size_t column = KIND; column < DEVICE_USE; column++)
		scols_line_set_data(line, column, "");
	return set_verdict(line, group) < 0 ? NULL : line;
}

static void add_device(struct libscols_table *table, struct libscols_line *parent,
		       const struct vfpool_device *device)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char address[VFPOOL_PCI_TEXT], pf[VFPOOL_PCI_TEXT], use[300];
	int n = 0;

	if (!line)
		return;
	vfpool_pci_format(&device->address, address);
	vfpool_pci_format(&device->pf, pf);
	*use = '\0';
	if (device->is_vf)
		n = snprintf(use, sizeof(use), "VF %u of %s%s", device->vf, pf,
			     device->used ? "; " : "");
	if (device->used)
		snprintf(use + n, sizeof(use) - (size_t)n, "%s", device->used);
	set(line, DEVICE, address);
	set(line, KIND, kind_name(device->kind));
	set(line, DEVICE_DRIVER, device->driver);
	set(line, DEVICE_NAME, device->netdev ? device->netdev : device->device_name);
	set(line, DEVICE_USE, use);
}

int print_groups(const struct vfpool_groups *groups)
{
	CLEANUP(cleanup_table) struct libscols_table *table = new_table(group_columns, DEVICE);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < groups->n; i++) {
		struct libscols_line *parent = add_group(table, &groups->list[i]);

		if (!parent)
			return -ENOMEM;
		for (size_t j = 0; j < groups->list[i].n_devices; j++)
			add_device(table, parent, &groups->list[i].devices[j]);
	}
	return scols_table_is_empty(table) ? 0 : scols_print_table(table);
}

/* ---- pools ---- */

static void count_vfs(const struct vfpool_inventory *inventory, const char *pool,
		      unsigned counts[VFPOOL_N_VF_STATES])
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		for (size_t j = 0; j < inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_vf *vf = &inventory->pfs[i].vfs[j];

			if (vf->pool && strcmp(vf->pool, pool) == 0)
				counts[vf->state]++;
		}
}

static unsigned count_leases(struct vfpool_lease *const *leases, const char *pool)
{
	unsigned n = 0;

	for (; leases && *leases; leases++)
		n += strcmp((*leases)->pool, pool) == 0;
	return n;
}

int print_pools(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		struct vfpool_lease *const *leases)
{
	static const char *const columns[] = {
		"POOL", "ALLOCATED BY", "NETWORK", "FREE", "BUSY", "LEASES", NULL,
	};
	CLEANUP(cleanup_table) struct libscols_table *table = new_table(columns, -1);

	if (!table)
		return -ENOMEM;
	for (; *pools; pools++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		unsigned counts[VFPOOL_N_VF_STATES] = { 0 };
		char text[16];

		if (!line)
			return -ENOMEM;
		count_vfs(inventory, (*pools)->name, counts);
		set(line, 0, (*pools)->name);
		set(line, 1, allocate_name((*pools)->allocate));
		set(line, 2, (*pools)->network);
		snprintf(text, sizeof(text), "%u", counts[VFPOOL_VF_FREE]);
		set(line, 3, counts[VFPOOL_VF_UNKNOWN] ? "?" : text);
		snprintf(text, sizeof(text), "%u", counts[VFPOOL_VF_BUSY]);
		set(line, 4, text);
		snprintf(text, sizeof(text), "%u", count_leases(leases, (*pools)->name));
		set(line, 5, leases ? text : "?");
	}
	return scols_table_is_empty(table) ? 0 : scols_print_table(table);
}

int print_history(const struct vfpool_event *events, size_t n)
{
	static const char *const columns[] = {
		"TIME", "EVENT", "LEASE", "POOL", "OWNER", "MAC", "VF", "COMMAND", NULL,
	};
	CLEANUP(cleanup_table) struct libscols_table *table = new_table(columns, -1);

	for (size_t i = 0; table && i < n; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		char at[32] = "", lease[24] = "", owner[400] = "", vf[64] = "";
		const struct vfpool_event *event = &events[i];
		struct tm tm;

		if (!line)
			return -ENOMEM;
		if (localtime_r(&(time_t){ event->at }, &tm))
			strftime(at, sizeof(at), "%F %T", &tm);
		if (event->lease)
			snprintf(lease, sizeof(lease), "%llu", (unsigned long long)event->lease);
		if (*event->pool && *event->owner)
			snprintf(owner, sizeof(owner), "%s nic %u", event->owner, event->nic);
		if (event->has_vf)
			snprintf(vf, sizeof(vf), "%s/%u", event->pf, event->vf);
		set(line, 0, at);
		set(line, 1, event->event);
		set(line, 2, lease);
		set(line, 3, event->pool);
		set(line, 4, *owner ? owner : event->owner);
		set(line, 5, event->mac);
		set(line, 6, *vf ? vf : event->pf);
		set(line, 7, event->command);
	}
	if (!table)
		return -ENOMEM;
	return scols_table_is_empty(table) ? 0 : scols_print_table(table);
}
