/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkmod, loaded as one of its functions is called: it brings libcrypto with it, and putting that together takes
 * a third of what most of the tests' processes take in all. What is passed to them, and what they return, are
 * pointers and integers, six at most, whatever version of libkmod it is.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *find(const char *name)
{
	static void *library;
	void *found = NULL;

	if (!library)
		library = dlopen("libkmod.so.2", RTLD_LAZY);
	if (library)
		found = dlsym(library, name);
	if (!found) {
		fprintf(stderr, "%s\n", dlerror());
		abort();
	}
	return found;
}

typedef void *any;

#define LATE(name)                                                                            \
	any name(any a, any b, any c, any d, any e, any f);                                   \
	any name(any a, any b, any c, any d, any e, any f)                                    \
	{                                                                                     \
		return ((any(*)(any, any, any, any, any, any))find(#name))(a, b, c, d, e, f); \
	}

LATE(kmod_list_next)
LATE(kmod_module_apply_filter)
LATE(kmod_module_get_module)
LATE(kmod_module_get_name)
LATE(kmod_module_new_from_lookup)
LATE(kmod_module_probe_insert_module)
LATE(kmod_module_unref)
LATE(kmod_module_unref_list)
LATE(kmod_new)
LATE(kmod_unref)
