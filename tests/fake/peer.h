/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scripted rtnetlink peer in the place of host/nlsock.c: PFs with VFs, which
 * behaves as the kernel was seen to. It applies a list in order, stops
 * at the first error, and lets the list's 16-bit length wrap.
 */
#ifndef VFPOOL_FAKE_PEER_H
#define VFPOOL_FAKE_PEER_H

#include "vfpool.h"

/* The first PF; the next ones follow. */
#define PEER_IFINDEX 7
#define PEER_MAX_PFS 64
#define PEER_MAX_VFS 4096

struct peer_pf {
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
	int silent;           /* this VF is left out of a read; -1: none */
	unsigned silences;    /* how often */
	bool unreadable;      /* a read of its VFs is EMSGSIZE */
	bool infiniband;
	uint64_t node_guids[PEER_MAX_VFS];
	unsigned unreported;  /* attributes that a read doesn't show */
};

extern struct peer_pf peers[PEER_MAX_PFS];

/* The one that unit tests use. */
#define peer (peers[0])

/* A PF with n VFs as a driver makes them. */
void peer_reset(unsigned n_vfs);

/* All of them so, as in a program that isn't a unit test: the environment's
 * PEER_VFS says how many VFs each has. */
void peer_reset_all(void);

#endif
