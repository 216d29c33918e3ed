/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that come from outside, checked at the door. */
#ifndef VFPOOL_NAME_H
#define VFPOOL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfpool_pf;

/* Reads the UTF-8 character at `text`. Returns its length in bytes, 0 when it isn't one. */
size_t utf8_read(const char *text, uint32_t *ret_code);

/*
 * Returns the length of the character at `text` when a reader sees it as what it is, 0 when not: it isn't UTF-8, a
 * terminal obeys it (C0, DEL, C1), or it is invisible or turns the text around it. `lines`: ends of lines
 * (also CR LF) and tabs may stand too.
 */
size_t visible_length(const char *text, bool lines);

/* Is all of the text so? It may be a person's name or note then. */
bool text_is_visible(const char *text, bool lines);

/* Make '?' of what isn't so. */
void make_printable(char *text);
void make_lines_printable(char *text);

/* Ends the text, of at least `max` + 1 bytes, after `max` at most, between two characters. */
void cut_text(char *text, size_t max);

/* Writes `name` into `text` as one word of a shell's, for a command that a message suggests, and returns `text`. A
 * name that is one word by itself stays as it is. In any other a backslash stands before each character that a shell could
 * obey: these hold within the single quotes of "'vfpool adopt …'" too, should somebody paste them along. What isn't
 * visible becomes "\?"; what doesn't fit is cut off. */
#define SHELL_WORD_MAX 512
const char *name_for_shell(const char *name, char text[SHELL_WORD_MAX]);

/* Returns the name of the PF's netdev, or `otherwise` where it shows none here. */
const char *pf_name(const struct vfpool_pf *pf, const char *otherwise);

/* Can it be a pool's? Letters, digits, '_', '.', '-', at most 50, the first one a letter
 * or digit. It becomes part of file names. */
bool pool_name_is_valid(const char *name);

/* Can it be an owner's? What libvirt takes for a guest: at most 255 bytes of visible text without '/', no space at either
 * end. None begins with '-': that is the option after an empty variable. */
bool owner_name_is_valid(const char *name);

/* Can it be a netdev's? At most 127 bytes of ASCII (an alternative name may be as long), no '/',
 * no space, no ':'. */
bool netdev_name_is_valid(const char *name);

/* Is it one of vfio's PCI drivers? vfio-pci, or a card's own: mlx5_vfio_pci, … */
bool driver_is_vfio(const char *driver);

/* Is a device with the driver `is`, "" for none, bound as wanted? "host" is any that is its own. */
bool driver_is(const char *is, const char *wanted);

/* Is it the one that takes devices to do nothing with them? */
bool driver_is_stub(const char *driver);

#endif
