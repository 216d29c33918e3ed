/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who else sets the number of a PF's VFs, by the files of the programs that can. They aren't
 * evaluated, only searched: a place with the setting counts when what it picks cards by agrees with
 * the PF, as far as that can be told here; where nothing has to pick one, when it names the PF.
 */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)

/* How a file is written, and so how much of it belongs to a setting. */
enum syntax {
	UDEV,  /* a line of KEY=="VALUE", … */
	INI,   /* the whole file, of Key=Value */
	YAML,  /* the block of the key above */
	WORDS, /* a line */
};

struct maker {
	const char *what;
	const char *dirs[4]; /* a file hides those of its name in later ones */
	const char *suffix;
	const char *setting; /* as it stands in the file */
	enum syntax syntax;
};

#define LIB_DIRS(name)                                                           \
	{                                                                        \
		"etc/" name, "run/" name, "usr/local/lib/" name, "usr/lib/" name \
	}

static const struct maker makers[] = {
	{ "a udev rule", LIB_DIRS("udev/rules.d"), ".rules", "sriov_numvfs", UDEV },
	{ "a .link file of systemd", LIB_DIRS("systemd/network"), ".link", "SR-IOVVirtualFunctions",
	  INI },
	/* Without a number it makes as many as it has sections for. */
	{ "a .link file of systemd", LIB_DIRS("systemd/network"), ".link", "[SR-IOV]", INI },
	{ "systemd-networkd", LIB_DIRS("systemd/network"), ".network", "[SR-IOV]", INI },
	/* Without total-vfs it is 0, which ends them all. */
	{ "NetworkManager",
	  { "etc/NetworkManager/system-connections", "run/NetworkManager/system-connections",
	    "usr/lib/NetworkManager/system-connections" },
	  ".nmconnection",
	  "[sriov]",
	  INI },
	{ "netplan",
	  { "etc/netplan", "run/netplan", "usr/lib/netplan" },
	  ".yaml",
	  "virtual-function-count",
	  YAML },
	{ "a unit of systemd", { "etc/systemd/system" }, ".service", "sriov_numvfs", WORDS },
	{ "a script", { "etc", "etc/rc.d" }, "rc.local", "sriov_numvfs", WORDS },
	{ "a module's parameter", LIB_DIRS("modprobe.d"), ".conf", "max_vfs", WORDS },
	{ "a module's parameter", LIB_DIRS("modprobe.d"), ".conf", "num_vfs", WORDS },
	{ "the kernel's command line", { "proc" }, "cmdline", "max_vfs", WORDS },
	{ "the kernel's command line", { "proc" }, "cmdline", "num_vfs", WORDS },
};

/* ---- the part of a file that a setting stands in ---- */

static size_t indent(const char *line)
{
	return strspn(line, " ");
}

/* Is the line empty, or a comment? */
static bool is_blank(const char *line)
{
	line += strspn(line, " \t");
	return *line == '\n' || *line == '#' || *line == ';';
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

/* Finds the block of YAML: from the key that the line is below of to the next that is no deeper. */
static void block_around(const char *text, const char **start, const char **end)
{
	const char *line = *start;
	const size_t deep = indent(line);

	while (*start > text && (indent(*start) >= deep || is_blank(*start)))
		*start = line_before(text, *start);
	for (*end = line_after(line); **end && (indent(*end) >= deep || is_blank(*end));)
		*end = line_after(*end);
}

/* Finds the setting's place; *start is in the line that has it. */
static void place_around(const char *text, enum syntax syntax, const char **start, const char **end)
{
	while (*start > text && (*start)[-1] != '\n')
		(*start)--;
	*end = line_after(*start);
	if (syntax == YAML) {
		block_around(text, start, end);
	} else if (syntax == INI) {
		*start = text;
		*end = text + strlen(text);
	}
}

/* ---- does it mean that PF? ---- */

/* Is the word that MAC, as 52:54:00:…, 52-54-00-… or 525400…? */
static bool is_mac(const char *word, const struct vfpool_mac *mac)
{
	char digits[13], is[13];
	size_t n = 0;

	for (; *word && n < sizeof(digits) - 1; word++)
		if (*word != ':' && *word != '-')
			digits[n++] = *word;
	digits[n] = '\0';
	snprintf(is, sizeof(is), "%02x%02x%02x%02x%02x%02x", mac->byte[0], mac->byte[1],
		 mac->byte[2], mac->byte[3], mac->byte[4], mac->byte[5]);
	return !*word && strcasecmp(digits, is) == 0;
}

/* Is that pattern one of the PF's names, or its driver's? */
static bool is_pf(const struct vfpool_pf *pf, const char *word)
{
	char address[VFPOOL_PCI_TEXT], path[VFPOOL_PCI_TEXT + 4], device[8], vendor[8],
		parameter[2][64];
	const char *const names[] = { pf->netdev, address, path,         pf->driver,
				      device,     vendor,  parameter[0], parameter[1] };

	vfpool_pci_format(&pf->address, address);
	snprintf(path, sizeof(path), "pci-%s", address);
	snprintf(device, sizeof(device), "0x%04x", pf->device);
	snprintf(vendor, sizeof(vendor), "0x%04x", pf->vendor);
	snprintf(parameter[0], sizeof(parameter[0]), "%s.max_vfs", pf->driver ? pf->driver : "?");
	snprintf(parameter[1], sizeof(parameter[1]), "%s.num_vfs", pf->driver ? pf->driver : "?");
	if (pf->has_mac && is_mac(word, &pf->mac))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i] && *names[i] && fnmatch(word, names[i], 0) == 0)
			return true;
	for (size_t i = 0; i < pf->n_altnames; i++)
		if (fnmatch(word, pf->altnames[i], 0) == 0)
			return true;
	return false;
}

/* Does one of the words mean the PF? Takes the text apart. */
static bool has_pf(const struct vfpool_pf *pf, char *text, const char *separators)
{
	for (char *word = strsep(&text, separators); word; word = strsep(&text, separators)) {
		size_t length = strlen(word);

		if (length > 1 && word[length - 1] == ':') /* a key of YAML */
			word[length - 1] = '\0';
		if (*word && is_pf(pf, word))
			return true;
	}
	return false;
}

static bool is_one_of(const char *word, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && strncmp(*words, word, length) == 0)
			return true;
	return false;
}

/* Does all that picks a card in the rule pick this one? */
static bool udev_means_pf(char *rule, const struct vfpool_pf *pf)
{
	static const char *const keys[] = {
		"KERNEL",
		"KERNELS",
		"DRIVER",
		"DRIVERS",
		"NAME",
		"ATTR{address}",
		"ATTRS{address}",
		"ATTR{device}",
		"ATTRS{device}",
		"ATTR{device/device}",
		"ATTR{vendor}",
		"ATTRS{vendor}",
		"ATTR{device/vendor}",
		"ENV{ID_NET_DRIVER}",
		"ENV{ID_PATH}",
		"ENV{ID_NET_NAME}",
		"ENV{ID_NET_NAME_PATH}",
		"ENV{ID_NET_NAME_SLOT}",
		"ENV{ID_NET_NAME_ONBOARD}",
		"ENV{INTERFACE}",
		NULL,
	};

	for (char *value = strstr(rule, "=\""), *end; value; value = strstr(end, "=\"")) {
		const char *key = value > rule ? value - 1 :
						 value; /* at the operator's first sign */
		const bool is_not = *key == '!';
		size_t length = 0;

		value += 2;
		end = strchr(value, '"');
		if (!end)
			return true;
		*end++ = '\0';
		if (!is_not && *key != '=') /* no comparison */
			continue;
		while (key > rule && !strchr(", \t", key[-1])) {
			key--;
			length++;
		}
		if (is_one_of(key, length, keys) && has_pf(pf, value, "|") == is_not)
			return false;
	}
	return true;
}

/* Does the file's [Match] section, or do NetworkManager's keys, pick this PF? */
static bool ini_means_pf(char *text, const struct vfpool_pf *pf)
{
	static const char *const keys[] = { "OriginalName",
					    "Name",
					    "Path",
					    "MACAddress",
					    "PermanentMACAddress",
					    "Driver",
					    "interface-name",
					    "mac-address",
					    "path",
					    "driver",
					    NULL };
	for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
		char *value = strchr(line, '=');
		bool is_not;

		/* Sections for VFs have a MACAddress= too, which is the VF's. */
		if (strncmp(line, "[SR-IOV]", 8) == 0)
			return true;
		if (!value || !is_one_of(line, strcspn(line, " \t="), keys))
			continue;
		value += 1 + strspn(value + 1, " \t");
		is_not = *value == '!';
		if (has_pf(pf, value + is_not, " \t;\r") == is_not)
			return false;
	}
	return true;
}

static bool means_pf(enum syntax syntax, const char *start, const char *end,
		     const struct vfpool_pf *pf)
{
	AUTO_FREE char *copy = strndup(start, (size_t)(end - start));

	if (!copy)
		return false;
	if (syntax == UDEV)
		return udev_means_pf(copy, pf);
	return syntax == INI ? ini_means_pf(copy, pf) : has_pf(pf, copy, " \t\r\n\"'=,|/{}$");
}

/* ---- where ---- */

static bool is_comment(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return is_blank(at);
}

static unsigned line_number(const char *text, const char *at)
{
	unsigned n = 1;

	for (; text < at; text++)
		n += *text == '\n';
	return n;
}

/* Is it a file of that maker's? Rules of ours are told of elsewhere. */
static bool is_its_file(const struct maker *maker, const char *name)
{
	size_t length = strlen(name), suffix = strlen(maker->suffix);

	return length >= suffix && strcmp(name + length - suffix, maker->suffix) == 0 &&
	       !strstr(name, "vfpool");
}

/* Joins lines as udev does: one that ends with a backslash goes on in the next. */
static void join_lines(char *text)
{
	for (char *at = strstr(text, "\\\n"); at; at = strstr(at, "\\\n"))
		at[0] = at[1] = ' ';
}

struct search {
	const char *root;
	const struct vfpool_pf *const *pfs;
	size_t n_pfs;
	host_maker_fn fn;
	void *arg;
};

/* Returns the first place in the file that means the PF, NULL: none. */
static const char *find_place(const struct maker *maker, const char *text,
			      const struct vfpool_pf *pf)
{
	for (const char *at = strstr(text, maker->setting); at;
	     at = strstr(at + 1, maker->setting)) {
		const char *start = at, *end;

		if (is_comment(text, at))
			continue;
		place_around(text, maker->syntax, &start, &end);
		if (means_pf(maker->syntax, start, end, pf))
			return at;
	}
	return NULL;
}

static int search_file(const struct search *search, const struct maker *maker, const char *path)
{
	AUTO_FREE char *text = NULL, *joined = NULL;
	struct error ignored;
	int r = 0;

	/* What can't be read is told nothing of: this is a help, no promise. */
	if (read_file(path, FILE_MAX, &text, NULL, &ignored) < 0)
		return 0;
	joined = strdup(text);
	if (!joined)
		return 0;
	join_lines(joined);
	for (size_t i = 0; r == 0 && i < search->n_pfs; i++) {
		const char *at = find_place(maker, joined, search->pfs[i]);

		if (at)
			r = search->fn(search->arg, search->pfs[i], maker->what, path,
				       line_number(text, text + (at - joined)));
	}
	return r;
}

/* Is there a file of that name in a folder before? */
static bool is_hidden(const struct search *search, const struct maker *maker, size_t i_dir,
		      const char *name)
{
	for (size_t i = 0; i < i_dir; i++) {
		AUTO_FREE char *path = format_text("%s/%s/%s", search->root, maker->dirs[i], name);

		if (path && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static int search_dir(const struct search *search, const struct maker *maker, size_t i_dir)
{
	AUTO_FREE char *path = format_text("%s/%s", search->root, maker->dirs[i_dir]);
	AUTO_CLOSEDIR DIR *dir = path ? opendir(path) : NULL;
	int r = 0;

	for (struct dirent *entry = dir ? readdir(dir) : NULL; r == 0 && entry;
	     entry = readdir(dir)) {
		AUTO_FREE char *file = NULL;

		if (!is_its_file(maker, entry->d_name) ||
		    is_hidden(search, maker, i_dir, entry->d_name))
			continue;
		file = format_text("%s/%s", path, entry->d_name);
		if (file)
			r = search_file(search, maker, file);
	}
	return r;
}

int host_other_makers(const char *root, const struct vfpool_pf *const *pfs, size_t n,
		      host_maker_fn fn, void *arg)
{
	const struct search search = { root, pfs, n, fn, arg };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(makers) / sizeof(*makers); i++)
		for (size_t j = 0; r == 0 && j < 4 && makers[i].dirs[j]; j++)
			r = search_dir(&search, &makers[i], j);
	return r;
}
