/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfpool says and asks over rtnetlink. */
#ifndef VFPOOL_RTNL_H
#define VFPOOL_RTNL_H

#include "host/host.h"
#include "host/nlsock.h"
#include "vfpool.h"

/* VFs in one message: the kernel holds its network lock for a whole message.
 * 655 VFs would wrap the list's 16-bit length. */
#define RTNL_GROUP_MAX 64

struct rtnl_vf {
	unsigned index;
	struct vfpool_settings settings;
};

struct rtnl_pf {
	bool up, carrier, is_infiniband;
	bool has_mac;
	struct vfpool_mac mac; /* permanent */
	char **altnames;
	size_t n_altnames;
	struct rtnl_vf *vfs;
	size_t n_vfs;
};

void rtnl_pf_end(struct rtnl_pf *link);

/* Reads a PF, with its VFs when asked. -ENODEV: no such link; -EBADMSG: not to be
 * understood. */
int rtnl_read_pf(struct nlsock *sock, int ifindex, bool with_vfs, struct rtnl_pf *ret_link);

struct rtnl_change {
	unsigned vf;
	const struct vfpool_settings *to;
	unsigned attrs; /* of `to`, what is sent */
};

/* Programs at most RTNL_GROUP_MAX VFs in one message. The kernel applies it in order
 * and stops at the first error. */
int rtnl_program(struct nlsock *sock, int ifindex, const struct rtnl_change *changes, size_t n,
		 char reason[NLSOCK_REASON]);

/* Sets the link up. */
int rtnl_set_up(struct nlsock *sock, int ifindex, char reason[NLSOCK_REASON]);

/* Finds out whether the link has an address of IP, IPv6 or what else there is. */
int rtnl_has_address(struct nlsock *sock, int ifindex, bool *ret_has);

/* Finds all links; free() the list. */
int rtnl_links(struct nlsock *sock, struct host_links *ret_links);

#endif
