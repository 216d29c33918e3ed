/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles that close themselves at the end of their scope. */
#ifndef VFPOOL_CLEANUP_H
#define VFPOOL_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* A cleanup function for variables of `type`, ended by `end` unless NULL. */
#define DEFINE_CLEANUP(type, name, end)         \
	static inline void name(type *variable) \
	{                                       \
		if (*variable)                  \
			end(*variable);         \
	}                                       \
	struct cleanup_needs_semicolon

static inline void cleanup_free(void *variable)
{
	free(*(void **)variable);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define AUTO_CLOSEDIR CLEANUP(cleanup_closedir)

/* Takes the value out of a variable that would end it. */
#define TAKE_PTR(variable)                                \
	({                                                \
		__typeof__(variable) taken_ = (variable); \
		(variable) = NULL;                        \
		taken_;                                   \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
