/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void make_printable(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
			p[0] = p[1] = '?';
	}
}

static void set_text(struct error *err, const char *format, va_list args)
{
	char text[sizeof(err->text)]; /* the arguments may point into err->text */

	vsnprintf(text, sizeof(text), format, args);
	make_printable(text);
	memcpy(err->text, text, sizeof(text));
}

int fail(struct error *err, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	return r;
}

int fail_errno(struct error *err, int r, const char *format, ...)
{
	size_t length;
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof(err->text) - length, ": %s", strerror(-r));
	return r;
}

int fail_while(struct error *err, int r, const char *format, ...)
{
	struct error cause = *err;
	size_t length;
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof(err->text) - length, ": %s", cause.text);
	return r;
}

int fail_oom(struct error *err)
{
	return fail(err, -ENOMEM, "out of memory");
}
