/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where all leaves that verbs print, but for tables (libsmartcols escapes what a terminal could
 * take for a command). Whatever it was made of, it is harmless on a terminal, and JSON is JSON.
 */
#include "verbs/print.h"

#include "util/cleanup.h"
#include "util/name.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>

static void print_to(FILE *out, const char *format, va_list args)
{
	AUTO_FREE char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		fputs("out of memory", out);
		return;
	}
	make_lines_printable(text);
	fputs(text, out);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_to(stdout, format, args);
	va_end(args);
}

void warn_user(const char *format, ...)
{
	va_list args;

	fputs("vfpool: ", stderr);
	va_start(args, format);
	print_to(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Prints the character as JSON's escape, in two halves where it is beyond 16 bits. */
static void print_escape(uint32_t code)
{
	if (code > 0xffff) {
		printf("\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + ((code - 0x10000) & 0x3ff);
	}
	printf("\\u%04x", code);
}

/* Prints JSON with what isn't visible escaped: that stands in a string, since JSON is ASCII outside
 * of them. What isn't UTF-8 becomes U+FFFD. */
static void print_escaped(const char *json)
{
	while (*json) {
		size_t length = visible_length(json, true);
		uint32_t code = 0xfffd;

		if (length > 0) {
			fwrite(json, 1, length, stdout);
		} else {
			length = utf8_read(json, &code);
			length = length ? length : 1;
			print_escape(code);
		}
		json += length;
	}
}

void print_json(struct json_object *object)
{
	print_escaped(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	putchar('\n');
	json_object_put(object);
}
