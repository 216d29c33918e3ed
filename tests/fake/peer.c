/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer.h"

#include "host/nlsock.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct peer_pf peers[PEER_MAX_PFS];

static void reset(struct peer_pf *pf, unsigned n_vfs)
{
	*pf = (struct peer_pf){ .n_vfs = n_vfs, .culprit = -1, .silent = -1, .silences = UINT32_MAX, .refusals = UINT32_MAX };
	for (unsigned i = 0; i < n_vfs; i++)
		pf->vfs[i] = (struct vfpool_settings){
			.have = 2 * VFPOOL_ATTR_LAST - 1,
			.vlan_proto = 0x8100,
			.spoofchk = true,
		};
}

void peer_reset(unsigned n_vfs)
{
	reset(&peer, n_vfs);
}

void peer_reset_all(void)
{
	const char *vfs = getenv("PEER_VFS");

	for (int i = 0; i < PEER_MAX_PFS; i++)
		reset(&peers[i], vfs ? (unsigned)atoi(vfs) : 0);
}

int nlsock_open(int protocol, struct nlsock **ret_sock)
{
	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	if (getenv("PEER_VFS"))
		peer_reset_all();
	*ret_sock = NULL;
	return 0;
}

void nlsock_close(struct nlsock *sock)
{
	(void)sock;
}

static unsigned attr_of(int type)
{
	switch (type) {
	case IFLA_VF_MAC:
		return VFPOOL_ATTR_MAC;
	case IFLA_VF_VLAN:
	case IFLA_VF_VLAN_LIST:
		return VFPOOL_ATTR_VLAN;
	case IFLA_VF_RATE:
		return VFPOOL_ATTR_RATE;
	case IFLA_VF_SPOOFCHK:
		return VFPOOL_ATTR_SPOOFCHK;
	case IFLA_VF_LINK_STATE:
		return VFPOOL_ATTR_LINK;
	case IFLA_VF_TRUST:
		return VFPOOL_ATTR_TRUST;
	case IFLA_VF_RSS_QUERY_EN:
		return VFPOOL_ATTR_RSS_QUERY;
	case IFLA_VF_IB_NODE_GUID:
	case IFLA_VF_IB_PORT_GUID:
		return VFPOOL_ATTR_GUID;
	}
	return 0;
}

static uint64_t guid_of(struct nlattr *attr)
{
	struct ifla_vf_guid guid;

	memcpy(&guid, nla_data(attr), sizeof(guid)); /* may be misaligned */
	return guid.guid;
}

static void take(struct vfpool_settings *vf, struct nlattr *attr)
{
	const void *data = nla_data(attr);

	switch (nla_type(attr)) {
	case IFLA_VF_MAC:
		memcpy(vf->mac.byte, ((const struct ifla_vf_mac *)data)->mac, 6);
		break;
	case IFLA_VF_VLAN:
		vf->vlan = (uint16_t)((const struct ifla_vf_vlan *)data)->vlan;
		vf->qos = (uint8_t)((const struct ifla_vf_vlan *)data)->qos;
		vf->vlan_proto = 0x8100;
		break;
	case IFLA_VF_VLAN_LIST:
		data = nla_data(nla_data(attr));
		vf->vlan = (uint16_t)((const struct ifla_vf_vlan_info *)data)->vlan;
		vf->qos = (uint8_t)((const struct ifla_vf_vlan_info *)data)->qos;
		vf->vlan_proto = ntohs(((const struct ifla_vf_vlan_info *)data)->vlan_proto);
		break;
	case IFLA_VF_RATE:
		vf->min_rate = ((const struct ifla_vf_rate *)data)->min_tx_rate;
		vf->max_rate = ((const struct ifla_vf_rate *)data)->max_tx_rate;
		break;
	case IFLA_VF_SPOOFCHK:
		vf->spoofchk = ((const struct ifla_vf_spoofchk *)data)->setting;
		break;
	case IFLA_VF_LINK_STATE:
		vf->link = ((const struct ifla_vf_link_state *)data)->link_state;
		break;
	case IFLA_VF_TRUST:
		vf->trust = ((const struct ifla_vf_trust *)data)->setting;
		break;
	case IFLA_VF_IB_PORT_GUID:
		vf->guid = guid_of(attr);
		break;
	case IFLA_VF_RSS_QUERY_EN:
		vf->rss_query = ((const struct ifla_vf_rss_query_en *)data)->setting;
		break;
	}
}

/* The VF's number is the first field of each attribute. */
static uint32_t vf_of(struct nlattr *attr)
{
	if (nla_type(attr) == IFLA_VF_VLAN_LIST)
		attr = nla_data(attr);
	return *(const uint32_t *)nla_data(attr);
}

static int set_attr(struct peer_pf *pf, struct nlattr *attr)
{
	unsigned which = attr_of(nla_type(attr));
	uint32_t vf = vf_of(attr);

	if (vf >= pf->n_vfs)
		return -EINVAL;
	if ((int)vf == pf->culprit && which & pf->culprit_attr && pf->refusals > 0) {
		pf->refusals--;
		return pf->error;
	}
	if (which & pf->lacks)
		return -EOPNOTSUPP;
	if (which & pf->ignored)
		return 0;
	if (nla_type(attr) == IFLA_VF_IB_NODE_GUID)
		pf->node_guids[vf] = guid_of(attr);
	else
		take(&pf->vfs[vf], attr);
	return 0;
}

static int set_link(struct peer_pf *pf, struct nlmsghdr *message)
{
	struct nlattr *list, *info, *attr;
	unsigned n = 0;
	int left, left2, r = 0;

	pf->messages++;
	list = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_VFINFO_LIST);
	if (!list)
		return 0;
	nla_for_each_nested(info, list, left) {
		n++;
		nla_for_each_nested(attr, info, left2) {
			if (r == 0)
				r = set_attr(pf, attr);
			if (attr_of(nla_type(attr)) == VFPOOL_ATTR_GUID)
				break; /* as do_setvfinfo() does */
		}
	}
	if (n > pf->largest)
		pf->largest = n;
	return r;
}

/* ---- the reply to RTM_GETLINK; a buffer of its own, since libnl's builder
 * refuses what wraps ---- */

struct reply {
	char *data;
	size_t size;
};

static void *put(struct reply *reply, int type, const void *data, size_t size)
{
	struct nlattr *attr = (struct nlattr *)(reply->data + reply->size);

	attr->nla_type = (uint16_t)type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (data)
		memcpy(nla_data(attr), data, size);
	reply->size += NLA_HDRLEN + NLA_ALIGN(size);
	return attr;
}

static void put_vf(struct reply *reply, const struct peer_pf *pf, unsigned index)
{
	const struct vfpool_settings *vf = &pf->vfs[index];
	struct ifla_vf_mac mac = { .vf = index };
	struct ifla_vf_vlan vlan = { index, vf->vlan, vf->qos };
	struct ifla_vf_rate rate = { index, vf->min_rate, vf->max_rate };
	struct ifla_vf_spoofchk spoofchk = { index, vf->spoofchk };
	struct ifla_vf_link_state link = { index, vf->link };
	struct ifla_vf_trust trust = { index, vf->trust };
	struct ifla_vf_rss_query_en rss_query = { index, vf->rss_query };
	struct ifla_vf_guid node_guid = { .vf = index, .guid = pf->node_guids[index] };
	struct ifla_vf_guid port_guid = { .vf = index, .guid = vf->guid };
	struct ifla_vf_vlan_info vlan_info = { index, vf->vlan, vf->qos, htons(vf->vlan_proto) };
	size_t start = reply->size, list;
	struct nlattr *nest = put(reply, IFLA_VF_INFO, NULL, 0), *vlan_list;

	memcpy(mac.mac, vf->mac.byte, 6);
	if (pf->unreported & VFPOOL_ATTR_SPOOFCHK)
		spoofchk.setting = UINT32_MAX;
	if (pf->unreported & VFPOOL_ATTR_TRUST)
		trust.setting = UINT32_MAX;
	put(reply, IFLA_VF_MAC, &mac, sizeof(mac));
	put(reply, IFLA_VF_VLAN, &vlan, sizeof(vlan));
	put(reply, IFLA_VF_RATE, &rate, sizeof(rate));
	put(reply, IFLA_VF_SPOOFCHK, &spoofchk, sizeof(spoofchk));
	put(reply, IFLA_VF_LINK_STATE, &link, sizeof(link));
	put(reply, IFLA_VF_TRUST, &trust, sizeof(trust));
	put(reply, IFLA_VF_RSS_QUERY_EN, &rss_query, sizeof(rss_query));
	if (pf->infiniband) {
		put(reply, IFLA_VF_IB_NODE_GUID, &node_guid, sizeof(node_guid));
		put(reply, IFLA_VF_IB_PORT_GUID, &port_guid, sizeof(port_guid));
	}
	list = reply->size;
	vlan_list = put(reply, IFLA_VF_VLAN_LIST, NULL, 0);
	put(reply, IFLA_VF_VLAN_INFO, &vlan_info, sizeof(vlan_info));
	vlan_list->nla_len = (uint16_t)(reply->size - list);
	nest->nla_len = (uint16_t)(reply->size - start);
}

static int get_link(struct peer_pf *pf, struct nlmsghdr *message, nlsock_reply_fn on_reply,
		    void *arg)
{
	const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 0, (uint8_t)(1 + (pf - peers)) };
	struct reply reply = { calloc(1, 1024 + 256 * (size_t)pf->n_vfs), 0 };
	struct nlmsghdr *header = (struct nlmsghdr *)reply.data;
	struct ifinfomsg *info = nlmsg_data(header);
	uint32_t n = pf->n_vfs;
	struct nlattr *list;
	size_t start;
	int r;

	if (pf->unreadable) {
		free(reply.data);
		return -EMSGSIZE;
	}
	*header = (struct nlmsghdr){ .nlmsg_type = RTM_NEWLINK, .nlmsg_seq = message->nlmsg_seq };
	*info = (struct ifinfomsg){ .ifi_index = PEER_IFINDEX + (int)(pf - peers),
				     .ifi_type = pf->infiniband ? ARPHRD_INFINIBAND :
								  ARPHRD_ETHER,
				     .ifi_flags = pf->down ? 0 : IFF_UP | IFF_LOWER_UP };
	reply.size = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*info));
	put(&reply, IFLA_NUM_VF, &n, sizeof(n));
	start = reply.size;
	list = put(&reply, IFLA_VFINFO_LIST, NULL, 0);
	for (unsigned i = 0; i < n; i++)
		if ((int)i != pf->silent || pf->silences == 0)
			put_vf(&reply, pf, i);
	if (pf->silent >= 0 && pf->silences > 0)
		pf->silences--;
	list->nla_len = (uint16_t)(reply.size - start); /* wraps, as the kernel's */
	put(&reply, IFLA_PERM_ADDRESS, mac, sizeof(mac));
	header->nlmsg_len = (uint32_t)reply.size;
	r = on_reply(header, arg);
	free(reply.data);
	return r;
}

int nlsock_talk(struct nlsock *sock, struct nl_msg *request, nlsock_reply_fn on_reply, void *arg,
		char reason[NLSOCK_REASON])
{
	struct nlmsghdr *message = nlmsg_hdr(request);
	const struct ifinfomsg *info = nlmsg_data(message);

	unsigned which = (unsigned)info->ifi_index - PEER_IFINDEX;

	(void)sock;
	reason[0] = '\0';
	if (which >= PEER_MAX_PFS || peers[which].n_vfs == 0)
		return -ENODEV;
	return message->nlmsg_type == RTM_SETLINK ? set_link(&peers[which], message) :
						    get_link(&peers[which], message, on_reply, arg);
}
