-- The replica of the directory. The tenant leads every key and every index, there is no sequence,
-- and nothing joins two tenants: a distributed PostgreSQL shards every table by tenant.
--
-- Where a table says "clustered", SQLite keeps its rows in the primary key (WITHOUT ROWID) rather
-- than beside it: the one word that differs between the two databases.
--
-- What is compared or sorted is bytes: ids (16 bytes of a UUID) and keys of values, which are
-- folded and encoded by the gateway, so that no collation of a database has a say.

CREATE TABLE replica_objects (
    tenant      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    id          BYTEA  NOT NULL,
    -- What others show of it.
    name        TEXT,
    -- What Graph said, with what was written here laid over it.
    entity      TEXT   NOT NULL,
    -- The finished document without what is joined when it is read, and where its links are.
    body        TEXT   NOT NULL,
    links       BYTEA  NOT NULL,
    created     TEXT,
    modified    BIGINT NOT NULL,
    -- The snapshot that saw it last.
    generation  BIGINT NOT NULL,
    -- The last own write, and what it took the place of, while Graph may still show that.
    written     BIGINT NOT NULL,
    guard       TEXT,
    CONSTRAINT replica_objects_pkey PRIMARY KEY (tenant, kind, id)
);

CREATE INDEX replica_objects_modified_idx ON replica_objects (tenant, kind, modified, id);

CREATE TABLE replica_values (
    tenant   TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    -- A digest of the attribute's path and of how it is compared.
    attr     BIGINT NOT NULL,
    key      BYTEA  NOT NULL,
    id       BYTEA  NOT NULL,
    element  BIGINT NOT NULL,
    CONSTRAINT replica_values_pkey PRIMARY KEY (tenant, kind, attr, key, id, element)
) /* clustered */;

CREATE INDEX replica_values_id_idx ON replica_values (tenant, kind, id, attr);

CREATE TABLE replica_edges (
    tenant      TEXT   NOT NULL,
    relation    TEXT   NOT NULL,
    from_id     BYTEA  NOT NULL,
    to_id       BYTEA  NOT NULL,
    -- What tells edges between the same two apart: scope, and the group that it comes through.
    part        TEXT   NOT NULL,
    from_kind   TEXT   NOT NULL,
    to_kind     TEXT   NOT NULL,
    detail      TEXT,
    generation  BIGINT NOT NULL,
    written     BIGINT NOT NULL,
    -- 1: removed here, and Graph may still show it.
    removed     BIGINT NOT NULL,
    CONSTRAINT replica_edges_pkey PRIMARY KEY (tenant, relation, from_id, to_id, part)
) /* clustered */;

CREATE INDEX replica_edges_to_idx ON replica_edges (tenant, relation, to_id, from_id);

CREATE TABLE replica_tombstones (
    tenant  TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    id      BYTEA  NOT NULL,
    at      BIGINT NOT NULL,
    -- 1: deleted here.
    own     BIGINT NOT NULL,
    CONSTRAINT replica_tombstones_pkey PRIMARY KEY (tenant, kind, id)
);

CREATE TABLE replica_changes (
    tenant      TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    id          BYTEA  NOT NULL,
    change      TEXT   NOT NULL,
    attributes  TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    CONSTRAINT replica_changes_pkey PRIMARY KEY (tenant, seq)
);

CREATE INDEX replica_changes_at_idx ON replica_changes (tenant, at);

-- Objects to be read again by id, because a page was not believed.
CREATE TABLE replica_rechecks (
    tenant  TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    id      BYTEA  NOT NULL,
    due     BIGINT NOT NULL,
    CONSTRAINT replica_rechecks_pkey PRIMARY KEY (tenant, kind, id)
);

-- Where each reconciler stands: links, cursors, counts, the lease, the last number of the feed.
CREATE TABLE replica_state (
    tenant  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    value   TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    CONSTRAINT replica_state_pkey PRIMARY KEY (tenant, name)
);
