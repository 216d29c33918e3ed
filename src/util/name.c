/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/name.h"

#include <ctype.h>
#include <string.h>

bool pool_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 50 || !isalnum((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!isascii(*name) || (!isalnum((unsigned char)*name) && !strchr("_.-", *name)))
			return false;
	return true;
}

/* The length of the UTF-8 character at `s`, 0 when it isn't one or is a
 * control character (C0, DEL, C1). */
static int utf8_length(const unsigned char *s)
{
	int length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (length == 1)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (int i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xc2 && s[1] < 0xa0) ||  /* C1 */
	    (s[0] == 0xe0 && s[1] < 0xa0) ||  /* overlong */
	    (s[0] == 0xed && s[1] >= 0xa0) || /* surrogates */
	    (s[0] == 0xf0 && s[1] < 0x90) ||  /* overlong */
	    (s[0] == 0xf4 && s[1] >= 0x90))   /* beyond Unicode */
		return 0;
	return length;
}

bool owner_name_is_valid(const char *name)
{
	return name[0] != '-' && guest_name_is_valid(name);
}

bool guest_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 255 || name[0] == ' ' || name[length - 1] == ' ')
		return false;
	while (*name) {
		int n = utf8_length((const unsigned char *)name);

		if (n == 0 || *name == '/')
			return false;
		name += n;
	}
	return true;
}

bool netdev_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 127 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:'\"", *name))
			return false;
	return true;
}

bool driver_is_stub(const char *driver)
{
	return strcmp(driver, "pci-stub") == 0;
}

bool driver_is_vfio(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

bool driver_is(const char *is, const char *wanted)
{
	if (strcmp(wanted, "host") == 0)
		return *is && !driver_is_vfio(is) && !driver_is_stub(is);
	return strcmp(is, wanted) == 0;
}
