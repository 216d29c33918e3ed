/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One function talks to the kernel over netlink; tests put a scripted peer in
 * its place. */
#ifndef VFPOOL_NLSOCK_H
#define VFPOOL_NLSOCK_H

#include <netlink/msg.h>

struct nlsock;

/* Opens a socket; `protocol` is NETLINK_ROUTE or NETLINK_GENERIC. */
int nlsock_open(int protocol, struct nlsock **ret_sock);
void nlsock_close(struct nlsock *sock);

typedef int (*nlsock_reply_fn)(struct nlmsghdr *reply, void *arg);

/* Room for what the kernel adds to an error. */
#define NLSOCK_REASON 128

/*
 * Sends one request and waits for its answer: a reply or, of a dump, several,
 * handed to `on_reply`, or the acknowledgement. Returns the kernel's error (a negative errno), with
 * its extended acknowledgement in `reason`, "" when there is none; -E_SILENT
 * when it doesn't answer.
 */
int nlsock_talk(struct nlsock *sock, struct nl_msg *request, nlsock_reply_fn on_reply, void *arg,
		char reason[NLSOCK_REASON]);

#endif
