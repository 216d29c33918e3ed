/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/words.h"

const char *words_for_kind(enum vfpool_kind kind)
{
	return kind == VFPOOL_ENDPOINT ? "endpoint" :
	       kind == VFPOOL_BRIDGE   ? "bridge" :
					 "root port";
}

const char *words_for_allocate(enum vfpool_allocate allocate)
{
	return allocate == VFPOOL_BY_LIBVIRT ? "libvirt" : "vfpool";
}
