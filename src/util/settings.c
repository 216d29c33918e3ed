/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of a VF: compared, and as text. */
#include "vfpool.h"

#include "util/cleanup.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void format_mac(const struct vfpool_settings *settings, char *text)
{
	vfpool_mac_format(&settings->mac, text);
}

static void format_vlan(const struct vfpool_settings *settings, char *text)
{
	int n;

	if (!settings->vlan) {
		snprintf(text, VFPOOL_SETTING_TEXT, "none");
		return;
	}
	n = snprintf(text, VFPOOL_SETTING_TEXT, "%u", settings->vlan);
	if (settings->qos)
		n += snprintf(text + n, VFPOOL_SETTING_TEXT - (size_t)n, " qos %u", settings->qos);
	if (settings->vlan_proto == 0x88a8)
		snprintf(text + n, VFPOOL_SETTING_TEXT - (size_t)n, " 802.1ad");
}

static void format_rate(const struct vfpool_settings *settings, char *text)
{
	int n = 0;

	if (!settings->max_rate && !settings->min_rate) {
		snprintf(text, VFPOOL_SETTING_TEXT, "any");
		return;
	}
	if (settings->max_rate)
		n = snprintf(text, VFPOOL_SETTING_TEXT, "max %u", settings->max_rate);
	if (settings->min_rate)
		snprintf(text + n, VFPOOL_SETTING_TEXT - (size_t)n, "%smin %u", n ? " " : "",
			 settings->min_rate);
}

static void format_link(const struct vfpool_settings *settings, char *text)
{
	static const char *const link[] = { "auto", "on", "off" };

	snprintf(text, VFPOOL_SETTING_TEXT, "%s",
		 settings->link <= VFPOOL_LINK_OFF ? link[settings->link] : "?");
}

static void format_guid(const struct vfpool_settings *settings, char *text)
{
	snprintf(text, VFPOOL_SETTING_TEXT, "%016llx", (unsigned long long)settings->guid);
}

static void format_flag(bool is_on, char *text)
{
	snprintf(text, VFPOOL_SETTING_TEXT, "%s", is_on ? "on" : "off");
}

static void format_spoofchk(const struct vfpool_settings *settings, char *text)
{
	format_flag(settings->spoofchk, text);
}

static void format_trust(const struct vfpool_settings *settings, char *text)
{
	format_flag(settings->trust, text);
}

static void format_rss_query(const struct vfpool_settings *settings, char *text)
{
	format_flag(settings->rss_query, text);
}

/* A member of struct vfpool_settings: where it is, and its size. */
struct field {
	size_t at, size;
};
#define FIELD(name)                                                 \
	{                                                           \
		offsetof(struct vfpool_settings, name),             \
			sizeof((struct vfpool_settings){ 0 }.name), \
	}
#define FIELDS_MAX 3

/* All that there is to an attribute. */
static const struct row {
	const char *name;
	enum vfpool_attr attr;
	void (*format)(const struct vfpool_settings *settings, char *text);
	struct field fields[FIELDS_MAX];
	struct vfpool_settings made; /* as a driver makes a VF, where that isn't 0 */
} rows[] = {
	{ "mac", VFPOOL_ATTR_MAC, format_mac, { FIELD(mac) }, { 0 } },
	{ "vlan",
	  VFPOOL_ATTR_VLAN,
	  format_vlan,
	  { FIELD(vlan), FIELD(qos), FIELD(vlan_proto) },
	  { .vlan_proto = 0x8100 } },
	{ "rate", VFPOOL_ATTR_RATE, format_rate, { FIELD(min_rate), FIELD(max_rate) }, { 0 } },
	{ "spoofchk",
	  VFPOOL_ATTR_SPOOFCHK,
	  format_spoofchk,
	  { FIELD(spoofchk) },
	  { .spoofchk = true } },
	{ "link", VFPOOL_ATTR_LINK, format_link, { FIELD(link) }, { 0 } },
	{ "trust", VFPOOL_ATTR_TRUST, format_trust, { FIELD(trust) }, { 0 } },
	{ "query_rss", VFPOOL_ATTR_RSS_QUERY, format_rss_query, { FIELD(rss_query) }, { 0 } },
	{ "guid", VFPOOL_ATTR_GUID, format_guid, { FIELD(guid) }, { 0 } },
};

/* Returns the attribute's row; NULL for what is no attribute. */
static const struct row *row_of(enum vfpool_attr attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].attr == attr)
			return &rows[i];
	return NULL;
}

static bool row_equal(const struct row *row, const struct vfpool_settings *a,
		      const struct vfpool_settings *b)
{
	for (size_t i = 0; i < FIELDS_MAX; i++)
		if (memcmp((const char *)a + row->fields[i].at, (const char *)b + row->fields[i].at,
			   row->fields[i].size) != 0)
			return false;
	return true;
}

void vfpool_setting_copy(struct vfpool_settings *to, enum vfpool_attr attr,
			 const struct vfpool_settings *from)
{
	const struct row *row = row_of(attr);

	to->have |= attr;
	for (size_t i = 0; row && i < FIELDS_MAX; i++)
		memcpy((char *)to + row->fields[i].at, (const char *)from + row->fields[i].at,
		       row->fields[i].size);
}

unsigned vfpool_settings_differ(const struct vfpool_settings *is,
				const struct vfpool_settings *want)
{
	unsigned differ = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is->have & want->have & rows[i].attr && !row_equal(&rows[i], is, want))
			differ |= rows[i].attr;
	return differ;
}

unsigned vfpool_settings_asked(const struct vfpool_settings *want)
{
	unsigned asked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (want->have & rows[i].attr && !row_equal(&rows[i], &rows[i].made, want))
			asked |= rows[i].attr;
	return asked;
}

unsigned vfpool_settings_to_send(const struct vfpool_settings *is,
				 const struct vfpool_settings *want)
{
	const unsigned differ = vfpool_settings_differ(is, want);

	if (!is->have)
		return want->have;
	return differ ? differ | (vfpool_settings_asked(want) & ~is->have) : 0;
}

unsigned vfpool_settings_refused(const struct vfpool_settings *want,
				 const struct vfpool_refusal *refusals, size_t n)
{
	unsigned refused = 0;

	for (size_t i = 0; i < n; i++) {
		char value[VFPOOL_SETTING_TEXT];

		if (!(want->have & ~refused & refusals[i].attr))
			continue;
		vfpool_setting_format(want, refusals[i].attr, value);
		if (strcmp(value, refusals[i].value) == 0)
			refused |= refusals[i].attr;
	}
	return refused;
}

const char *vfpool_attr_name(enum vfpool_attr attr)
{
	const struct row *row = row_of(attr);

	return row ? row->name : "?";
}

void vfpool_setting_format(const struct vfpool_settings *settings, enum vfpool_attr attr,
			   char text[VFPOOL_SETTING_TEXT])
{
	const struct row *row = settings->have & attr ? row_of(attr) : NULL;

	if (row)
		row->format(settings, text);
	else
		snprintf(text, VFPOOL_SETTING_TEXT, "-");
}
