/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who else sets the number of a PF's VFs, by the files of the programs that can. They aren't
 * understood, only searched: a place with the setting counts when it names the PF, or, where the
 * program would take that for any card, none at all. Words are tried as patterns, which most of
 * these programs know.
 */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)

/* How much of a file belongs together. */
enum extent { LINE, BLOCK, WHOLE };

struct maker {
	const char *what;
	const char *dirs[4];
	const char *suffix;
	const char *setting;   /* as it stands in the file */
	const char *selectors; /* what picks a card there, each between spaces; NULL: it names one */
	enum extent extent;
};

#define LIB_DIRS(name) { "etc/" name, "run/" name, "usr/local/lib/" name, "usr/lib/" name }

static const struct maker makers[] = {
	{ "a udev rule", LIB_DIRS("udev/rules.d"), ".rules", "sriov_numvfs",
	  " KERNEL KERNELS DRIVER DRIVERS NAME address vendor ID_NET_DRIVER ID_PATH ID_NET_NAME_PATH ", LINE },
	{ "a .link file of systemd", LIB_DIRS("systemd/network"), ".link", "SR-IOVVirtualFunctions",
	  " OriginalName Path MACAddress PermanentMACAddress Driver Property ", WHOLE },
	{ "systemd-networkd", LIB_DIRS("systemd/network"), ".network", "[SR-IOV]",
	  " Name Path MACAddress PermanentMACAddress Driver Property ", WHOLE },
	{ "NetworkManager", { "etc/NetworkManager/system-connections", "run/NetworkManager/system-connections",
			      "usr/lib/NetworkManager/system-connections" },
	  ".nmconnection", "total-vfs", " interface-name mac-address path driver ", WHOLE },
	{ "netplan", { "etc/netplan", "run/netplan", "usr/lib/netplan" }, ".yaml", "virtual-function-count",
	  NULL, BLOCK },
	{ "a unit of systemd", { "etc/systemd/system" }, ".service", "sriov_numvfs", NULL, LINE },
	{ "a script", { "etc" }, "rc.local", "sriov_numvfs", NULL, LINE },
	{ "a module's parameter", LIB_DIRS("modprobe.d"), ".conf", "max_vfs", NULL, LINE },
	{ "the kernel's command line", { "proc" }, "cmdline", "max_vfs", NULL, LINE },
};

/* ---- the part of a file that a setting stands in ---- */

static size_t indent(const char *line)
{
	return strspn(line, " ");
}

static const char *line_before(const char *text, const char *line)
{
	const char *at = line - 1;

	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

static const char *line_after(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* Of YAML: from the key that the line is below of to the next that is no deeper. */
static void block_around(const char *text, const char **start, const char **end)
{
	const char *line = *start;
	const size_t deep = indent(line);

	while (*start > text && (indent(*start) >= deep || **start == '\n'))
		*start = line_before(text, *start);
	for (*end = line_after(line); **end && indent(*end) >= deep;)
		*end = line_after(*end);
}

/* The setting's place; *start is in the line that has it. */
static void place_around(const char *text, enum extent extent, const char **start, const char **end)
{
	while (*start > text && (*start)[-1] != '\n')
		(*start)--;
	*end = line_after(*start);
	if (extent == BLOCK) {
		block_around(text, start, end);
	} else if (extent == WHOLE) {
		*start = text;
		*end = text + strlen(text);
	}
}

/* ---- does it mean that PF? ---- */

static bool is_pf(const struct vfpool_pf *pf, const char *word)
{
	char address[VFPOOL_PCI_TEXT], path[VFPOOL_PCI_TEXT + 4], mac[VFPOOL_MAC_TEXT] = "";
	char device[8], parameter[64];
	const char *const names[] = { pf->netdev, address, path, mac, pf->driver, device, parameter };

	vfpool_pci_format(&pf->address, address);
	snprintf(path, sizeof(path), "pci-%s", address);
	snprintf(device, sizeof(device), "0x%04x", pf->device);
	snprintf(parameter, sizeof(parameter), "%s.max_vfs", pf->driver ? pf->driver : "?");
	if (pf->has_mac)
		vfpool_mac_format(&pf->mac, mac);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i] && *names[i] && fnmatch(word, names[i], FNM_CASEFOLD) == 0)
			return true;
	for (size_t i = 0; i < pf->n_altnames; i++)
		if (fnmatch(word, pf->altnames[i], 0) == 0)
			return true;
	return false;
}

static bool is_selector(const struct maker *maker, const char *word)
{
	AUTO_FREE char *between = format_text(" %s ", word);

	return !maker->selectors || (between && strstr(maker->selectors, between));
}

/* Does the text between `start` and `end` name the PF, or pick no card at all? */
static bool means_pf(const struct maker *maker, const char *start, const char *end,
		     const struct vfpool_pf *pf)
{
	AUTO_FREE char *copy = strndup(start, (size_t)(end - start));
	bool selects = false;
	char *rest = copy, *word;

	while (copy && (word = strsep(&rest, " \t\n\r\"'=,|/{}!"))) {
		size_t length = strlen(word);

		if (length > 1 && word[length - 1] == ':') /* a key of YAML */
			word[length - 1] = '\0';
		if (*word && is_pf(pf, word))
			return true;
		selects = selects || is_selector(maker, word);
	}
	return copy && !selects;
}

/* ---- where ---- */

static bool is_comment(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	at += strspn(at, " \t");
	return *at == '#' || *at == ';';
}

static unsigned line_number(const char *text, const char *at)
{
	unsigned n = 1;

	for (; text < at; text++)
		n += *text == '\n';
	return n;
}

/* Rules of ours are told of elsewhere. */
static bool is_its_file(const struct maker *maker, const char *name)
{
	size_t length = strlen(name), suffix = strlen(maker->suffix);

	return length >= suffix && strcmp(name + length - suffix, maker->suffix) == 0 &&
	       !strstr(name, "vfpool");
}

struct search {
	const char *root;
	const struct vfpool_pf *const *pfs;
	size_t n_pfs;
	host_maker_fn fn;
	void *arg;
};

/* One setting, at `at` in the file's text. */
static int tell(const struct search *search, const struct maker *maker, const char *path,
		const char *text, const char *at)
{
	const char *start = at, *end;
	int r = 0;

	place_around(text, maker->extent, &start, &end);
	for (size_t i = 0; r == 0 && i < search->n_pfs; i++)
		if (means_pf(maker, start, end, search->pfs[i]))
			r = search->fn(search->arg, search->pfs[i], maker->what, path, line_number(text, at));
	return r;
}

static int search_file(const struct search *search, const struct maker *maker, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct error ignored;
	int r = 0;

	/* What can't be read is told nothing of: this is a help, no promise. */
	if (read_file(path, FILE_MAX, &text, NULL, &ignored) < 0)
		return 0;
	for (const char *at = text; r == 0 && (at = strstr(at, maker->setting)); at++)
		if (!is_comment(text, at))
			r = tell(search, maker, path, text, at);
	return r;
}

static int search_dir(const struct search *search, const struct maker *maker, const char *name)
{
	AUTO_FREE char *path = format_text("%s/%s", search->root, name);
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		AUTO_FREE char *file = NULL;

		if (is_its_file(maker, entry->d_name) && (file = format_text("%s/%s", path, entry->d_name)))
			r = search_file(search, maker, file);
	}
	if (dir)
		closedir(dir);
	return r;
}

int host_other_makers(const char *root, const struct vfpool_pf *const *pfs, size_t n,
		      host_maker_fn fn, void *arg)
{
	const struct search search = { root, pfs, n, fn, arg };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(makers) / sizeof(*makers); i++)
		for (size_t j = 0; r == 0 && j < 4 && makers[i].dirs[j]; j++)
			r = search_dir(&search, &makers[i], makers[i].dirs[j]);
	return r;
}
