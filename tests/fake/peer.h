/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scripted rtnetlink peer in the place of host/nlsock.c: one PF with VFs,
 * which behaves as the kernel was seen to. It applies a list in order, stops
 * at the first error, and lets the list's 16-bit length wrap.
 */
#ifndef VFPOOL_FAKE_PEER_H
#define VFPOOL_FAKE_PEER_H

#include "vfpool.h"

#define PEER_IFINDEX 7
#define PEER_MAX_VFS 4096

struct peer {
	unsigned n_vfs;
	struct vfpool_settings vfs[PEER_MAX_VFS];
	unsigned messages;    /* RTM_SETLINK that came */
	unsigned largest;     /* VFs in the largest of them */
	/* What goes wrong: */
	int culprit;          /* this VF refuses `culprit_attr` with `error`; -1: none */
	unsigned culprit_attr;
	int error;
	unsigned refusals;    /* how often; UINT_MAX: always */
	unsigned ignored;     /* attributes that are accepted and not taken */
	unsigned lacks;       /* attributes that answer EOPNOTSUPP */
	bool down;            /* the PF is down */
	unsigned unreported;  /* attributes that a read doesn't show */
};

extern struct peer peer;

/* A PF with n VFs as a driver makes them. */
void peer_reset(unsigned n_vfs);

#endif
