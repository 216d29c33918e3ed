/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's tables. What always holds is said here, so that SQLite keeps it. */
#include "ledger/schema.h"

const char ledger_schema[] =
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
