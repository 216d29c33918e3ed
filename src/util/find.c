/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking up in plain data. */
#include "vfpool.h"

const struct vfpool_vf *vfpool_find_vf(const struct vfpool_pf *pf, unsigned index)
{
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i].index == index)
			return &pf->vfs[i];
	return NULL;
}
