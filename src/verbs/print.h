/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How verbs print. */
#ifndef VFPOOL_PRINT_H
#define VFPOOL_PRINT_H

struct json_object;

/* Print to stdout, and to stderr: "vfpool: " and the message. What a terminal would obey or hide becomes '?'. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn_user(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the object and gives it back. */
void print_json(struct json_object *object);

#endif
