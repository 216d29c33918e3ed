/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's own settings, as far as they decide what goes into a guest. */
#include "guest/guest.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"
#include "util/xml.h"

#include <string.h>

#define FILE_MAX (1024 * 1024)

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);

/* Makes spaces of the comments, which begin with a # outside of quotes, and end with the line. */
static void blank_comments(char *text)
{
	char quote = '\0';

	for (; *text; text++) {
		if (*text == '\n')
			quote = '\0';
		else if (quote)
			quote = *text == quote ? '\0' : quote;
		else if (*text == '"' || *text == '\'')
			quote = *text;
		else if (*text == '#')
			for (; text[1] && text[1] != '\n'; text++)
				*text = ' ';
	}
}

/* Returns the value of a "key = value" line, from its first character on; NULL: there is no such line. */
static const char *find_value(const char *text, const char *key)
{
	const size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\n");
		if (strncmp(line, key, length) != 0)
			continue;
		line += length;
		line += strspn(line, " \t");
		if (*line == '=')
			return line + 1 + strspn(line + 1, " \t");
	}
	return NULL;
}

static bool is_number(const char *text, const char *key, char digit)
{
	const char *value = find_value(text, key);

	return value && *value == digit;
}

/* Copies the value up to the list's end, or the string's. */
static char *copy_value(const char *value)
{
	if (*value == '[')
		return strndup(value, strcspn(value, "]"));
	value += *value == '"' || *value == '\'';
	return strndup(value, strcspn(value, "\"'\n \t"));
}

/* Is the user, by name, or by number with a + or without, root? */
static bool is_root(const char *user)
{
	return user &&
	       (strcmp(user, "root") == 0 || strcmp(user, "0") == 0 || strcmp(user, "+0") == 0);
}

int guest_read_qemu_conf(const char *path, struct guest_qemu_conf *ret_conf)
{
	AUTO_FREE char *text = NULL, *acl = NULL;
	const char *acl_value, *user;
	struct guest_qemu_conf conf = { .user = NULL };
	struct error ignored;

	*ret_conf = conf;
	if (read_file(path, FILE_MAX, &text, NULL, &ignored) < 0)
		return 0;
	blank_comments(text);
	acl_value = find_value(text, "cgroup_device_acl");
	user = find_value(text, "user");
	acl = acl_value ? copy_value(acl_value) : NULL;
	conf.user = user ? copy_value(user) : NULL;
	if ((acl_value && !acl) || (user && !conf.user)) {
		free(conf.user);
		return -ENOMEM;
	}
	conf.has_acl = acl;
	conf.acl_has_vfio = acl && strstr(acl, "/dev/vfio/vfio");
	conf.relaxed_acs = is_number(text, "relaxed_acs_check", '1');
	conf.keeps_owners = is_number(text, "dynamic_ownership", '0') && !is_root(conf.user);
	*ret_conf = conf;
	return 0;
}

int guest_network_pf(const char *xml, char **ret_dev)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	const xmlNode *forward = doc ? xml_child(xmlDocGetRootElement(doc), "forward") : NULL;

	*ret_dev = NULL;
	if (!doc)
		return -EBADMSG;
	if (forward && xml_attribute_is(forward, "mode", "hostdev") && xml_child(forward, "pf"))
		*ret_dev = xml_attribute(xml_child(forward, "pf"), "dev");
	return 0;
}
