/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool's new name: in its definition, its file's name and the ledger, whole or not at all (definition_changes.c). */
#include "manager/definition_changes.h"
#include "manager/context.h"
#include "manager/definition_files.h"
#include "manager/definitions.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>
#include <sys/stat.h>

/* ---- the definition ---- */

/* Returns where the text of the root's <name> is, past comments, and its length; NULL: it is nowhere. */
static const char *find_name(const char *text, size_t *ret_length)
{
	const char *end;

	for (text = strchr(text, '<'); text; text = strchr(text, '<')) {
		if (strncmp(text, "<!--", 4) == 0) {
			text = strstr(text, "-->");
			if (!text)
				return NULL;
		} else if (strncmp(text, "<name", 5) == 0 && strchr("> \t\r\n", text[5])) {
			text = strchr(text, '>');
			end = text ? strchr(text, '<') : NULL;
			if (!end)
				return NULL;
			*ret_length = (size_t)(end - text - 1);
			return text + 1;
		} else {
			text++;
		}
	}
	return NULL;
}

/* Makes *ret_text, the definition with the name `to` and all else as it was given. */
static int rename_in_text(struct vfpool *vp, const struct vfpool_pool *pool, const char *text,
			  const char *to, char **ret_text)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *renamed = NULL;
	size_t length = 0;
	const char *name = find_name(text, &length);
	AUTO_FREE char *new_text =
		!name ? NULL : format_text("%.*s%s%s", (int)(name - text), text, to, name + length);
	int r;

	if (name && !new_text)
		return fail_oom(&vp->err);
	r = name ? pool_parse(new_text, strlen(new_text), pool->file, &renamed, &vp->err) : -EINVAL;
	if (r < 0 || strcmp(renamed->name, to) != 0)
		return fail(&vp->err, -EINVAL,
			    "%s: the pool's <name> can't be replaced in the text", pool->file);
	if (pool->network && strcmp(pool->network, renamed->network) != 0)
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"the pool's libvirt network would get a new name too, and guests name the old one; put "
			"<network name='%s'/> into the definition first",
			pool->network);
	*ret_text = TAKE_PTR(new_text);
	return 0;
}

/* ---- all of it ---- */

static int check_is_free(struct vfpool *vp, struct ledger *ledger, const char *name)
{
	AUTO_FREE char *path = definition_path(vp, name);
	bool known = false;
	int r = path ? ledger_knows_pool(ledger, name, &known) : fail_oom(&vp->err);

	if (r < 0)
		return r;
	if (access(path, F_OK) == 0)
		return fail(&vp->err, -VFPOOL_EINUSE, "there is a pool %s already", name);
	if (known)
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"MACs or VFs of an earlier pool %s are in the ledger; 'vfpool forget --idle 0s --pool %s' "
			"ends what is kept of it without a lease",
			name, name);
	return 0;
}

/* Returns the mode that the pool's file has, since a definition that has a seed is for root alone. */
static mode_t mode_of(const struct vfpool_pool *pool)
{
	struct stat file;

	return stat(pool->file, &file) == 0 ? file.st_mode & 0777 : 0600;
}

/* Renames the pool while nobody can lease a VF or define a pool. */
static int rename_held(struct vfpool *vp, struct ledger *ledger, const char *from, const char *to,
		       bool dry_run)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL, *new_text = NULL;
	struct definition_text stored = { .name = to };
	int r = definition_load(vp, from, &pool);

	if (r < 0)
		return r;
	r = vfpool_dumpxml(vp, from, &text);
	if (r < 0)
		return r;
	r = rename_in_text(vp, pool, text, to, &new_text);
	if (r < 0)
		return r;
	r = check_is_free(vp, ledger, to);
	if (r < 0 || dry_run)
		return r;
	stored.text = new_text;
	stored.size = strlen(new_text);
	stored.mode = mode_of(pool);
	return changes_make(vp, ledger,
			    &(struct definition_changes){
				    .from = from, .to = to, .stored = &stored, .n = 1 });
}

static int rename_pool(struct vfpool *vp, const char *name, const char *new_name, bool dry_run)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	AUTO_FREE char *path = NULL;
	int r = check_root(vp, "renaming a pool");

	if (r < 0)
		return r;
	r = definition_find(vp, name, &path);
	if (r < 0)
		return r;
	if (!pool_name_is_valid(new_name))
		return fail(
			&vp->err, -EINVAL,
			"'%s' can't be a pool's name: 1 to 50 letters, digits, '_', '.' and '-', the "
			"first a letter or digit",
			new_name);
	r = changes_hold(vp, LEDGER_WRITE, &ledger);
	return r < 0 ? r : rename_held(vp, ledger, name, new_name, dry_run);
}

int vfpool_rename_pool(struct vfpool *vp, const char *name, const char *new_name, bool dry_run)
{
	AUTO_FREE char *rules = NULL;
	int r = rename_pool(vp, name, new_name, dry_run);

	if (r < 0)
		return fail_while(&vp->err, r, "renaming pool %s", name);
	if (vfpool_udev_installed(vp, name, &rules) == 0 && rules)
		note(vp,
		     "its udev rules have the old name: 'vfpool udev %s --remove', then 'vfpool udev %s --install'",
		     name, new_name);
	return 0;
}
