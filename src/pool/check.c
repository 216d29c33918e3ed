/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Do the definitions agree with each other and with the cards? */
#include "pool/pool.h"

#include "util/error.h"
#include "util/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vfpool_pool_has_vf(const struct vfpool_pool_pf *pf, unsigned index)
{
	if (pf->n_vfs == 0)
		return index < pf->numvfs;
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (index >= pf->vfs[i].first && index <= pf->vfs[i].last)
			return true;
	return false;
}

static void virtualport_end(struct vfpool_virtualport *port)
{
	free(port->type);
	for (size_t i = 0; i < port->n_parameters; i++) {
		free(port->parameters[i].name);
		free(port->parameters[i].value);
	}
}

void vfpool_pool_free(struct vfpool_pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < pool->n_portgroups; i++) {
		free(pool->portgroups[i].name);
		virtualport_end(&pool->portgroups[i].virtualport);
	}
	free(pool->portgroups);
	virtualport_end(&pool->virtualport);
	free(pool->driver_model);
	free(pool->teaming_network);
	free(pool->teaming_bridge);
	for (size_t i = 0; i < pool->n_pfs; i++) {
		free(pool->pfs[i].dev);
		free(pool->pfs[i].vfs);
	}
	free(pool->pfs);
	free(pool->name);
	free(pool->file);
	free(pool->seed);
	free(pool->network);
	free(pool);
}

void vfpool_pools_free(struct vfpool_pool **pools)
{
	for (struct vfpool_pool **pool = pools; pool && *pool; pool++)
		vfpool_pool_free(*pool);
	free(pools);
}

void vfpool_pool_pf_format(const struct vfpool_pool_pf *want, char *text, size_t size)
{
	char address[VFPOOL_PCI_TEXT], mac[VFPOOL_MAC_TEXT];

	switch (want->by) {
	case VFPOOL_PF_BY_DEV:
		snprintf(text, size, "dev='%s'", want->dev);
		return;
	case VFPOOL_PF_BY_ADDRESS:
		vfpool_pci_format(&want->address, address);
		snprintf(text, size, "address='%s'", address);
		return;
	case VFPOOL_PF_BY_MAC:
		vfpool_mac_format(&want->mac, mac);
		snprintf(text, size, "mac='%s'", mac);
		return;
	}
}

bool pool_pf_matches(const struct vfpool_pool_pf *want, const struct vfpool_pf *pf)
{
	switch (want->by) {
	case VFPOOL_PF_BY_ADDRESS:
		return vfpool_pci_equal(&want->address, &pf->address);
	case VFPOOL_PF_BY_MAC:
		return pf->has_mac && vfpool_mac_equal(&want->mac, &pf->mac);
	case VFPOOL_PF_BY_DEV:
		if (pf->netdev && strcmp(pf->netdev, want->dev) == 0)
			return true;
		for (size_t i = 0; i < pf->n_altnames; i++)
			if (strcmp(pf->altnames[i], want->dev) == 0)
				return true;
		return false;
	}
	return false;
}

static bool same_selector(const struct vfpool_pool_pf *a, const struct vfpool_pool_pf *b)
{
	if (a->by != b->by)
		return false;
	switch (a->by) {
	case VFPOOL_PF_BY_DEV:
		return strcmp(a->dev, b->dev) == 0;
	case VFPOOL_PF_BY_ADDRESS:
		return vfpool_pci_equal(&a->address, &b->address);
	case VFPOOL_PF_BY_MAC:
		return vfpool_mac_equal(&a->mac, &b->mac);
	}
	return false;
}

static bool same_pf(const struct pool_claim *a, const struct pool_claim *b)
{
	if (a->pf && b->pf)
		return a->pf == b->pf;
	return same_selector(a->want, b->want);
}

/* Returns the first VF that both have, -1: none. */
static int common_vf(const struct vfpool_pool_pf *a, const struct vfpool_pool_pf *b)
{
	for (unsigned i = 0; i < a->numvfs; i++)
		if (vfpool_pool_has_vf(a, i) && vfpool_pool_has_vf(b, i))
			return (int)i;
	return -1;
}

static int check_pair(const struct pool_claim *a, const struct pool_claim *b, struct error *err)
{
	int vf;

	if (!same_pf(a, b))
		return 0;
	if (a->pool == b->pool)
		return fail(
			err, -EINVAL,
			"%s:%d: the PF is in the pool already (line %d); name all its VFs there, as "
			"in vfs='0-3,6'",
			b->pool->file, b->want->line, a->want->line);
	if (a->want->numvfs != b->want->numvfs)
		return fail(
			err, -EINVAL,
			"%s:%d: numvfs='%u', but %s:%d has numvfs='%u' for the same PF; "
			"pools that share a PF must agree ('vfpool define' takes several files at once)",
			b->pool->file, b->want->line, b->want->numvfs, a->pool->file, a->want->line,
			a->want->numvfs);
	if (a->want->up != b->want->up)
		return fail(err, -EINVAL,
			    "%s:%d: up='%s', but %s:%d has up='%s' for the same PF; "
			    "pools that share a PF must agree",
			    b->pool->file, b->want->line, b->want->up ? "yes" : "no", a->pool->file,
			    a->want->line, a->want->up ? "yes" : "no");
	vf = common_vf(a->want, b->want);
	if (vf >= 0)
		return fail(err, -EINVAL,
			    "%s:%d: VF %d is already in pool %s (%s:%d); give each pool its own "
			    "with vfs='…'",
			    b->pool->file, b->want->line, vf, a->pool->name, a->pool->file,
			    a->want->line);
	return 0;
}

static int check_against_card(const struct pool_claim *claim, struct error *err)
{
	char address[VFPOOL_PCI_TEXT];

	if (!claim->pf)
		return 0;
	vfpool_pci_format(&claim->pf->address, address);
	if (!claim->pf->is_network)
		return fail(
			err, -EINVAL,
			"%s:%d: %s is no network card; vfpool lists other SR-IOV devices, but has "
			"no pools of them",
			claim->pool->file, claim->want->line, address);
	if (claim->want->numvfs <= claim->pf->totalvfs)
		return 0;
	return fail(err, -EINVAL, "%s:%d: numvfs='%u', but %s has %u VFs at most",
		    claim->pool->file, claim->want->line, claim->want->numvfs,
		    pf_name(claim->pf, address), claim->pf->totalvfs);
}

static unsigned long count_vectors(const struct pool_claim *claim)
{
	unsigned long n = 0;

	for (unsigned vf = 0; vf < claim->want->numvfs; vf++)
		if (vfpool_pool_has_vf(claim->want, vf))
			n += claim->pool->vectors;
	return n;
}

/* Checks that the card has the message vectors that the n definitions give the PF's VFs. Those of VFs without a definition's word
 * aren't known: a driver may yet refuse what passes here. */
static int check_vectors(const struct pool_claim *claims, size_t n_claims, size_t i,
			 struct error *err)
{
	const struct pool_claim *claim = &claims[i];
	char address[VFPOOL_PCI_TEXT];
	unsigned long n = 0;

	if (!claim->pool->vectors || !claim->pf || claim->pf->vf_total_msix <= 0)
		return 0;
	for (size_t j = 0; j < n_claims; j++)
		if (same_pf(&claims[j], claim))
			n += count_vectors(&claims[j]);
	if (n <= (unsigned long)claim->pf->vf_total_msix)
		return 0;
	vfpool_pci_format(&claim->pf->address, address);
	return fail(
		err, -EINVAL,
		"%s:%d: <vectors count='%u'/> makes %lu message vectors%s, but %s has %d for all its "
		"VFs",
		claim->pool->file, claim->want->line, claim->pool->vectors, n,
		n > count_vectors(claim) ? " with the PF's other pools" : "",
		pf_name(claim->pf, address), claim->pf->vf_total_msix);
}

int pool_check_claim(const struct pool_claim *claims, size_t n, size_t i, struct error *err)
{
	int r = check_against_card(&claims[i], err);

	for (size_t j = 0; r == 0 && j < n; j++)
		if (j != i)
			r = check_pair(&claims[j], &claims[i], err);
	return r < 0 ? r : check_vectors(claims, n, i, err);
}

int pool_check_claims(const struct pool_claim *claims, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = pool_check_claim(claims, i + 1, i, err); /* those before it were */

		if (r < 0)
			return r;
	}
	return 0;
}

const struct vfpool_pf *vfpool_find_pf(const struct vfpool_inventory *inventory,
				       const struct vfpool_pool_pf *want)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (pool_pf_matches(want, &inventory->pfs[i]))
			return &inventory->pfs[i];
	return NULL;
}
