/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* udev rules that make a pool's VFs at boot, each for one port by its PCI
 * address: a rule by driver would hit every port of that driver. */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/name.h"

#include <string.h>

extern const char pf_rules_template[];

/* Copies the template with @WORD@ replaced; the values are an address, a
 * number and a checked name, never text that could end a rule. */
static void fill_template(FILE *out, const char *name, const char *address, unsigned count)
{
	const char *at = pf_rules_template;

	for (const char *mark = strchr(at, '@'); mark; mark = strchr(at, '@')) {
		fwrite(at, 1, (size_t)(mark - at), out);
		if (strncmp(mark, "@NAME@", 6) == 0)
			fputs(name, out);
		else if (strncmp(mark, "@ADDRESS@", 9) == 0)
			fputs(address, out);
		else
			fprintf(out, "%u", count);
		at = strchr(mark + 1, '@') + 1;
	}
	fputs(at, out);
}

int host_udev_rules(const char *pool, const struct host_udev_rule *rules, size_t n, char **ret_text)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	fprintf(out, "# Made by 'vfpool udev %s --install': the VFs of the pool's PFs.\n", pool);
	fputs("# Their settings come from 'vfpool apply'.\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct vfpool_pf *pf = rules[i].pf;
		char address[VFPOOL_PCI_TEXT];

		vfpool_pci_format(&pf->address, address);
		fill_template(out, pf_name(pf, address), address, rules[i].numvfs);
	}
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	return 0;
}
