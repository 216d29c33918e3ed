/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool's new name: in its definition, its file's name and the ledger, whole or not at all.
 *
 * pools/.rename says what is to be done, written in one step before anything else is. While it is there the rename
 * isn't finished, and whoever reads definitions next finishes it: each part of it may be done twice. The ledger is
 * locked meanwhile, so that nobody leases a VF or defines a pool in between.
 */
#include "manager/manager.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>
#include <sys/stat.h>

/* What is to be done: the file's text is OLD, NEW and the definition, a line each for the first two. */
struct renaming {
	char *journal; /* its path */
	char *text;
	const char *from, *to, *definition;
};

static void renaming_end(struct renaming *renaming)
{
	free(renaming->journal);
	free(renaming->text);
}

static char *journal_path(const struct vfpool *vp)
{
	return format_text("%s/pools/.rename", vp->dirs[VFPOOL_DIR_CONFIG]);
}

static int read_journal(struct vfpool *vp, struct renaming *renaming)
{
	size_t size;
	char *line;
	int r = read_file(renaming->journal, POOL_TEXT_MAX + 256, &renaming->text, &size, &vp->err);

	if (r < 0)
		return r;
	renaming->from = renaming->text;
	line = strchr(renaming->text, '\n');
	renaming->to = line ? line + 1 : "";
	if (line)
		*line = '\0';
	line = strchr(renaming->to, '\n');
	renaming->definition = line ? line + 1 : "";
	if (line)
		*line = '\0';
	if (pool_name_is_valid(renaming->from) && pool_name_is_valid(renaming->to) && *renaming->definition)
		return 0;
	return fail(&vp->err, -EBADMSG, "%s can't be understood; remove it", renaming->journal);
}

/* A definition that has a seed may be for root alone. */
static mode_t mode_of(const char *from, const char *to)
{
	struct stat file;

	return stat(from, &file) == 0 || stat(to, &file) == 0 ? file.st_mode & 0777 : 0600;
}

/* In a transaction, which it commits. */
static int carry_out(struct vfpool *vp, struct ledger *ledger, const struct renaming *renaming)
{
	AUTO_FREE char *from = pool_path(vp, renaming->from), *to = pool_path(vp, renaming->to);
	int r = from && to ? ledger_rename_pool(ledger, renaming->from, renaming->to) : fail_oom(&vp->err);

	if (r == 0)
		r = write_file(to, renaming->definition, strlen(renaming->definition),
			       mode_of(from, to), &vp->err);
	if (r == 0 && unlink(from) < 0 && errno != ENOENT)
		r = fail_errno(&vp->err, -errno, "removing %s", from);
	if (r == 0)
		r = ledger_commit(ledger);
	if (r == 0 && unlink(renaming->journal) < 0 && errno != ENOENT)
		r = fail_errno(&vp->err, -errno, "removing %s", renaming->journal);
	return r;
}

/* Nothing of it is done yet: the ledger will be rolled back, and the new file isn't there. Else it is to be finished. */
static int take_back(struct vfpool *vp, const struct renaming *renaming, int r)
{
	AUTO_FREE char *to = pool_path(vp, renaming->to);

	if (to && access(to, F_OK) < 0 && unlink(renaming->journal) == 0)
		return r;
	return fail(&vp->err, r, "%s; the next command of vfpool finishes it", vp->err.text);
}

static int finish(struct vfpool *vp, struct renaming *renaming)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	int r = open_ledger(vp, LEDGER_WRITE, &ledger);

	if (r == 0)
		r = ledger_begin(ledger);
	if (r < 0 || access(renaming->journal, F_OK) < 0) /* another was faster */
		return r;
	r = read_journal(vp, renaming);
	return r < 0 ? r : carry_out(vp, ledger, renaming);
}

int finish_rename(struct vfpool *vp)
{
	CLEANUP(renaming_end) struct renaming renaming = { .journal = journal_path(vp) };
	int r;

	if (!renaming.journal)
		return fail_oom(&vp->err);
	/* One who may only look, or is in the middle of something, leaves it to the next. */
	if (access(renaming.journal, F_OK) < 0 || access(renaming.journal, W_OK) < 0 || ledger_is_busy(vp->ledger))
		return 0;
	r = finish(vp, &renaming);
	return r < 0 ? fail_while(&vp->err, r, "finishing the rename of a pool") : 0;
}

/* ---- the definition ---- */

/* Where the text of the root's <name> is, past comments; NULL: nowhere. */
static const char *find_name(const char *text, size_t *ret_length)
{
	const char *end;

	while ((text = strchr(text, '<'))) {
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

/* The definition with that name, all else as it was given. */
static int rename_in_text(struct vfpool *vp, const struct vfpool_pool *pool, const char *text, const char *to,
			  char **ret_text)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *renamed = NULL;
	size_t length = 0;
	const char *name = find_name(text, &length);
	AUTO_FREE char *new_text = !name ? NULL : format_text("%.*s%s%s", (int)(name - text), text, to, name + length);
	int r;

	if (name && !new_text)
		return fail_oom(&vp->err);
	r = name ? pool_parse(new_text, strlen(new_text), pool->file, &renamed, &vp->err) : -EINVAL;
	if (r < 0 || strcmp(renamed->name, to) != 0)
		return fail(&vp->err, -EINVAL, "%s: the pool's <name> can't be replaced in the text", pool->file);
	if (pool->network && strcmp(pool->network, renamed->network) != 0)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "the pool's libvirt network would get a new name too, and guests name the old one; put "
			    "<network name='%s'/> into the definition first", pool->network);
	*ret_text = TAKE_PTR(new_text);
	return 0;
}

/* ---- all of it ---- */

static int check_is_free(struct vfpool *vp, struct ledger *ledger, const char *name)
{
	AUTO_FREE char *path = pool_path(vp, name);
	bool known = false;
	int r = path ? ledger_knows_pool(ledger, name, &known) : fail_oom(&vp->err);

	if (r < 0)
		return r;
	if (access(path, F_OK) == 0)
		return fail(&vp->err, -VFPOOL_EINUSE, "there is a pool %s already", name);
	if (known)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "MACs or VFs of an earlier pool %s are in the ledger; 'vfpool forget --idle 0s --pool %s' "
			    "ends what is kept of it without a lease", name, name);
	return 0;
}

static int rename_locked(struct vfpool *vp, struct ledger *ledger, struct renaming *renaming, bool dry_run)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *text = NULL, *new_text = NULL, *journal = NULL;
	int r = load_pool(vp, renaming->from, &pool);

	if (r == 0)
		r = vfpool_dumpxml(vp, renaming->from, &text);
	if (r == 0)
		r = rename_in_text(vp, pool, text, renaming->to, &new_text);
	if (r == 0)
		r = check_is_free(vp, ledger, renaming->to);
	if (r < 0 || dry_run)
		return r;
	renaming->definition = new_text;
	journal = format_text("%s\n%s\n%s", renaming->from, renaming->to, new_text);
	if (!journal)
		return fail_oom(&vp->err);
	r = write_file(renaming->journal, journal, strlen(journal), 0600, &vp->err);
	if (r < 0)
		return r;
	r = carry_out(vp, ledger, renaming);
	return r < 0 ? take_back(vp, renaming, r) : 0;
}

int vfpool_rename_pool(struct vfpool *vp, const char *name, const char *new_name, bool dry_run)
{
	CLEANUP(renaming_end) struct renaming renaming = {
		.journal = journal_path(vp), .from = name, .to = new_name,
	};
	AUTO_FREE char *path = NULL, *rules = NULL;
	CLEANUP(rollback) struct ledger *ledger = NULL;
	int r = renaming.journal ? check_root(vp, "renaming a pool") : fail_oom(&vp->err);

	if (r == 0)
		r = find_pool_path(vp, name, &path);
	if (r == 0 && !pool_name_is_valid(new_name))
		r = fail(&vp->err, -EINVAL, "'%s' can't be a pool's name: 1 to 50 letters, digits, '_', '.' and '-', the "
			 "first a letter or digit", new_name);
	if (r == 0)
		r = open_ledger(vp, LEDGER_WRITE, &ledger);
	if (r == 0)
		r = ledger_begin(ledger);
	if (r == 0)
		r = rename_locked(vp, ledger, &renaming, dry_run);
	if (r < 0)
		return fail_while(&vp->err, r, "renaming pool %s", name);
	if (vfpool_udev_installed(vp, name, &rules) == 0 && rules)
		note(vp, "its udev rules have the old name: 'vfpool udev %s --remove', then 'vfpool udev %s --install'", name,
		     new_name);
	return 0;
}
