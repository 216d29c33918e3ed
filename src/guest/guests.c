/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guests of libvirt. They are asked for by a child with a deadline, since a
 * daemon that hangs must not hang vfpool. The child says, a line each: "guest UUID
 * STATE NAME", where the state is (o)ff, (r)unning or (s)aved, then "nic MAC ADDRESS VLAN NEXT-VLAN NETWORK" of that guest; at the end of all "done".
 */
#include "guest/domain.h"
#include "guest/libvirt.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"
#include "util/process.h"

#include <string.h>

#define DEADLINE_S 5
#define LONGEST_S 86400
#define TEXT_MAX (16 * 1024 * 1024)

#define OWN_HOST "qemu:///system"

void guests_end(struct guests *guests)
{
	for (size_t i = 0; i < guests->n; i++)
		guest_end(&guests->list[i]);
	free(guests->list);
	*guests = (struct guests){ 0 };
}

/* ---- the child's side ---- */

static void tell_nic(FILE *out, const struct guest_nic *nic)
{
	char mac[VFPOOL_MAC_TEXT] = "-", address[VFPOOL_PCI_TEXT] = "-";

	if (nic->has_mac)
		vfpool_mac_format(&nic->mac, mac);
	if (nic->has_address)
		vfpool_pci_format(&nic->address, address);
	fprintf(out, "nic %s %s %d %d ", mac, address, nic->vlan, nic->next_vlan);
	if (nic->network)
		fprintf(out, "%.*s", (int)strcspn(nic->network, "\n"), nic->network);
	fputc('\n', out);
}

static int tell(void *arg, const char *uuid, const char *name, char state, const char *const xmls[],
		size_t n)
{
	FILE *out = arg;
	struct guest guest = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (xmls[i] && guest_read_domain(xmls[i], &guest) < 0) {
			guest_end(&guest);
			return -EBADMSG;
		}
		for (size_t j = 0; i == 0 && j < guest.n_nics;
		     j++) /* what the second has, it says */
			guest.nics[j].next_vlan = -1;
	}
	/* A name that broke its line would make another answer of it. */
	fprintf(out, "guest %s %c %.*s\n", uuid, state, (int)strcspn(name, "\n"), name);
	for (size_t i = 0; i < guest.n_nics; i++)
		tell_nic(out, &guest.nics[i]);
	guest_end(&guest);
	return 0;
}

static void ask(void *arg, int out)
{
	FILE *file = fdopen(out, "w");
	struct error err = { 0 };

	if (!file)
		return;
	if (libvirt_each_guest(arg, tell, file, &err) == 0)
		fputs("done\n", file);
	else
		fprintf(file, "error %s\n", err.text);
	fclose(file);
}

/* ---- the parent's ---- */

static int add_guest(struct guests *guests, const char *rest)
{
	struct guest *grown = reallocarray(guests->list, guests->n + 1, sizeof(*grown));
	struct guest *guest;

	if (!grown)
		return -ENOMEM;
	guests->list = grown;
	guest = &grown[guests->n];
	*guest = (struct guest){ 0 };
	if (strlen(rest) < sizeof(guest->uuid) + 2 || rest[sizeof(guest->uuid) - 1] != ' ')
		return -EBADMSG;
	memcpy(guest->uuid, rest, sizeof(guest->uuid) - 1);
	guest->is_running = rest[sizeof(guest->uuid)] == 'r';
	guest->is_saved = rest[sizeof(guest->uuid)] == 's';
	guest->name = strdup(rest + sizeof(guest->uuid) + 2);
	if (!guest->name)
		return -ENOMEM;
	guests->n++;
	return 0;
}

static int add_nic(struct guest *guest, const char *text)
{
	char mac[VFPOOL_MAC_TEXT], address[VFPOOL_PCI_TEXT];
	struct guest_nic nic = { .vlan = 0 };
	int rest = 0;

	if (sscanf(text, "%17s %19s %d %d %n", mac, address, &nic.vlan, &nic.next_vlan, &rest) !=
		    4 ||
	    !rest)
		return -EBADMSG;
	nic.has_mac = vfpool_mac_parse(mac, &nic.mac) == 0;
	nic.has_address = vfpool_pci_parse(address, &nic.address) == 0;
	nic.network = text[rest] ? (char *)text + rest : NULL;
	return guest_add_nic(guest, &nic);
}

/* Takes a line of the child's. Returns 1 when that was the last one. */
static int take_line(struct guests *guests, const char *line, struct error *err)
{
	struct guest *guest = guests->n > 0 ? &guests->list[guests->n - 1] : NULL;

	if (strncmp(line, "guest ", 6) == 0)
		return add_guest(guests, line + 6);
	if (strncmp(line, "nic ", 4) == 0 && guest)
		return add_nic(guest, line + 4);
	if (strncmp(line, "error ", 6) == 0)
		return fail(err, -EHOSTDOWN, "%s", line + 6);
	return strcmp(line, "done") == 0 ? 1 : -EBADMSG;
}

static int take_lines(char *text, unsigned seconds, struct guests *guests, struct error *err)
{
	char *end = strchr(text, '\n');
	int r = 0;

	for (char *line = text; r == 0 && end; end = strchr(line, '\n')) {
		*end = '\0';
		r = take_line(guests, line, err);
		line = end + 1;
	}
	if (r == -ENOMEM)
		return fail_oom(err);
	if (r == 0 || r == -EBADMSG || r == -EINVAL)
		return fail(err, -EHOSTDOWN, "libvirt hasn't told all of its guests within %u s",
			    seconds);
	return r < 0 ? r : 0;
}

static void ask_count(void *arg, int out)
{
	struct error err = { 0 };
	unsigned n;

	if (libvirt_count_devices(arg, &n, &err) == 0)
		dprintf(out, "%u\n", n);
	else
		dprintf(out, "error %s\n", err.text);
}

struct question {
	const char *uri, *name;
	guest_question_fn ask;
};

/* Writes the answer: "text …" to its end, "none", or "error ERRNO MESSAGE". */
static void ask_question(void *arg, int out)
{
	const struct question *question = arg;
	struct error err = { 0 };
	char *text = NULL;
	int r = question->ask(question->uri, question->name, &text, &err);

	if (r < 0)
		dprintf(out, "error %d %s\n", r, err.text);
	else
		dprintf(out, text ? "text %s" : "none", text);
	free(text);
}

/* Is the daemon's socket there, of the one daemon or of the one for QEMU? */
static bool is_there(const char *run_dir)
{
	AUTO_FREE char *one = format_text("%s/libvirt-sock", run_dir);
	AUTO_FREE char *own = format_text("%s/virtqemud-sock", run_dir);

	return (one && access(one, F_OK) == 0) || (own && access(own, F_OK) == 0);
}

/* What is asked of which libvirt, and for how long. */
struct inquiry {
	const char *uri, *run_dir;
	unsigned seconds;
	void (*work)(void *arg, int out);
	void *arg;
};

/* Asks in a child. *ret_text is what it says, which may not be whole. */
static int ask_child(const struct inquiry *inquiry, char **ret_text, struct error *err)
{
	bool whole;
	int r;

	if (strcmp(inquiry->uri, OWN_HOST) == 0 && !is_there(inquiry->run_dir))
		return fail(err, -ENOENT, "libvirt isn't running here");
	r = run_child(inquiry->work, inquiry->arg, (int)inquiry->seconds * 1000, TEXT_MAX, ret_text,
		      &whole);
	return r < 0 ? fail_errno(err, r, "asking libvirt") : 0;
}

static int fail_silent(struct error *err)
{
	return fail(err, -EHOSTDOWN, "libvirt hasn't answered within %d s", DEADLINE_S);
}

int guest_count_devices(const char *uri, const char *run_dir, unsigned *ret_n, struct error *err)
{
	const struct inquiry inquiry = { uri, run_dir, DEADLINE_S, ask_count, (void *)uri };
	AUTO_FREE char *text = NULL;
	int r = ask_child(&inquiry, &text, err);

	if (r < 0)
		return r;
	if (sscanf(text, "%u", ret_n) == 1)
		return 0;
	if (strncmp(text, "error ", 6) != 0)
		return fail_silent(err);
	text[strcspn(text, "\n")] = '\0';
	return fail(err, -EHOSTDOWN, "%s", text + 6);
}

int guest_ask(const char *uri, const char *run_dir, guest_question_fn question, const char *name,
	      char **ret_text, struct error *err)
{
	struct question asked = { uri, name, question };
	const struct inquiry inquiry = { uri, run_dir, DEADLINE_S, ask_question, &asked };
	AUTO_FREE char *text = NULL, *answer = NULL;
	int r = ask_child(&inquiry, &text, err), code, rest = 0;

	if (r < 0)
		return r;
	if (sscanf(text, "error %d %n", &code, &rest) == 1 && rest > 0 && code < 0) {
		text[strcspn(text, "\n")] = '\0';
		return fail(err, code, "%s", text + rest);
	}
	if (strncmp(text, "text ", 5) == 0) {
		answer = strdup(text + 5);
		if (!answer)
			return fail_oom(err);
	} else if (strcmp(text, "none") != 0) {
		return fail_silent(err);
	}
	*ret_text = TAKE_PTR(answer);
	return 0;
}

int guest_list_within(const char *uri, const char *run_dir, unsigned seconds,
		      struct guests *ret_guests, struct error *err)
{
	const unsigned time = seconds < LONGEST_S ? seconds : LONGEST_S;
	const struct inquiry inquiry = { uri, run_dir, time, ask, (void *)uri };
	struct guests guests = { 0 };
	AUTO_FREE char *text = NULL;
	int r = ask_child(&inquiry, &text, err);

	if (r < 0)
		return r;
	r = take_lines(text, time, &guests, err);
	if (r < 0)
		guests_end(&guests);
	else
		*ret_guests = guests;
	return r;
}

int guest_list(const char *uri, const char *run_dir, struct guests *ret_guests, struct error *err)
{
	return guest_list_within(uri, run_dir, DEADLINE_S, ret_guests, err);
}
