/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/nlsock.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <errno.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel answers when it gets its network lock; making VFs elsewhere holds
 * that for seconds. */
#define ANSWER_SECONDS 60

/* The kernel's, in include/linux/err.h. */
#define MAX_ERRNO 4095

struct nlsock {
	struct nl_sock *nl;
};

void nlsock_close(struct nlsock *sock)
{
	if (!sock)
		return;
	nl_socket_free(sock->nl);
	free(sock);
}

DEFINE_CLEANUP(struct nlsock *, cleanup_nlsock, nlsock_close);

int nlsock_open(int protocol, struct nlsock **ret_sock)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	CLEANUP(cleanup_nlsock) struct nlsock *sock = calloc(1, sizeof(*sock));
	int on = 1;

	if (!sock)
		return -ENOMEM;
	sock->nl = nl_socket_alloc();
	if (!sock->nl)
		return -ENOMEM;
	if (nl_connect(sock->nl, protocol) < 0)
		return -EIO;
	nl_socket_disable_auto_ack(sock->nl);
	/* A reply with many VFs is larger than any buffer of a fixed size. */
	nl_socket_enable_msg_peek(sock->nl);
	if (setsockopt(nl_socket_get_fd(sock->nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) <
	    0)
		return -errno;
	/* Older kernels lack it: errors then come without a reason. */
	(void)setsockopt(nl_socket_get_fd(sock->nl), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	*ret_sock = TAKE_PTR(sock);
	return 0;
}

static void copy_reason(struct nlmsghdr *reply, const struct nlmsgerr *error,
			char reason[NLSOCK_REASON])
{
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*error);

	if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(reply->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	if (skip > (size_t)nlmsg_datalen(reply) ||
	    nlmsg_parse(reply, (int)skip, attrs, NLMSGERR_ATTR_MAX, NULL) < 0)
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		nla_strlcpy(reason, attrs[NLMSGERR_ATTR_MSG], NLSOCK_REASON);
}

/* Takes one message of the answer. Returns 1 when the answer is complete, 0 when more is to come. */
static int take_message(struct nlmsghdr *message, uint32_t sequence, nlsock_reply_fn on_reply,
			void *arg, char reason[NLSOCK_REASON])
{
	const struct nlmsgerr *error = nlmsg_data(message);
	int r;

	if (message->nlmsg_seq != sequence)
		return 0;
	if (message->nlmsg_type == NLMSG_DONE) /* of a dump */
		return 1;
	if (message->nlmsg_type != NLMSG_ERROR) {
		r = on_reply ? on_reply(message, arg) : 0;
		return r < 0 ? r : !(message->nlmsg_flags & NLM_F_MULTI);
	}
	if ((size_t)nlmsg_datalen(message) < sizeof(*error))
		return -EBADMSG;
	if (error->error == 0)
		return 1;
	copy_reason(message, error, reason);
	/* Some drivers have numbers of their own, and vfpool's lie there. */
	return error->error < -MAX_ERRNO ? -EIO : error->error;
}

static int receive(struct nlsock *sock, uint32_t sequence, nlsock_reply_fn on_reply, void *arg,
		   char reason[NLSOCK_REASON])
{
	AUTO_FREE unsigned char *buffer = NULL;
	struct sockaddr_nl from;
	int left = nl_recv(sock->nl, &from, &buffer, NULL);

	if (left == -NLE_AGAIN || left == 0)
		return -E_SILENT;
	if (left < 0)
		return left == -NLE_NOMEM ? -ENOBUFS : -EIO;
	if (from.nl_pid != 0) /* not from the kernel */
		return 0;
	for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; nlmsg_ok(message, left);
	     message = nlmsg_next(message, &left)) {
		int r = take_message(message, sequence, on_reply, arg, reason);

		if (r != 0)
			return r;
	}
	return 0;
}

int nlsock_talk(struct nlsock *sock, struct nl_msg *request, nlsock_reply_fn on_reply, void *arg,
		char reason[NLSOCK_REASON])
{
	int r;

	reason[0] = '\0';
	nl_complete_msg(sock->nl, request);
	if (nl_send(sock->nl, request) < 0)
		return -EIO;
	do
		r = receive(sock, nlmsg_hdr(request)->nlmsg_seq, on_reply, arg, reason);
	while (r == 0);
	return r < 0 ? r : 0;
}
