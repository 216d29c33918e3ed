/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of a VF: compared, and as text. */
#include "vfpool.h"

#include <stdio.h>
#include <string.h>

static bool setting_equal(enum vfpool_attr attr, const struct vfpool_settings *a,
			  const struct vfpool_settings *b)
{
	switch (attr) {
	case VFPOOL_ATTR_MAC:
		return vfpool_mac_equal(&a->mac, &b->mac);
	case VFPOOL_ATTR_VLAN:
		return a->vlan == b->vlan && a->qos == b->qos && a->vlan_proto == b->vlan_proto;
	case VFPOOL_ATTR_RATE:
		return a->min_rate == b->min_rate && a->max_rate == b->max_rate;
	case VFPOOL_ATTR_SPOOFCHK:
		return a->spoofchk == b->spoofchk;
	case VFPOOL_ATTR_LINK:
		return a->link == b->link;
	case VFPOOL_ATTR_TRUST:
		return a->trust == b->trust;
	case VFPOOL_ATTR_RSS_QUERY:
		return a->rss_query == b->rss_query;
	case VFPOOL_ATTR_GUID:
		return a->guid == b->guid;
	}
	return true;
}

void vfpool_setting_copy(struct vfpool_settings *to, enum vfpool_attr attr,
			 const struct vfpool_settings *from)
{
	to->have |= attr;
	switch (attr) {
	case VFPOOL_ATTR_MAC:
		to->mac = from->mac;
		break;
	case VFPOOL_ATTR_VLAN:
		to->vlan = from->vlan;
		to->qos = from->qos;
		to->vlan_proto = from->vlan_proto;
		break;
	case VFPOOL_ATTR_RATE:
		to->min_rate = from->min_rate;
		to->max_rate = from->max_rate;
		break;
	case VFPOOL_ATTR_SPOOFCHK:
		to->spoofchk = from->spoofchk;
		break;
	case VFPOOL_ATTR_LINK:
		to->link = from->link;
		break;
	case VFPOOL_ATTR_TRUST:
		to->trust = from->trust;
		break;
	case VFPOOL_ATTR_RSS_QUERY:
		to->rss_query = from->rss_query;
		break;
	case VFPOOL_ATTR_GUID:
		to->guid = from->guid;
		break;
	}
}

unsigned vfpool_settings_differ(const struct vfpool_settings *is,
				const struct vfpool_settings *want)
{
	unsigned differ = 0;

	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (is->have & want->have & attr && !setting_equal(attr, is, want))
			differ |= attr;
	return differ;
}

/* As a driver makes a VF. */
static const struct vfpool_settings default_settings = {
	.vlan_proto = 0x8100,
	.spoofchk = true,
};

unsigned vfpool_settings_asked(const struct vfpool_settings *want)
{
	unsigned asked = 0;

	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (want->have & attr && !setting_equal(attr, &default_settings, want))
			asked |= attr;
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
	switch (attr) {
	case VFPOOL_ATTR_MAC:
		return "mac";
	case VFPOOL_ATTR_VLAN:
		return "vlan";
	case VFPOOL_ATTR_RATE:
		return "rate";
	case VFPOOL_ATTR_SPOOFCHK:
		return "spoofchk";
	case VFPOOL_ATTR_LINK:
		return "link";
	case VFPOOL_ATTR_TRUST:
		return "trust";
	case VFPOOL_ATTR_RSS_QUERY:
		return "query_rss";
	case VFPOOL_ATTR_GUID:
		return "guid";
	}
	return "?";
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

void vfpool_setting_format(const struct vfpool_settings *settings, enum vfpool_attr attr,
			   char text[VFPOOL_SETTING_TEXT])
{
	static const char *const link[] = { "auto", "on", "off" };
	const char *word = "-";

	if (settings->have & attr) {
		switch (attr) {
		case VFPOOL_ATTR_MAC:
			vfpool_mac_format(&settings->mac, text);
			return;
		case VFPOOL_ATTR_VLAN:
			format_vlan(settings, text);
			return;
		case VFPOOL_ATTR_RATE:
			format_rate(settings, text);
			return;
		case VFPOOL_ATTR_SPOOFCHK:
			word = settings->spoofchk ? "on" : "off";
			break;
		case VFPOOL_ATTR_LINK:
			word = settings->link <= VFPOOL_LINK_OFF ? link[settings->link] : "?";
			break;
		case VFPOOL_ATTR_TRUST:
			word = settings->trust ? "on" : "off";
			break;
		case VFPOOL_ATTR_GUID:
			snprintf(text, VFPOOL_SETTING_TEXT, "%016llx",
				 (unsigned long long)settings->guid);
			return;
		case VFPOOL_ATTR_RSS_QUERY:
			word = settings->rss_query ? "on" : "off";
			break;
		}
	}
	snprintf(text, VFPOOL_SETTING_TEXT, "%s", word);
}
