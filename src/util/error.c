/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/error.h"

#include "util/name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

const char *error_text(int r)
{
	switch (-r) {
	case ENOTSUPP:
		return "Operation not supported (ENOTSUPP)";
	case E_CHANGED:
		return "another process has changed it meanwhile";
	case E_TAKEN:
		return "it is somebody's";
	case E_NONE:
		return "there is none";
	case E_SILENT:
		return "the kernel hasn't answered in time";
	case E_UNREAD:
		return "it can't be looked at";
	default:
		return strerror(-r);
	}
}

int fail_errno(struct error *err, int r, const char *format, ...)
{
	size_t length;
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof(err->text) - length, ": %s", error_text(r));
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

int first_failure_keep(struct first_failure *first, int r, const struct error *err)
{
	if (r < 0 && first->r == 0)
		*first = (struct first_failure){ .r = r, .err = *err };
	return r;
}

int first_failure_tell(const struct first_failure *first, struct error *err)
{
	if (first->r < 0)
		*err = first->err;
	return first->r;
}
