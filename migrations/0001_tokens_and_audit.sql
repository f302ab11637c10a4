-- One text for SQLite and PostgreSQL. The tenant leads every key, so that a distributed
-- PostgreSQL can shard by it; only a token's hash is unique by itself, because it is what the
-- tenant is found by (tokens are few: a reference table). Moments are microseconds since 1970, UTC: they compare and sort
-- alike in both databases.

CREATE TABLE tokens (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    hash       BYTEA  NOT NULL,
    scopes     TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT,
    revoked    BIGINT,
    last_used  BIGINT,
    CONSTRAINT tokens_pkey PRIMARY KEY (tenant, id),
    CONSTRAINT tokens_hash_key UNIQUE (hash)
);

CREATE TABLE audit (
    tenant          TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    at              BIGINT  NOT NULL,
    actor_token     TEXT,
    actor_name      TEXT    NOT NULL,
    operation       TEXT    NOT NULL,
    resource_type   TEXT    NOT NULL,
    resource_id     TEXT,
    status          INTEGER NOT NULL,
    before_digest   TEXT,
    after_digest    TEXT,
    graph_requests  TEXT    NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (tenant, id)
);

CREATE INDEX audit_at_idx ON audit (tenant, at, id);
CREATE INDEX audit_resource_idx ON audit (tenant, resource_type, resource_id, at);
