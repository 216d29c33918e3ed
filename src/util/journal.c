/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/journal.h"

#include "util/cleanup.h"
#include "util/file.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

void journal_warn(const char *socket_path, const char *text)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	AUTO_FREE char *line = NULL;
	time_t now = time(NULL);
	char at[32] = "";
	struct tm local;

	if (fd < 0 || strlen(socket_path) >= sizeof(to.sun_path))
		return;
	strcpy(to.sun_path, socket_path);
	if (localtime_r(&now, &local)) /* as syslog(3) writes it */
		strftime(at, sizeof(at), "%b %e %H:%M:%S", &local);
	line = format_text("<%d>%s vfpool[%d]: %s", LOG_DAEMON | LOG_WARNING, at, (int)getpid(),
			   text);
	if (line)
		(void)!sendto(fd, line, strlen(line), MSG_NOSIGNAL, (const struct sockaddr *)&to,
			      sizeof(to));
}
