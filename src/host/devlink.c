/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eswitch mode, asked of the kernel's devlink over generic netlink. */
#include "host/devlink.h"
#include "host/nlsock.h"

#include "util/cleanup.h"

#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>

DEFINE_CLEANUP(struct nl_msg *, cleanup_msg, nlmsg_free);

static struct nl_msg *new_request(int family, uint8_t command, uint8_t version)
{
	struct genlmsghdr header = { .cmd = command, .version = version };
	struct nl_msg *msg = nlmsg_alloc_simple(family, NLM_F_REQUEST);

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* A 16-bit attribute of a generic netlink reply. */
struct search {
	int type;
	uint16_t value;
	bool found;
};

static int find_u16(struct nlmsghdr *reply, void *arg)
{
	struct search *search = arg;
	struct nlattr *attr = nlmsg_find_attr(reply, sizeof(struct genlmsghdr), search->type);

	if (attr && nla_len(attr) >= 2) {
		search->value = nla_get_u16(attr);
		search->found = true;
	}
	return 0;
}

int devlink_family(struct nlsock *generic, uint16_t *ret_family)
{
	CLEANUP(cleanup_msg) struct nl_msg *msg = new_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	struct search search = { .type = CTRL_ATTR_FAMILY_ID };
	char reason[NLSOCK_REASON];
	int r;

	if (!msg || nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME) < 0)
		return -ENOMEM;
	r = nlsock_talk(generic, msg, find_u16, &search, reason);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_family = search.found ? search.value : 0;
	return 0;
}

const char *devlink_eswitch(struct nlsock *generic, uint16_t family,
			    const struct vfpool_pci *address)
{
	CLEANUP(cleanup_msg)
	struct nl_msg *msg = new_request(family, DEVLINK_CMD_ESWITCH_GET, DEVLINK_GENL_VERSION);
	struct search search = { .type = DEVLINK_ATTR_ESWITCH_MODE };
	char reason[NLSOCK_REASON], text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(address, text);
	if (!msg || nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, "pci") < 0 ||
	    nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, text) < 0 ||
	    nlsock_talk(generic, msg, find_u16, &search, reason) < 0 || !search.found)
		return NULL;
	return search.value == DEVLINK_ESWITCH_MODE_SWITCHDEV ? "switchdev" : "legacy";
}
