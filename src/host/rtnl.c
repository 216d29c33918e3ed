/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that speaks rtnetlink. Messages are built with libnl's own
 * builder: libnl-route's VF objects fail at 41 VFs in a message, send 802.1ad
 * in the wrong byte order, and read a wrapped VF list as the PF's attributes.
 */
#include "host/rtnl.h"

#include "util/cleanup.h"
#include "util/name.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <string.h>

DEFINE_CLEANUP(struct nl_msg *, cleanup_msg, nlmsg_free);
DEFINE_CLEANUP(struct rtnl_link *, cleanup_link, rtnl_link_put);

static struct nl_msg *new_message(int type, int flags, int ifindex, size_t size)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_size(size);

	if (msg && nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) &&
	    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* ---- writing ---- */

static int put_vlan(struct nl_msg *msg, unsigned vf, const struct vfpool_settings *to)
{
	struct ifla_vf_vlan_info info = {
		.vf = vf,
		.vlan = to->vlan,
		.qos = to->qos,
		.vlan_proto = htons(to->vlan_proto),
	};
	struct ifla_vf_vlan vlan = { .vf = vf, .vlan = to->vlan, .qos = to->qos };
	struct nlattr *list;

	if (to->vlan_proto == 0x8100) /* every kernel and driver takes this form */
		return nla_put(msg, IFLA_VF_VLAN, sizeof(vlan), &vlan);
	list = nla_nest_start(msg, IFLA_VF_VLAN_LIST);
	if (!list || nla_put(msg, IFLA_VF_VLAN_INFO, sizeof(info), &info) < 0)
		return -ENOMEM;
	return nla_nest_end(msg, list);
}

static int put_attr(struct nl_msg *msg, unsigned vf, enum vfpool_attr attr,
		    const struct vfpool_settings *to)
{
	struct ifla_vf_rate rate = { vf, to->min_rate, to->max_rate };
	struct ifla_vf_spoofchk spoofchk = { vf, to->spoofchk };
	struct ifla_vf_link_state link = { vf, to->link };
	struct ifla_vf_trust trust = { vf, to->trust };
	struct ifla_vf_rss_query_en rss_query = { vf, to->rss_query };
	struct ifla_vf_mac mac = { .vf = vf };

	switch (attr) {
	case VFPOOL_ATTR_MAC:
		memcpy(mac.mac, to->mac.byte, sizeof(to->mac.byte));
		return nla_put(msg, IFLA_VF_MAC, sizeof(mac), &mac);
	case VFPOOL_ATTR_VLAN:
		return put_vlan(msg, vf, to);
	case VFPOOL_ATTR_RATE:
		return nla_put(msg, IFLA_VF_RATE, sizeof(rate), &rate);
	case VFPOOL_ATTR_SPOOFCHK:
		return nla_put(msg, IFLA_VF_SPOOFCHK, sizeof(spoofchk), &spoofchk);
	case VFPOOL_ATTR_LINK:
		return nla_put(msg, IFLA_VF_LINK_STATE, sizeof(link), &link);
	case VFPOOL_ATTR_GUID: /* put_guid() */
		return 0;
	case VFPOOL_ATTR_TRUST:
		return nla_put(msg, IFLA_VF_TRUST, sizeof(trust), &trust);
	case VFPOOL_ATTR_RSS_QUERY:
		return nla_put(msg, IFLA_VF_RSS_QUERY_EN, sizeof(rss_query), &rss_query);
	}
	return -EINVAL;
}

/* Adds a GUID. The kernel takes one from a VF's nest and leaves the rest of it: so each
 * has a nest of its own. */
static int put_guid(struct nl_msg *msg, int type, unsigned vf, uint64_t value)
{
	const struct ifla_vf_guid guid = { .vf = vf, .guid = value };
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);

	if (!info || nla_put(msg, type, sizeof(guid), &guid) < 0)
		return -ENOMEM;
	return nla_nest_end(msg, info);
}

static int put_change(struct nl_msg *msg, const struct rtnl_change *change)
{
	struct nlattr *info;

	if (change->attrs & VFPOOL_ATTR_GUID &&
	    (put_guid(msg, IFLA_VF_IB_NODE_GUID, change->vf, change->to->guid) < 0 ||
	     put_guid(msg, IFLA_VF_IB_PORT_GUID, change->vf, change->to->guid) < 0))
		return -ENOMEM;
	if (!(change->attrs & ~VFPOOL_ATTR_GUID))
		return 0; /* an empty nest is EINVAL */
	info = nla_nest_start(msg, IFLA_VF_INFO);
	if (!info)
		return -ENOMEM;
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (change->attrs & attr && put_attr(msg, change->vf, attr, change->to) < 0)
			return -ENOMEM;
	return nla_nest_end(msg, info);
}

int rtnl_program(struct nlsock *sock, int ifindex, const struct rtnl_change *changes, size_t n,
		 char reason[NLSOCK_REASON])
{
	CLEANUP(cleanup_msg) struct nl_msg *msg = NULL;
	struct nlattr *list;

	reason[0] = '\0';
	/* A VF with all its attributes takes less than 256 bytes. */
	msg = new_message(RTM_SETLINK, NLM_F_ACK, ifindex, 256 + 256 * n);
	if (n > RTNL_GROUP_MAX)
		return -EMSGSIZE;
	list = msg ? nla_nest_start(msg, IFLA_VFINFO_LIST) : NULL;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (put_change(msg, &changes[i]) < 0)
			return -ENOMEM;
	nla_nest_end(msg, list);
	return nlsock_talk(sock, msg, NULL, NULL, reason);
}

int rtnl_set_up(struct nlsock *sock, int ifindex, char reason[NLSOCK_REASON])
{
	CLEANUP(cleanup_link) struct rtnl_link *which = rtnl_link_alloc();
	CLEANUP(cleanup_link) struct rtnl_link *change = rtnl_link_alloc();
	CLEANUP(cleanup_msg) struct nl_msg *msg = NULL;

	reason[0] = '\0';
	if (!which || !change)
		return -ENOMEM;
	rtnl_link_set_ifindex(which, ifindex);
	rtnl_link_set_flags(change, IFF_UP);
	if (rtnl_link_build_change_request(which, change, NLM_F_ACK, &msg) < 0)
		return -ENOMEM;
	return nlsock_talk(sock, msg, NULL, NULL, reason);
}

/* ---- reading ---- */

void rtnl_pf_end(struct rtnl_pf *link)
{
	for (size_t i = 0; i < link->n_altnames; i++)
		free(link->altnames[i]);
	free(link->altnames);
	free(link->vfs);
	*link = (struct rtnl_pf){ 0 };
}

/* The attribute's payload when it is large enough for `type`, else NULL. */
#define payload(attr, type) \
	((attr) && nla_len(attr) >= (int)sizeof(type) ? (const type *)nla_data(attr) : NULL)

static void read_vlan(struct nlattr **attrs, struct vfpool_settings *settings)
{
	const struct ifla_vf_vlan *vlan = payload(attrs[IFLA_VF_VLAN], struct ifla_vf_vlan);
	struct nlattr *entry;
	int left;

	if (!vlan)
		return;
	settings->have |= VFPOOL_ATTR_VLAN;
	settings->vlan = (uint16_t)vlan->vlan;
	settings->qos = (uint8_t)vlan->qos;
	settings->vlan_proto = 0x8100;
	if (!attrs[IFLA_VF_VLAN_LIST])
		return;
	nla_for_each_nested (entry, attrs[IFLA_VF_VLAN_LIST], left) {
		const struct ifla_vf_vlan_info *info = payload(entry, struct ifla_vf_vlan_info);

		if (info && info->vlan && info->vlan_proto == htons(0x88a8))
			settings->vlan_proto = 0x88a8;
	}
}

/* Copies the GUID: netlink aligns to 4 bytes, and it wants 8. */
static bool copy_guid(struct nlattr *attr, struct ifla_vf_guid *guid)
{
	if (!attr || nla_len(attr) < (int)sizeof(*guid))
		return false;
	memcpy(guid, nla_data(attr), sizeof(*guid));
	return true;
}

/* Reads the VF's GUID, which is known only when both of it are, and not 0 only when they are alike. */
static void read_guid(struct nlattr **attrs, struct vfpool_settings *settings)
{
	struct ifla_vf_guid node, port;

	if (!copy_guid(attrs[IFLA_VF_IB_NODE_GUID], &node) ||
	    !copy_guid(attrs[IFLA_VF_IB_PORT_GUID], &port))
		return;
	settings->have |= VFPOOL_ATTR_GUID;
	settings->guid = node.guid == port.guid ? node.guid : 0;
}

/* A driver that doesn't know a switch leaves the kernel's -1. */
#define UNKNOWN_SETTING UINT32_MAX

/* Spoof check, trust and RSS query: a VF's number and a switch. */
struct vf_switch {
	uint32_t vf, setting;
};

static void read_switch(struct nlattr *attr, enum vfpool_attr which, bool *value,
			struct vfpool_settings *settings)
{
	const struct vf_switch *is = payload(attr, struct vf_switch);

	if (!is || is->setting == UNKNOWN_SETTING)
		return;
	settings->have |= which;
	*value = is->setting;
}

static int read_vf(struct nlattr *nest, struct rtnl_vf *vf)
{
	struct nlattr *attrs[IFLA_VF_MAX + 1];
	struct vfpool_settings *settings = &vf->settings;
	const struct ifla_vf_mac *mac;
	const struct ifla_vf_rate *rate;
	const struct ifla_vf_link_state *link;

	if (nla_parse_nested(attrs, IFLA_VF_MAX, nest, NULL) < 0)
		return -EBADMSG;
	mac = payload(attrs[IFLA_VF_MAC], struct ifla_vf_mac);
	if (!mac)
		return -EBADMSG;
	vf->index = mac->vf;
	memcpy(settings->mac.byte, mac->mac, sizeof(settings->mac.byte));
	settings->have = VFPOOL_ATTR_MAC;
	read_vlan(attrs, settings);
	rate = payload(attrs[IFLA_VF_RATE], struct ifla_vf_rate);
	if (rate) {
		settings->have |= VFPOOL_ATTR_RATE;
		settings->min_rate = rate->min_tx_rate;
		settings->max_rate = rate->max_tx_rate;
	}
	link = payload(attrs[IFLA_VF_LINK_STATE], struct ifla_vf_link_state);
	if (link && link->link_state <= VFPOOL_LINK_OFF) {
		settings->have |= VFPOOL_ATTR_LINK;
		settings->link = link->link_state;
	}
	read_guid(attrs, settings);
	read_switch(attrs[IFLA_VF_SPOOFCHK], VFPOOL_ATTR_SPOOFCHK, &settings->spoofchk, settings);
	read_switch(attrs[IFLA_VF_TRUST], VFPOOL_ATTR_TRUST, &settings->trust, settings);
	read_switch(attrs[IFLA_VF_RSS_QUERY_EN], VFPOOL_ATTR_RSS_QUERY, &settings->rss_query,
		    settings);
	return 0;
}

/*
 * Reads `n` VFs from the list's start, whatever its 16-bit length says: with
 * many VFs that length wraps. Returns the list's true size, which must agree
 * with the length modulo 65536.
 */
static int read_vf_list(struct nlattr *list, int left, uint32_t n, struct rtnl_pf *link)
{
	struct nlattr *nest = nla_data(list);
	int size = 0;

	left -= NLA_HDRLEN;
	/* A VF takes more than 36 bytes: a larger number is a lie. */
	if (link->vfs || n > (uint32_t)left / 36)
		return -EBADMSG;
	link->vfs = calloc(n ? n : 1, sizeof(*link->vfs));
	if (!link->vfs)
		return -ENOMEM;
	for (; link->n_vfs < n; link->n_vfs++) {
		int nest_size;

		/* A VF whose driver can't answer now, as in a reset, is left out. */
		if ((uint16_t)(size + NLA_HDRLEN) == list->nla_len &&
		    (!nla_ok(nest, left - size) || nla_type(nest) != IFLA_VF_INFO))
			break;
		if (!nla_ok(nest, left - size) || nla_type(nest) != IFLA_VF_INFO ||
		    read_vf(nest, &link->vfs[link->n_vfs]) < 0)
			return -EBADMSG;
		nest_size = nla_total_size(nla_len(nest));
		size += nest_size;
		nest = (struct nlattr *)((char *)nest + nest_size);
	}
	if ((uint16_t)(size + NLA_HDRLEN) != list->nla_len)
		return -EBADMSG;
	return size;
}

static int read_altnames(struct nlattr *list, struct rtnl_pf *link)
{
	struct nlattr *entry;
	int left;

	nla_for_each_nested (entry, list, left) {
		char **grown, name[128];

		if (nla_type(entry) != IFLA_ALT_IFNAME)
			continue;
		nla_strlcpy(name, entry, sizeof(name));
		if (!netdev_name_is_valid(name))
			continue;
		grown = reallocarray(link->altnames, link->n_altnames + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		link->altnames = grown;
		grown[link->n_altnames] = strdup(name);
		if (!grown[link->n_altnames++])
			return -ENOMEM;
	}
	return 0;
}

static void read_mac(struct nlattr *attr, struct rtnl_pf *link)
{
	if (nla_len(attr) != (int)sizeof(link->mac.byte))
		return;
	memcpy(link->mac.byte, nla_data(attr), sizeof(link->mac.byte));
	link->has_mac = true;
}

static int read_link(struct nlmsghdr *reply, void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(reply);
	struct rtnl_pf *link = arg;
	struct nlattr *attr;
	uint32_t n_vfs = 0;
	bool permanent = false;
	int left, r;

	if (reply->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(reply, sizeof(*info)))
		return -EBADMSG;
	link->up = info->ifi_flags & IFF_UP;
	link->carrier = info->ifi_flags & IFF_LOWER_UP;
	link->is_infiniband = info->ifi_type == ARPHRD_INFINIBAND;
	attr = nlmsg_attrdata(reply, sizeof(*info));
	left = nlmsg_attrlen(reply, sizeof(*info));
	/* A wrapped list may claim less than its header: nla_ok() is not for it. */
	while (left >= NLA_HDRLEN && (nla_type(attr) == IFLA_VFINFO_LIST || nla_ok(attr, left))) {
		int size = (int)nla_total_size(nla_len(attr));

		r = 0;
		switch (nla_type(attr)) {
		case IFLA_ADDRESS:
			if (!permanent)
				read_mac(attr, link);
			break;
		case IFLA_PERM_ADDRESS:
			permanent = true;
			read_mac(attr, link);
			break;
		case IFLA_PROP_LIST:
			r = read_altnames(attr, link);
			break;
		case IFLA_NUM_VF:
			n_vfs = nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
			break;
		case IFLA_VFINFO_LIST:
			r = read_vf_list(attr, left, n_vfs, link);
			size = r + NLA_HDRLEN;
			break;
		}
		if (r < 0)
			return r;
		left -= size;
		attr = (struct nlattr *)((char *)attr + size);
	}
	return 0;
}

int rtnl_read_pf(struct nlsock *sock, int ifindex, bool with_vfs, struct rtnl_pf *ret_link)
{
	CLEANUP(cleanup_msg) struct nl_msg *msg = new_message(RTM_GETLINK, 0, ifindex, 256);
	struct rtnl_pf link = { 0 };
	char reason[NLSOCK_REASON];
	int r;

	/* Statistics would take a third of the reply. */
	if (!msg || nla_put_u32(msg, IFLA_EXT_MASK,
				RTEXT_FILTER_SKIP_STATS | (with_vfs ? RTEXT_FILTER_VF : 0)) < 0)
		return -ENOMEM;
	r = nlsock_talk(sock, msg, read_link, &link, reason);
	if (r < 0)
		rtnl_pf_end(&link);
	else
		*ret_link = link;
	return r;
}

struct address_search {
	unsigned ifindex;
	bool found;
};

static int see_address(struct nlmsghdr *reply, void *arg)
{
	const struct ifaddrmsg *info = nlmsg_data(reply);
	struct address_search *search = arg;

	if (reply->nlmsg_type == RTM_NEWADDR && nlmsg_valid_hdr(reply, sizeof(*info)))
		search->found = search->found || info->ifa_index == search->ifindex;
	return 0;
}

int rtnl_has_address(struct nlsock *sock, int ifindex, bool *ret_has)
{
	CLEANUP(cleanup_msg) struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	struct address_search search = { .ifindex = (unsigned)ifindex };
	struct ifaddrmsg info = { .ifa_family = AF_UNSPEC };
	char reason[NLSOCK_REASON];
	int r;

	if (!msg || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	r = nlsock_talk(sock, msg, see_address, &search, reason);
	if (r == 0)
		*ret_has = search.found;
	return r;
}

/* The kernel's IFLA_PARENT_DEV_BUS_NAME, since Linux 5.14. */
#define PARENT_BUS_NAME 57

struct link_search {
	struct host_links found;
	bool has_buses; /* the kernel tells on which bus a link's device is */
};

static void read_link_mac(struct nlmsghdr *reply, int type, struct host_link *link)
{
	const struct nlattr *attr = nlmsg_find_attr(reply, sizeof(struct ifinfomsg), type);
	struct vfpool_mac *mac = &link->macs[link->n_macs];

	if (!attr || nla_len(attr) != (int)sizeof(mac->byte))
		return;
	memcpy(mac->byte, nla_data(attr), sizeof(mac->byte));
	link->n_macs++;
}

static int see_link(struct nlmsghdr *reply, void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(reply);
	struct host_link link = { .name = "?" }, *grown;
	struct link_search *search = arg;
	struct nlattr *attr;

	if (reply->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(reply, sizeof(*info)))
		return 0;
	link.ifindex = info->ifi_index;
	read_link_mac(reply, IFLA_ADDRESS, &link);
	read_link_mac(reply, IFLA_PERM_ADDRESS, &link);
	attr = nlmsg_find_attr(reply, sizeof(*info), PARENT_BUS_NAME);
	link.may_have_vfs = attr && nla_strcmp(attr, "pci") == 0;
	search->has_buses = search->has_buses || attr;
	attr = nlmsg_find_attr(reply, sizeof(*info), IFLA_IFNAME);
	if (attr)
		nla_strlcpy(link.name, attr, sizeof(link.name));
	grown = reallocarray(search->found.list, search->found.n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	search->found.list = grown;
	grown[search->found.n++] = link;
	return 0;
}

int rtnl_links(struct nlsock *sock, struct host_links *ret_links)
{
	CLEANUP(cleanup_msg) struct nl_msg *msg = new_message(RTM_GETLINK, NLM_F_DUMP, 0, 256);
	struct link_search search = { 0 };
	char reason[NLSOCK_REASON];
	int r;

	if (!msg || nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		return -ENOMEM;
	r = nlsock_talk(sock, msg, see_link, &search, reason);
	if (r < 0) {
		free(search.found.list);
		return r;
	}
	/* An older kernel leaves each of them to be asked. */
	for (size_t i = 0; i < search.found.n && !search.has_buses; i++)
		search.found.list[i].may_have_vfs = true;
	*ret_links = search.found;
	return 0;
}
