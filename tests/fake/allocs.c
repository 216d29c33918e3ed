/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * allocs POOL PROCESSES OPS: that many processes take and give back VFs of the
 * pool, OPS allocs and as many releases in all, and prove in shared memory that no
 * VF and no MAC is ever with two of them, and that the VF that one gets has its MAC.
 * The host is in the working directory
 * (sys, etc, state, run); PEER_VFS and PEER_STATE say what the peer is to know.
 */
#include "peer.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROCESSES 256
#define MAX_HELD 16 /* leases that a process holds at a time */

/* What all processes see. */
static struct {
	_Atomic int claimed[PEER_MAX_PFS][PEER_MAX_VFS]; /* the process that has the VF */
	_Atomic uint64_t macs[MAX_PROCESSES][MAX_HELD];  /* those that are live */
	_Atomic unsigned allocs, releases, full, longest_us;
	_Atomic bool failed; /* all stop then: nobody waits for what a dead one holds */
} * all;

struct slot {
	bool held;
	uint64_t mac; /* of this owner and nic, for ever; 0: none yet */
	unsigned pf, vf;
};

struct worker {
	struct vfpool *vp;
	const char *pool;
	unsigned me, n_workers;
	unsigned seed;
	unsigned left; /* allocs to do */
	unsigned n_held;
	struct slot slots[MAX_HELD];
};

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* Two nics an owner, owners of its own for each process. */
static unsigned name_owner(const struct worker *worker, unsigned slot, char owner[32])
{
	snprintf(owner, 32, "p%u-%u", worker->me, slot / 2);
	return slot % 2;
}

static uint64_t number_of(const struct vfpool_mac *mac)
{
	uint64_t number = 0;

	for (int i = 0; i < 6; i++)
		number = number << 8 | mac->byte[i];
	return number;
}

static int complain(const struct worker *worker, unsigned slot, const char *what)
{
	atomic_store(&all->failed, true);
	fprintf(stderr, "process %u, slot %u: %s\n", worker->me, slot, what);
	return -1;
}

/* The slot is written before the others are read: of two equal MACs the later
 * one's owner sees it at least. */
static int publish_mac(const struct worker *worker, unsigned slot, uint64_t mac)
{
	atomic_store(&all->macs[worker->me][slot], mac);
	for (unsigned p = 0; p < worker->n_workers; p++)
		for (unsigned i = 0; i < MAX_HELD; i++)
			if (atomic_load(&all->macs[p][i]) == mac && (p != worker->me || i != slot))
				return complain(worker, slot, "another lease has its MAC");
	return 0;
}

/* Has the kernel the lease's MAC on its VF? */
static bool is_programmed(const struct vfpool_lease *lease)
{
	const off_t index = (off_t)lease->place.pf.domain * atoi(getenv("PEER_VFS")) +
			    lease->place.vf;
	struct peer_record record;
	int file = open(getenv("PEER_STATE"), O_RDONLY | O_CLOEXEC);
	bool whole = pread(file, &record, sizeof(record), index * (off_t)sizeof(record)) ==
		     (ssize_t)sizeof(record);

	close(file);
	return whole && vfpool_mac_equal(&record.settings.mac, &lease->mac);
}

static int claim(struct worker *worker, unsigned slot, const struct vfpool_lease *lease)
{
	struct slot *my = &worker->slots[slot];
	const uint64_t mac = number_of(&lease->mac);
	int nobody = 0;

	my->pf = lease->place.pf.domain;
	my->vf = lease->place.vf;
	if (!lease->has_vf || lease->state != VFPOOL_LEASE_ACTIVE || my->pf >= PEER_MAX_PFS ||
	    my->vf >= PEER_MAX_VFS)
		return complain(worker, slot, "the lease makes no sense");
	if (!atomic_compare_exchange_strong(&all->claimed[my->pf][my->vf], &nobody, (int)getpid()))
		return complain(worker, slot, "another process has its VF");
	if (!is_programmed(lease))
		return complain(worker, slot, "its VF hasn't its MAC");
	if (my->mac && my->mac != mac)
		return complain(worker, slot, "the owner has another MAC than before");
	my->mac = mac;
	my->held = true;
	worker->n_held++;
	return publish_mac(worker, slot, mac);
}

static void note_time(long long us)
{
	unsigned longest = atomic_load(&all->longest_us);

	while (us > longest &&
	       !atomic_compare_exchange_weak(&all->longest_us, &longest, (unsigned)us))
		;
}

static int take(struct worker *worker, unsigned slot)
{
	struct vfpool_alloc_request request = VFPOOL_ALLOC_REQUEST;
	struct vfpool_lease **leases = NULL;
	char owner[32];
	const long long start = now_us();
	int r;

	request.nic = name_owner(worker, slot, owner);
	request.owner = owner;
	r = vfpool_alloc(worker->vp, worker->pool, &request, &leases);
	note_time(now_us() - start);
	if (r == -VFPOOL_ENOVF) {
		atomic_fetch_add(&all->full, 1);
		usleep(1000);
		return 0;
	}
	if (r < 0)
		return complain(worker, slot, vfpool_error(worker->vp));
	worker->left--;
	atomic_fetch_add(&all->allocs, 1);
	r = claim(worker, slot, leases[0]);
	vfpool_leases_free(leases);
	return r;
}

static int give_back(struct worker *worker, unsigned slot)
{
	struct vfpool_release_request request = VFPOOL_RELEASE_REQUEST;
	struct slot *my = &worker->slots[slot];
	struct vfpool_lease **leases = NULL;
	char owner[32];
	const long long start = now_us();

	request.pool = worker->pool;
	request.nic = (int)name_owner(worker, slot, owner);
	request.owner = owner;
	atomic_store(&all->macs[worker->me][slot], 0);
	atomic_store(&all->claimed[my->pf][my->vf], 0);
	if (vfpool_release(worker->vp, &request, &leases) < 0)
		return complain(worker, slot, vfpool_error(worker->vp));
	note_time(now_us() - start);
	vfpool_leases_free(leases);
	atomic_fetch_add(&all->releases, 1);
	my->held = false;
	worker->n_held--;
	return 0;
}

static int work(struct worker *worker)
{
	int r = 0;

	while (r == 0 && !atomic_load(&all->failed) && (worker->left > 0 || worker->n_held > 0)) {
		unsigned slot = (unsigned)rand_r(&worker->seed) % MAX_HELD;

		if (worker->slots[slot].held)
			r = give_back(worker, slot);
		else if (worker->left > 0)
			r = take(worker, slot);
	}
	return r;
}

static int set_dirs(struct vfpool *vp)
{
	static const char *const dirs[VFPOOL_N_DIRS] = {
		[VFPOOL_DIR_SYSFS] = "sys",         [VFPOOL_DIR_CONFIG] = "etc",
		[VFPOOL_DIR_STATE] = "state",       [VFPOOL_DIR_RUN] = "run",
		[VFPOOL_DIR_RULES] = "rules",       [VFPOOL_DIR_LIBVIRT_RUN] = "libvirt",
		[VFPOOL_DIR_NETWORKS] = "networks", [VFPOOL_DIR_PROC] = "proc",
	};
	int r = 0;

	for (enum vfpool_dir dir = 0; r == 0 && dir < VFPOOL_N_DIRS; dir++)
		if (dirs[dir]) /* nothing here looks at the others */
			r = vfpool_set_dir(vp, dir, dirs[dir]);
	return r;
}

static int run_worker(const char *pool, unsigned me, unsigned n_workers, unsigned allocs)
{
	struct worker worker = {
		.pool = pool, .me = me, .n_workers = n_workers, .seed = me + 1, .left = allocs
	};
	int r = vfpool_new(&worker.vp);

	if (r == 0)
		r = set_dirs(worker.vp);
	if (r == 0)
		r = work(&worker);
	vfpool_free(worker.vp);
	return r;
}

static int wait_for_all(unsigned n)
{
	int failed = 0, status;

	for (unsigned i = 0; i < n; i++)
		if (wait(&status) < 0 || status != 0)
			failed++;
	return failed;
}

static int sum_up(unsigned ops, int failed, long long us)
{
	const unsigned allocs = atomic_load(&all->allocs), releases = atomic_load(&all->releases);

	printf("%u operations in %lld ms, %lld a second, the longest took %u ms; %u found the pool full\n",
	       allocs + releases, us / 1000, (allocs + releases) * 1000000LL / (us ? us : 1),
	       atomic_load(&all->longest_us) / 1000, atomic_load(&all->full));
	if (allocs != ops || releases != ops)
		failed++;
	printf("%s: %u allocs, %u releases\n", failed ? "FAILED" : "ok", allocs, releases);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	const unsigned n = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	const unsigned ops = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	long long start;
	int failed;

	if (n == 0 || n > MAX_PROCESSES) {
		fputs("usage: allocs POOL PROCESSES OPS\n", stderr);
		return 2;
	}
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 1;
	start = now_us();
	for (unsigned i = 0; i < n; i++) {
		pid_t child = fork();

		if (child == 0)
			exit(run_worker(argv[1], i, n, ops / n + (i < ops % n)) < 0 ? 1 : 0);
		if (child < 0)
			return 1;
	}
	failed = wait_for_all(n);
	return sum_up(ops, failed, now_us() - start);
}
