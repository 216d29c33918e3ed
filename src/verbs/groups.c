/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU groups, as `iommu` and `doctor` print them. */
#include "verbs/groups.h"
#include "verbs/table.h"
#include "verbs/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEVICE, KIND, DEVICE_DRIVER, DEVICE_NAME, DEVICE_USE };

static const char *const group_columns[] = { "DEVICE", "KIND", "DRIVER", "NAME", "USE", NULL };

static size_t count_endpoints(const struct vfpool_group *group)
{
	size_t n = 0;

	for (size_t i = 0; i < group->n_devices; i++)
		n += group->devices[i].kind == VFPOOL_ENDPOINT;
	return n;
}

/* Returns what a guest can do with a group that is viable or none; *ret_color is that text's
 * colour, or NULL. */
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

/* Sets what a guest can do with the group, and the colour of that. Returns 0 or -ENOMEM. */
static int set_verdict(struct libscols_line *line, const struct vfpool_group *group)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (group->is_viable || group->number < 0) {
		const char *color, *is = verdict(group, &color);

		table_set(line, DEVICE_USE, is);
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
	table_set(line, DEVICE_USE, text);
	free(text);
	scols_cell_set_color(scols_line_get_cell(line, DEVICE_USE), "yellow");
	return 0;
}

/* Returns the group's line, below which its devices go, or NULL when memory is short. */
static struct libscols_line *add_group_line(struct libscols_table *table,
					    const struct vfpool_group *group)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char name[32] = "no group";

	if (!line)
		return NULL;
	if (group->number >= 0)
		snprintf(name, sizeof(name), "group %d", group->number);
	table_set(line, DEVICE, name);
	for (size_t column = KIND; column < DEVICE_USE; column++)
		scols_line_set_data(line, column, "");
	return set_verdict(line, group) < 0 ? NULL : line;
}

static void add_device_line(struct libscols_table *table, struct libscols_line *parent,
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
	table_set(line, DEVICE, address);
	table_set(line, KIND, words_for_kind(device->kind));
	table_set(line, DEVICE_DRIVER, device->driver);
	table_set(line, DEVICE_NAME, device->netdev ? device->netdev : device->device_name);
	table_set(line, DEVICE_USE, use);
}

int groups_print(const struct vfpool_groups *groups)
{
	CLEANUP(cleanup_table) struct libscols_table *table = table_new(group_columns, DEVICE);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < groups->n; i++) {
		struct libscols_line *parent = add_group_line(table, &groups->list[i]);

		if (!parent)
			return -ENOMEM;
		for (size_t j = 0; j < groups->list[i].n_devices; j++)
			add_device_line(table, parent, &groups->list[i].devices[j]);
	}
	return table_print(table);
}
