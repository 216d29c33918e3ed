/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's tables. What always holds is said here, so that SQLite keeps it.
 * Each version is made from the one before it: a new ledger goes through all. */
#include "ledger/schema.h"

static const char version_1[] =
	/* Every MAC that vfpool gives away, for a lease or to park a free VF. */
	"CREATE TABLE mac ("
	"  mac TEXT PRIMARY KEY CHECK (length(mac) = 17),"
	"  half TEXT NOT NULL CHECK (half IN ('lease', 'parking')),"
	"  UNIQUE (mac, half)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE host ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1),"
	"  seed TEXT NOT NULL"
	") STRICT;"

	/* A PF is known by its permanent MAC; the address is where it was last seen. */
	"CREATE TABLE pf ("
	"  id INTEGER PRIMARY KEY,"
	"  mac TEXT UNIQUE,"
	"  address TEXT NOT NULL"
	") STRICT;"

	/* A pool's PFs in its definition's order, as of the last apply. */
	"CREATE TABLE pool_pf ("
	"  pool TEXT NOT NULL,"
	"  position INTEGER NOT NULL,"
	"  pf INTEGER NOT NULL REFERENCES pf (id),"
	"  PRIMARY KEY (pool, position),"
	"  UNIQUE (pool, pf)"
	") STRICT, WITHOUT ROWID;"

	/* AUTOINCREMENT: an id is never used again, so it is the lease's generation. */
	"CREATE TABLE lease ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  reservation INTEGER NOT NULL UNIQUE REFERENCES reservation (id),"
	"  state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'releasing')),"
	"  since INTEGER NOT NULL"
	") STRICT;"

	/* One VF has one lease (a column), one lease one VF (UNIQUE). */
	"CREATE TABLE vf ("
	"  id INTEGER PRIMARY KEY,"
	"  pf INTEGER NOT NULL REFERENCES pf (id),"
	"  idx INTEGER NOT NULL CHECK (idx BETWEEN 0 AND 65535),"
	"  pool TEXT NOT NULL,"
	"  parking TEXT NOT NULL UNIQUE,"
	"  half TEXT NOT NULL DEFAULT 'parking' CHECK (half = 'parking'),"
	"  lease INTEGER UNIQUE REFERENCES lease (id),"
	"  avoid INTEGER NOT NULL DEFAULT 0,"
	"  UNIQUE (pf, idx),"
	"  FOREIGN KEY (parking, half) REFERENCES mac (mac, half)"
	") STRICT;"
	"CREATE INDEX vf_free ON vf (pool, pf, idx) WHERE lease IS NULL AND avoid = 0;"
	"CREATE INDEX vf_leased ON vf (pool, pf) WHERE lease IS NOT NULL;"

	"CREATE TABLE reservation ("
	"  id INTEGER PRIMARY KEY,"
	"  pool TEXT NOT NULL,"
	"  owner TEXT NOT NULL,"
	"  nic INTEGER NOT NULL CHECK (nic >= 0),"
	"  mac TEXT NOT NULL UNIQUE,"
	"  half TEXT NOT NULL DEFAULT 'lease' CHECK (half = 'lease'),"
	"  UNIQUE (pool, owner, nic),"
	"  FOREIGN KEY (mac, half) REFERENCES mac (mac, half)"
	") STRICT;"

	"CREATE TABLE history ("
	"  id INTEGER PRIMARY KEY,"
	"  at INTEGER NOT NULL,"
	"  event TEXT NOT NULL,"
	"  lease INTEGER NOT NULL,"
	"  pool TEXT NOT NULL, owner TEXT NOT NULL, nic INTEGER NOT NULL, mac TEXT NOT NULL,"
	"  pf TEXT, vf INTEGER"
	") STRICT;"

	/* What everyone asks for: a lease with all that it means. */
	"CREATE VIEW held AS SELECT"
	"  lease.id AS id, reservation.pool AS pool, reservation.owner AS owner,"
	"  reservation.nic AS nic, reservation.mac AS mac, lease.state AS state,"
	"  vf.idx AS vf, pf.address AS pf, pf.mac AS pf_mac"
	"  FROM lease JOIN reservation ON reservation.id = lease.reservation"
	"  LEFT JOIN vf ON vf.lease = lease.id LEFT JOIN pf ON pf.id = vf.pf;";

/* Holds, quarantine, NUMA nodes, what a lease has of its own, and counters, so
 * that choosing a VF costs the same in a pool of any size. */
static const char version_2[] =
	/* Where a PF is, and why nobody is to get its VFs. */
	"ALTER TABLE pf ADD COLUMN numa INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE pf ADD COLUMN held TEXT;"

	/* `free` and `leased` are counted by the triggers below. */
	"ALTER TABLE pool_pf ADD COLUMN free INTEGER NOT NULL DEFAULT 0 CHECK (free >= 0);"
	"ALTER TABLE pool_pf ADD COLUMN leased INTEGER NOT NULL DEFAULT 0 CHECK (leased >= 0);"

	/* A VF in quarantine has a lease no more, but something still has it open, and
	 * the MAC that is still live on it stays taken. */
	"DROP VIEW held;"
	"CREATE TABLE new_vf ("
	"  id INTEGER PRIMARY KEY,"
	"  pf INTEGER NOT NULL REFERENCES pf (id),"
	"  idx INTEGER NOT NULL CHECK (idx BETWEEN 0 AND 65535),"
	"  pool TEXT NOT NULL,"
	"  parking TEXT NOT NULL UNIQUE,"
	"  half TEXT NOT NULL DEFAULT 'parking' CHECK (half = 'parking'),"
	"  lease INTEGER REFERENCES lease (id),"
	"  avoid INTEGER NOT NULL DEFAULT 0 CHECK (avoid IN (0, 1)),"
	"  held TEXT,"
	"  quarantine TEXT REFERENCES mac (mac),"
	"  CHECK (lease IS NULL OR quarantine IS NULL),"
	"  UNIQUE (pf, idx),"
	"  FOREIGN KEY (parking, half) REFERENCES mac (mac, half)"
	") STRICT;"
	"INSERT INTO new_vf (id, pf, idx, pool, parking, lease, avoid)"
	"  SELECT id, pf, idx, pool, parking, lease, avoid FROM vf;"
	"DROP TABLE vf;"
	"ALTER TABLE new_vf RENAME TO vf;"
	"CREATE UNIQUE INDEX vf_lease ON vf (lease) WHERE lease IS NOT NULL;"
	"CREATE UNIQUE INDEX vf_quarantine ON vf (quarantine) WHERE quarantine IS NOT NULL;"
	"CREATE INDEX vf_pool ON vf (pool, pf, idx);"
	"CREATE INDEX vf_free ON vf (pool, pf, idx)"
	"  WHERE lease IS NULL AND avoid = 0 AND held IS NULL AND quarantine IS NULL;"

	/* The VLAN that a lease has instead of its pool's, and the guest that was seen
	 * with it, at which libvirt. */
	"ALTER TABLE lease ADD COLUMN vlan INTEGER CHECK (vlan BETWEEN 0 AND 4094);"
	"ALTER TABLE lease ADD COLUMN guest TEXT;"
	"ALTER TABLE lease ADD COLUMN uri TEXT;"

	/* The lease ends when its guest stops: 1; 2 when that has started. */
	"ALTER TABLE lease ADD COLUMN until_stop INTEGER NOT NULL DEFAULT 0"
	"  CHECK (until_stop BETWEEN 0 AND 2);"

	/* How many MACs were taken before this one was found. */
	"ALTER TABLE reservation ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;"

	"ALTER TABLE history ADD COLUMN command TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX reservation_owner ON reservation (owner);"
	"CREATE INDEX history_owner ON history (owner, nic);"
	"CREATE INDEX history_lease ON history (lease);"

	/* How many leases a pool has. */
	"CREATE TABLE pool ("
	"  name TEXT PRIMARY KEY,"
	"  leases INTEGER NOT NULL CHECK (leases >= 0)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO pool (name, leases)"
	"  SELECT reservation.pool, count(*) FROM lease"
	"  JOIN reservation ON reservation.id = lease.reservation GROUP BY reservation.pool;"
	"CREATE TRIGGER lease_begins AFTER INSERT ON lease BEGIN"
	"  INSERT INTO pool (name, leases) SELECT pool, 1 FROM reservation WHERE id = NEW.reservation"
	"    ON CONFLICT (name) DO UPDATE SET leases = leases + 1;"
	" END;"
	"CREATE TRIGGER lease_ends AFTER DELETE ON lease BEGIN"
	"  UPDATE pool SET leases = leases - 1"
	"    WHERE name = (SELECT pool FROM reservation WHERE id = OLD.reservation);"
	" END;"

#define IS_FREE(row)                                                            \
	"(" row ".lease IS NULL AND " row ".avoid = 0 AND " row ".held IS NULL" \
	" AND " row ".quarantine IS NULL)"
#define COUNT_VF(sign, row)                                                      \
	"UPDATE pool_pf SET free = free " sign                                   \
	" " IS_FREE(row) ","                                                     \
			 " leased = leased " sign " (" row ".lease IS NOT NULL)" \
			 " WHERE pool = " row ".pool AND pf = " row ".pf;"
	"UPDATE pool_pf SET"
	"  free = (SELECT count(*) FROM vf WHERE vf.pool = pool_pf.pool AND vf.pf = pool_pf.pf"
	"    AND " IS_FREE(
		"vf") "),"
		      "  leased = (SELECT count(*) FROM vf WHERE vf.pool = pool_pf.pool AND vf.pf = pool_pf.pf"
		      "    AND vf.lease IS NOT NULL);"
		      "CREATE TRIGGER vf_comes AFTER INSERT ON vf BEGIN " COUNT_VF(
			      "+",
			      "NEW") " END;"
				     "CREATE TRIGGER vf_goes AFTER DELETE ON vf BEGIN " COUNT_VF(
					     "-",
					     "OLD") " END;"
						    "CREATE TRIGGER vf_changes AFTER UPDATE ON vf BEGIN " COUNT_VF(
							    "-", "OLD")
							    COUNT_VF(
								    "+",
								    "NEW") " END;"

									   "CREATE VIEW held AS SELECT"
									   "  lease.id AS id, reservation.pool AS pool, reservation.owner AS owner,"
									   "  reservation.nic AS nic, reservation.mac AS mac, lease.state AS state,"
									   "  lease.vlan AS vlan, lease.guest AS guest, lease.uri AS uri, lease.since AS since,"
									   "  lease.until_stop AS until_stop,"
									   "  vf.idx AS vf, pf.address AS pf, pf.mac AS pf_mac"
									   "  FROM lease JOIN reservation ON reservation.id = lease.reservation"
									   "  LEFT JOIN vf ON vf.lease = lease.id LEFT JOIN pf ON pf.id = vf.pf;";

/* Devices that 'vfpool bind' has given a driver, and what they had before: VFs by PF and index, others
 * by address. A driver lasts as long as the boot; what persists is bound anew at the next. */
static const char version_3[] =
	"CREATE TABLE binding ("
	"  id INTEGER PRIMARY KEY,"
	"  pf INTEGER REFERENCES pf (id),"
	"  idx INTEGER CHECK (idx BETWEEN 0 AND 65535),"
	"  address TEXT NOT NULL," /* a VF's is where it was last seen */
	"  vendor INTEGER NOT NULL, device INTEGER NOT NULL,"
	"  driver TEXT NOT NULL CHECK (driver <> ''),"
	"  from_driver TEXT NOT NULL, from_override TEXT NOT NULL,"
	"  persist INTEGER NOT NULL CHECK (persist IN (0, 1)),"
	"  boot TEXT NOT NULL,"
	"  CHECK ((pf IS NULL) = (idx IS NULL)),"
	"  UNIQUE (pf, idx)"
	") STRICT;"
	"CREATE UNIQUE INDEX binding_address ON binding (address) WHERE pf IS NULL;";

/* Isn't released yet: what else a ledger needs until then is appended. */
static const char version_4[] =
	/* Has anyone been told of the MAC, and when was it last somebody's? Before this was known, the
	 * history said so, by MAC: an owner may have been renamed. */
	"ALTER TABLE reservation ADD COLUMN told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1));"
	"ALTER TABLE reservation ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"UPDATE reservation SET used = CAST(strftime('%s', 'now') AS INTEGER);"
	"UPDATE reservation SET told = 1, used = was.at FROM"
	"  (SELECT mac, max(at) AS at FROM history GROUP BY mac) AS was WHERE was.mac = reservation.mac;"
	"UPDATE reservation SET told = 1"
	"  WHERE id IN (SELECT reservation FROM lease WHERE state <> 'pending');"
	"CREATE TRIGGER lease_is_told AFTER UPDATE OF state ON lease WHEN NEW.state = 'active' BEGIN"
	"  UPDATE reservation SET told = 1 WHERE id = NEW.reservation AND told = 0;"
	" END;"
	"CREATE TRIGGER lease_was_used AFTER DELETE ON lease BEGIN"
	"  UPDATE reservation SET used = CAST(strftime('%s', 'now') AS INTEGER) WHERE id = OLD.reservation;"
	" END;"

	/* What a PF's driver, of that kernel, doesn't have and doesn't report, with the value that was asked
	 * for, in the words of apply. */
	"CREATE TABLE refusal ("
	"  pf INTEGER NOT NULL REFERENCES pf (id) ON DELETE CASCADE,"
	"  driver TEXT NOT NULL,"
	"  attr TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  PRIMARY KEY (pf, attr, value)"
	") STRICT, WITHOUT ROWID;"

	/* Which ledger it is, and how often it was changed, so that another one or an older one in its
	 * place is known. */
	"ALTER TABLE host ADD COLUMN ledger TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE host ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;"
	"UPDATE host SET ledger = lower(hex(randomblob(16)));";

const char *const ledger_versions[LEDGER_VERSION] = { version_1, version_2, version_3, version_4 };
