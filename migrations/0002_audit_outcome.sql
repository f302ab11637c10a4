-- A write leaves a row before Microsoft Graph is called ('begun') and completes it after: 'done',
-- 'refused', 'failed', or 'planned' for a dry run. A row that stays 'begun' is of a process that
-- ended in between: what became of the write is not known.

ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'done';
ALTER TABLE audit ADD COLUMN reason TEXT;
ALTER TABLE audit ADD COLUMN request_id TEXT;

UPDATE audit SET outcome = 'refused' WHERE status >= 400 AND status < 500;
UPDATE audit SET outcome = 'failed' WHERE status >= 500;

CREATE INDEX audit_outcome_idx ON audit (tenant, outcome, at);
