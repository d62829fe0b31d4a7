-- The tags that ended with a manifest, as a JSON list; NULL if there were none.
ALTER TABLE events ADD COLUMN ended TEXT;

-- How far events have been told to whom. Times are microseconds since 1970 in UTC.
CREATE TABLE deliveries (
    endpoint TEXT PRIMARY KEY,
    -- All events up to this one were told or passed over.
    number INTEGER NOT NULL,
    -- How often the next one failed, since when, and why it did the last time.
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    reason TEXT NOT NULL,
    -- What somebody asked for: to pass over all up to this event, and how often they asked.
    skip_to INTEGER NOT NULL,
    urged INTEGER NOT NULL
) WITHOUT ROWID;
