/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How verbs print. */
#ifndef VFPOOL_PRINT_H
#define VFPOOL_PRINT_H

struct json_object;

/* Prints to stdout. What a terminal would obey or hide becomes '?'. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "vfpool: ", the message and a newline to stderr, likewise. */
void warn_user(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the object and gives up the caller's reference to it. */
void print_json(struct json_object *object);

#endif
