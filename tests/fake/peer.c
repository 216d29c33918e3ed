/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer.h"

#include "host/nlsock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct peer_pf peers[PEER_MAX_PFS];

static const struct vfpool_settings as_new = {
	.have = 2 * VFPOOL_ATTR_LAST - 1,
	.vlan_proto = 0x8100,
	.spoofchk = true,
};

/* Nothing goes wrong with it, but for what the environment says. */
static void set_up(struct peer_pf *pf, unsigned n_vfs)
{
	const char *refuse = getenv("PEER_REFUSES"), *unreadable = getenv("PEER_REFUSES_READ");

	pf->n_vfs = n_vfs;
	pf->culprit = -1;
	pf->silent = -1;
	pf->silences = UINT32_MAX;
	pf->refusals = UINT32_MAX;
	pf->unreadable = unreadable ? atoi(unreadable) : 0;
	if (refuse && sscanf(refuse, "%d %d", &pf->culprit, &pf->error) == 2) {
		pf->culprit_attr = ~0U;
		pf->error = -pf->error;
	}
}

static void reset(struct peer_pf *pf, unsigned n_vfs)
{
	memset(pf, 0, sizeof(*pf));
	set_up(pf, n_vfs);
	for (unsigned i = 0; i < n_vfs; i++)
		pf->vfs[i] = as_new;
}

void peer_reset(unsigned n_vfs)
{
	reset(&peer, n_vfs);
}

static unsigned vfs_each(void)
{
	const char *vfs = getenv("PEER_VFS");

	return vfs ? (unsigned)atoi(vfs) : 0;
}

void peer_reset_all(void)
{
	for (int i = 0; i < PEER_MAX_PFS; i++)
		reset(&peers[i], vfs_each());
}

/* ---- cards with a character ---- */

static unsigned attr_named(const char *name)
{
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (strcmp(vfpool_attr_name(attr), name) == 0)
			return attr;
	fprintf(stderr, "PEER_CARD: there is no setting '%s'\n", name);
	abort();
}

static void take_character(struct peer_pf *pf, const char *word)
{
	if (strcmp(word, "no-qinq") == 0)
		pf->no_qinq = true;
	else if (strncmp(word, "no-", 3) == 0)
		pf->lacks |= attr_named(word + 3);
	else if (strncmp(word, "mute-", 5) == 0)
		pf->unreported |= attr_named(word + 5);
	else if (strncmp(word, "deaf-", 5) == 0)
		pf->ignored |= attr_named(word + 5);
	else if (strncmp(word, "sick-", 5) == 0) {
		pf->culprit = 1;
		pf->culprit_attr = attr_named(word + 5);
		pf->error = -EINVAL;
	}
}

static void take_characters(void)
{
	const char *words = getenv("PEER_CARD");
	char *copy = words ? strdup(words) : NULL, *rest = copy, *word;

	while (copy && (word = strsep(&rest, " ")))
		for (int i = 0; i < PEER_MAX_PFS; i++)
			take_character(&peers[i], word);
	free(copy);
}

static void log_message(const struct peer_pf *pf)
{
	const char *path = getenv("PEER_LOG");
	FILE *log = path ? fopen(path, "ae") : NULL;

	if (!log)
		return;
	fprintf(log, "%d\n", PEER_IFINDEX + (int)(pf - peers));
	fclose(log);
}

/* ---- the state in a file ---- */

static int state = -1;
static unsigned users; /* open sockets: the file is open as long as one is */

static int write_as_new(int fd)
{
	struct peer_record record = { .settings = as_new };
	size_t n = (size_t)PEER_MAX_PFS * vfs_each(), size = n * sizeof(record);
	struct peer_record *records = calloc(n + 1, sizeof(*records));
	ssize_t written = -1;

	for (size_t i = 0; records && i < n; i++)
		records[i] = record;
	if (records)
		written = write(fd, records, size);
	free(records);
	return written == (ssize_t)size ? 0 : -EIO;
}

/* Whole or not at all, and by one of those who start at once. */
static int make_state(const char *path)
{
	char draft[4096];
	int fd, r;

	if (snprintf(draft, sizeof(draft), "%s.%d", path, (int)getpid()) >= (int)sizeof(draft))
		return -ENAMETOOLONG;
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_as_new(fd);
	close(fd);
	if (r == 0 && link(draft, path) < 0 && errno != EEXIST)
		r = -errno;
	unlink(draft);
	return r;
}

static int open_state(const char *path)
{
	int r;

	state = open(path, O_RDWR | O_CLOEXEC);
	if (state < 0 && errno == ENOENT) {
		r = make_state(path);
		if (r < 0)
			return r;
		state = open(path, O_RDWR | O_CLOEXEC);
	}
	if (state < 0)
		return -errno;
	for (int i = 0; i < PEER_MAX_PFS; i++)
		set_up(&peers[i], vfs_each());
	return 0;
}

static off_t offset_of(const struct peer_pf *pf, unsigned vf)
{
	return (off_t)(((size_t)(pf - peers) * pf->n_vfs + vf) * sizeof(struct peer_record));
}

/* The PF's VFs as they are in the file. */
static int load(struct peer_pf *pf)
{
	const size_t size = pf->n_vfs * sizeof(struct peer_record);
	struct peer_record *records = malloc(size);
	int r = 0;

	if (!records || pread(state, records, size, offset_of(pf, 0)) != (ssize_t)size)
		r = -EIO;
	for (unsigned i = 0; r == 0 && i < pf->n_vfs; i++) {
		pf->vfs[i] = records[i].settings;
		pf->node_guids[i] = records[i].node_guid;
	}
	free(records);
	return r;
}

static int save(const struct peer_pf *pf, unsigned vf)
{
	struct peer_record record = { .settings = pf->vfs[vf] };

	record.node_guid = pf->node_guids[vf];
	return pwrite(state, &record, sizeof(record), offset_of(pf, vf)) == sizeof(record) ? 0 :
											     -EIO;
}

/* As a process that sleeps in the kernel: no signal ends it, and its files stay open. What kills vfpool leaves
 * this one behind, which has them all. */
static void sleep_in_kernel(const char *seconds)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	(void)fork();
	sleep((unsigned)atoi(seconds));
	_exit(1);
}

int nlsock_open(int protocol, struct nlsock **ret_sock)
{
	const char *path = getenv("PEER_STATE");
	int r = 0;

	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	if (path && users == 0)
		r = open_state(path);
	else if (!path && getenv("PEER_VFS"))
		peer_reset_all();
	if (r < 0)
		return r;
	if (users++ == 0)
		take_characters();
	*ret_sock = NULL;
	return 0;
}

void nlsock_close(struct nlsock *sock)
{
	(void)sock;
	if (users == 0 || --users > 0 || state < 0)
		return;
	close(state);
	state = -1;
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
	if (pf->no_qinq && nla_type(attr) == IFLA_VF_VLAN_LIST &&
	    ((const struct ifla_vf_vlan_info *)nla_data(nla_data(attr)))->vlan_proto !=
		    htons(0x8100))
		return -EPROTONOSUPPORT;
	if (which & pf->ignored)
		return 0;
	if (nla_type(attr) == IFLA_VF_IB_NODE_GUID)
		pf->node_guids[vf] = guid_of(attr);
	else
		take(&pf->vfs[vf], attr);
	return 0;
}

static int set_vf(struct peer_pf *pf, struct nlattr *info)
{
	struct nlattr *attr;
	int left, r = 0;

	nla_for_each_nested (attr, info, left) {
		if (r == 0)
			r = set_attr(pf, attr);
		if (attr_of(nla_type(attr)) == VFPOOL_ATTR_GUID)
			break; /* as do_setvfinfo() does */
	}
	/* What came before the error stays. */
	if (state >= 0 && nla_len(info) > 0 && vf_of(nla_data(info)) < pf->n_vfs &&
	    save(pf, vf_of(nla_data(info))) < 0)
		return -EIO;
	return r;
}

static int set_link(struct peer_pf *pf, struct nlmsghdr *message)
{
	struct nlattr *list, *info;
	unsigned n = 0;
	int left, r = 0;

	pf->messages++;
	log_message(pf);
	list = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_VFINFO_LIST);
	if (!list)
		return 0;
	nla_for_each_nested (info, list, left) {
		n++;
		if (r == 0)
			r = set_vf(pf, info);
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
	if (pf->unreported & VFPOOL_ATTR_RSS_QUERY)
		rss_query.setting = UINT32_MAX;
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

static struct vfpool_mac mac_of(const struct peer_pf *pf)
{
	return (struct vfpool_mac){ { 0x52, 0x54, 0, 1, 0, (uint8_t)(1 + (pf - peers)) } };
}

/* PEER_FAILS='7:16 8:19': so the kernel answers whoever asks for the links with these indexes. */
static int failure_of(int ifindex)
{
	int index, error, read;

	for (const char *at = getenv("PEER_FAILS");
	     at && sscanf(at, " %d:%d%n", &index, &error, &read) == 2; at += read)
		if (index == ifindex)
			return -error;
	return 0;
}

static int get_link(struct peer_pf *pf, struct nlmsghdr *message, nlsock_reply_fn on_reply,
		    void *arg)
{
	const struct vfpool_mac mac = mac_of(pf);
	struct reply reply = { calloc(1, 1024 + 256 * (size_t)pf->n_vfs), 0 };
	struct nlmsghdr *header = (struct nlmsghdr *)reply.data;
	struct ifinfomsg *info = nlmsg_data(header);
	uint32_t n = pf->n_vfs;
	struct nlattr *list;
	size_t start;
	int r;

	if (pf->unreadable) {
		free(reply.data);
		return -pf->unreadable;
	}
	*header = (struct nlmsghdr){ .nlmsg_type = RTM_NEWLINK, .nlmsg_seq = message->nlmsg_seq };
	*info = (struct ifinfomsg){ .ifi_index = PEER_IFINDEX + (int)(pf - peers),
				    .ifi_type = pf->infiniband ? ARPHRD_INFINIBAND : ARPHRD_ETHER,
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
	put(&reply, IFLA_PERM_ADDRESS, &mac, sizeof(mac));
	header->nlmsg_len = (uint32_t)reply.size;
	r = on_reply(header, arg);
	free(reply.data);
	return r;
}

/* The PF without its VFs, as one of a dump. */
static int get_short_link(struct peer_pf *pf, struct nlmsghdr *message, nlsock_reply_fn on_reply,
			  void *arg)
{
	char data[256] __attribute__((aligned(8))) = { 0 };
	const struct vfpool_mac mac = mac_of(pf);
	struct nlmsghdr *header = (struct nlmsghdr *)data;
	struct ifinfomsg *info = nlmsg_data(header);
	struct reply reply = { data, NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*info)) };
	char name[16];

	*header = (struct nlmsghdr){ .nlmsg_type = RTM_NEWLINK,
				     .nlmsg_seq = message->nlmsg_seq,
				     .nlmsg_flags = NLM_F_MULTI };
	*info = (struct ifinfomsg){ .ifi_index = PEER_IFINDEX + (int)(pf - peers),
				    .ifi_type = ARPHRD_ETHER };
	snprintf(name, sizeof(name), "pf%d", (int)(pf - peers));
	put(&reply, IFLA_IFNAME, name, strlen(name) + 1);
	put(&reply, IFLA_ADDRESS, &mac, sizeof(mac));
	put(&reply, IFLA_PERM_ADDRESS, &mac, sizeof(mac));
	if (!getenv("PEER_TELLS_NO_BUS")) /* as before Linux 5.14 */
		put(&reply, IFLA_PARENT_DEV_BUS_NAME, "pci", sizeof("pci"));
	header->nlmsg_len = (uint32_t)reply.size;
	return on_reply(header, arg);
}

static int dump_links(struct nlmsghdr *message, nlsock_reply_fn on_reply, void *arg)
{
	int r = 0;

	for (int i = 0; r == 0 && i < PEER_MAX_PFS; i++)
		if (peers[i].n_vfs > 0)
			r = get_short_link(&peers[i], message, on_reply, arg);
	return r;
}

/* With a file: as it is there now, and nobody else changes it meanwhile. */
static int talk_to(struct peer_pf *pf, struct nlmsghdr *message, nlsock_reply_fn on_reply,
		   void *arg)
{
	const bool set = message->nlmsg_type == RTM_SETLINK;
	int r = 0;

	if (state >= 0 && set && flock(state, LOCK_EX) < 0)
		return -errno;
	if (state >= 0)
		r = load(pf);
	if (r == 0)
		r = set ? set_link(pf, message) : get_link(pf, message, on_reply, arg);
	if (state >= 0 && set)
		flock(state, LOCK_UN);
	return r;
}

/* One link has an address: that of the index in PEER_ADDRESS. */
static int dump_addresses(nlsock_reply_fn on_reply, void *arg)
{
	const char *index = getenv("PEER_ADDRESS");
	char data[NLMSG_SPACE(sizeof(struct ifaddrmsg))] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *header = (struct nlmsghdr *)data;
	struct ifaddrmsg *info = nlmsg_data(header);

	if (!index)
		return 0;
	*header = (struct nlmsghdr){ .nlmsg_type = RTM_NEWADDR,
				     .nlmsg_flags = NLM_F_MULTI,
				     .nlmsg_len = NLMSG_LENGTH(sizeof(*info)) };
	*info = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_index = (unsigned)atoi(index) };
	return on_reply(header, arg);
}

int nlsock_talk(struct nlsock *sock, struct nl_msg *request, nlsock_reply_fn on_reply, void *arg,
		char reason[NLSOCK_REASON])
{
	struct nlmsghdr *message = nlmsg_hdr(request);
	const struct ifinfomsg *info = nlmsg_data(message);

	unsigned which = (unsigned)info->ifi_index - PEER_IFINDEX;

	(void)sock;
	reason[0] = '\0';
	if (getenv("PEER_SLEEP"))
		sleep_in_kernel(getenv("PEER_SLEEP"));
	if (message->nlmsg_type == RTM_GETLINK && info->ifi_index == 0 &&
	    (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump_links(message, on_reply, arg);
	if (message->nlmsg_type == RTM_GETADDR)
		return dump_addresses(on_reply, arg);
	if (which >= PEER_MAX_PFS || peers[which].n_vfs == 0)
		return -ENODEV;
	if (message->nlmsg_type == RTM_GETLINK && failure_of(info->ifi_index) < 0)
		return failure_of(info->ifi_index);
	return talk_to(&peers[which], message, on_reply, arg);
}
