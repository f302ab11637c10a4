-- Secrets that the gateway makes for itself, and what operations of bulk requests came to, so that
-- the same request sent again is not done twice.

CREATE TABLE keys (
    tenant   TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    value    BYTEA  NOT NULL,
    created  BIGINT NOT NULL,
    CONSTRAINT keys_pkey PRIMARY KEY (tenant, name)
);

CREATE TABLE bulk_operations (
    tenant     TEXT   NOT NULL,
    -- The token's id, and a digest of the Idempotency-Key that the client chose.
    token      TEXT   NOT NULL,
    key        BYTEA  NOT NULL,
    -- Its place in the request.
    place      BIGINT NOT NULL,
    -- What was asked for: another request under the same key is refused.
    digest     BYTEA  NOT NULL,
    begun      BIGINT NOT NULL,
    -- The answer; null while it is not known.
    result     TEXT,
    CONSTRAINT bulk_operations_pkey PRIMARY KEY (tenant, token, key, place)
);

CREATE INDEX bulk_operations_begun_idx ON bulk_operations (tenant, begun);
