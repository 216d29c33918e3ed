/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_JOURNAL_H
#define VFPOOL_JOURNAL_H

/* Sends a warning to the system's journal, which listens at that socket (/dev/log). Where nobody listens, or
 * isn't ready at once, it is lost: syslog(3) would wait. */
void journal_warn(const char *socket_path, const char *text);

#endif
