/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one message that a failing operation leaves for its caller to show. */
#ifndef VFPOOL_ERROR_H
#define VFPOOL_ERROR_H

struct error {
	char text[1024];
};

/* Sets the message and returns `r`. What isn't visible (util/name.h) becomes '?':
 * parts of a message come from outside and end on a terminal. */
int fail(struct error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the meaning of errno `-r` at the end. */
int fail_errno(struct error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what was being done: " in front of the message; returns `r`. */
int fail_while(struct error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int fail_oom(struct error *err);

#endif
