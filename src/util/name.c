/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/name.h"
#include "vfpool.h"

#include "util/cleanup.h"

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

size_t utf8_read(const char *text, uint32_t *ret_code)
{
	/* By length: what a shorter one could have said isn't UTF-8. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	const size_t length = s[0] < 0x80 ? 1 :
			      s[0] < 0xc0 ? 0 :
			      s[0] < 0xe0 ? 2 :
			      s[0] < 0xf0 ? 3 :
					    4;
	uint32_t code = length == 1 ? s[0] : s[0] & (0x7fU >> length);

	if (length == 0 || s[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}

/* Is it one of Unicode's controls, its Default_Ignorable_Code_Point, separators of lines, or no character? */
static bool is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },          { 0x7f, 0x9f },       { 0xad, 0xad },
		{ 0x34f, 0x34f },     { 0x61c, 0x61c },     { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f },
		{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

size_t visible_length(const char *text, bool lines)
{
	uint32_t code;
	size_t length;

	if (lines && (*text == '\n' || *text == '\t' || (text[0] == '\r' && text[1] == '\n')))
		return 1;
	length = utf8_read(text, &code);
	return length > 0 && !is_hidden(code) ? length : 0;
}

bool text_is_visible(const char *text, bool lines)
{
	while (*text) {
		size_t length = visible_length(text, lines);

		if (length == 0)
			return false;
		text += length;
	}
	return true;
}

static void mask(char *text, bool lines)
{
	while (*text) {
		size_t length = visible_length(text, lines);
		uint32_t code;

		if (length == 0) {
			length = utf8_read(text, &code);
			length = length ? length : 1;
			memset(text, '?', length);
		}
		text += length;
	}
}

void make_printable(char *text)
{
	mask(text, false);
}

void make_lines_printable(char *text)
{
	mask(text, true);
}

void cut_text(char *text, size_t max)
{
	if (strnlen(text, max + 1) <= max)
		return;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
}

const char *name_for_shell(const char *name, char text[SHELL_WORD_MAX])
{
	size_t n = 0;

	if (!*name)
		return strcpy(text, "''");
	while (*name) {
		const size_t seen = visible_length(name, false);
		const size_t length = seen ? seen : 1;
		const bool plain = seen > 1 || isalnum((unsigned char)*name) ||
				   strchr("_-.,:/@%+", *name);

		if (n + !plain + length >= SHELL_WORD_MAX)
			break;
		if (!plain)
			text[n++] = '\\';
		memcpy(text + n, seen ? name : "?", length);
		n += length;
		name += length;
	}
	text[n] = '\0';
	return text;
}

const char *pf_name(const struct vfpool_pf *pf, const char *otherwise)
{
	return pf->netdev ? pf->netdev : otherwise;
}

bool owner_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 255 && name[0] != '-' && name[0] != ' ' &&
	       name[length - 1] != ' ' && !strchr(name, '/') && text_is_visible(name, false);
}

bool netdev_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 127 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (!isascii(*name) || !isgraph((unsigned char)*name) || strchr("/:'\"", *name))
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
