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
	unsigned messages; /* RTM_SETLINK that came */
	unsigned largest;  /* VFs in the largest of them */
	/* What goes wrong: */
	int culprit; /* this VF refuses `culprit_attr` with `error`; -1: none */
	unsigned culprit_attr;
	int error;
	unsigned refusals; /* how often; UINT_MAX: always */
	unsigned ignored;  /* attributes that are accepted and not taken */
	unsigned lacks;    /* attributes that answer EOPNOTSUPP */
	bool no_qinq;      /* a VLAN as 802.1ad answers EPROTONOSUPPORT, as igb's */
	bool down;         /* the PF is down */
	int silent;        /* this VF is left out of a read; -1: none */
	unsigned silences; /* how often */
	int unreadable;    /* the errno of a read of its VFs; 0: none */
	bool infiniband;
	unsigned unreported; /* attributes that a read doesn't show */
	/* At the end, so that a host with few VFs takes few pages. */
	struct vfpool_settings vfs[PEER_MAX_VFS];
	uint64_t node_guids[PEER_MAX_VFS];
};

extern struct peer_pf peers[PEER_MAX_PFS];

/*
 * In the environment of a program that isn't a unit test:
 *  - PEER_CARD=WORDS, what kind of cards all are: no-qinq, no-ATTR (lacks), mute-ATTR (unreported) and
 *    deaf-ATTR (ignored), with ATTR as vfpool_attr_name() spells it; sick-ATTR: VF 1 refuses it, EINVAL.
 *  - PEER_REFUSES="VF ERRNO": that VF of each PF refuses every setting; PEER_REFUSES_READ=ERRNO: PFs can't be read.
 *  - PEER_LOG=FILE: a line for each RTM_SETLINK that comes, with its interface index.
 *  - PEER_TELLS_NO_BUS=1: a dump of links lacks the bus of their devices, as before Linux 5.14.
 */

/* The one that unit tests use. */
#define peer (peers[0])

/* A PF with n VFs as a driver makes them. */
void peer_reset(unsigned n_vfs);

/* All of them so, as in a program that isn't a unit test: the environment's
 * PEER_VFS says how many VFs each has. */
void peer_reset_all(void);

/*
 * With PEER_STATE=FILE in the environment the VFs' settings live in that file, so
 * that all processes see one kernel and a killed one leaves what it did: PF i's
 * VF j is record i * PEER_VFS + j. A record is never across two pages, and one
 * write changes it, whole: as a system call does it, which no kill interrupts.
 */
struct peer_record {
	union {
		struct {
			struct vfpool_settings settings;
			uint64_t node_guid;
		};
		char size[64];
	};
};

_Static_assert(4096 % sizeof(struct peer_record) == 0, "a record must not cross pages");

#endif
