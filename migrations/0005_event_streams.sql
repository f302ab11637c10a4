-- How far each receiver of security events has acknowledged them.

CREATE TABLE event_streams (
    tenant    TEXT   NOT NULL,
    -- The id of the receiver's token.
    token     TEXT   NOT NULL,
    -- All changes up to this number are acknowledged, or not for this receiver.
    position  BIGINT NOT NULL,
    -- Those behind it that are, as a JSON array of numbers.
    acked     TEXT   NOT NULL,
    -- Counts the changes of this row: of two at once, one begins again.
    version   BIGINT NOT NULL,
    polled    BIGINT NOT NULL,
    CONSTRAINT event_streams_pkey PRIMARY KEY (tenant, token)
);
