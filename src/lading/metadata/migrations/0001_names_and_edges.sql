-- Times are microseconds since 1970 in UTC; numbers are those of events.
-- Foreign keys are not declared: sparse manifests name what is not here, and a blob that turned
-- out to be lost must be able to leave while manifests still name it.

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    -- 1 since its first manifest; until then it is not listed.
    populated INTEGER NOT NULL,
    since INTEGER NOT NULL,
    since_at INTEGER NOT NULL,
    until INTEGER,
    until_at INTEGER
);
CREATE UNIQUE INDEX repositories_live ON repositories (name) WHERE until IS NULL;
CREATE INDEX repositories_listed ON repositories (name) WHERE until IS NULL AND populated = 1;
CREATE INDEX repositories_ever ON repositories (name, since);

-- Bytes that are believed to be there. Queued once no link is left.
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    location TEXT,
    pushed_by TEXT NOT NULL,
    pushed_at INTEGER NOT NULL,
    queued_at INTEGER
) WITHOUT ROWID;
CREATE INDEX blobs_queued ON blobs (queued_at, digest) WHERE queued_at IS NOT NULL;

-- Permission to read a blob in a repository. `queued_at` is when it was last known to be without
-- a manifest, or last vouched for; a link that is not queued is named by a live manifest.
CREATE TABLE links (
    repository INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    media_type TEXT,
    pushed_by TEXT NOT NULL,
    pushed_at INTEGER NOT NULL,
    queued_at INTEGER,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest, repository);
CREATE INDEX links_queued ON links (queued_at, digest, repository) WHERE queued_at IS NOT NULL;

-- Bytes that nobody may read any more and that are being deleted.
CREATE TABLE doomed (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    location TEXT,
    reason TEXT NOT NULL,
    doomed_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Rows are never deleted, so an id always means the same bytes.
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    subject TEXT,
    artifact_type TEXT,
    pushed_by TEXT NOT NULL,
    pushed_at INTEGER NOT NULL,
    pulled_at INTEGER,
    vouched_at INTEGER,
    -- 1 as long as nobody has put it with all that it names.
    sparse INTEGER NOT NULL,
    -- 1 once body and edges of an ended manifest have been given up.
    forgotten INTEGER NOT NULL,
    since INTEGER NOT NULL,
    since_at INTEGER NOT NULL,
    until INTEGER,
    until_at INTEGER
);
CREATE UNIQUE INDEX manifests_live ON manifests (repository, digest) WHERE until IS NULL;
CREATE INDEX manifests_ended ON manifests (repository, digest, until_at) WHERE until IS NOT NULL;
CREATE INDEX manifests_remembered ON manifests (until_at)
    WHERE until IS NOT NULL AND forgotten = 0;

-- Apart from the manifests, so that noting a pull does not write a manifest again.
CREATE TABLE bodies (
    manifest INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- What a manifest names. Ends with its manifest.
CREATE TABLE edges (
    manifest INTEGER NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    repository INTEGER NOT NULL,
    until_at INTEGER,
    PRIMARY KEY (manifest, digest, kind)
) WITHOUT ROWID;
CREATE INDEX edges_by_target ON edges (repository, digest, until_at);

-- How live manifests are listed among the referrers of their subject.
CREATE TABLE referrers (
    repository INTEGER NOT NULL,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    artifact_type TEXT,
    descriptor BLOB NOT NULL,
    PRIMARY KEY (repository, subject, digest)
) WITHOUT ROWID;
CREATE INDEX referrers_by_type ON referrers (repository, subject, artifact_type, digest);

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL,
    name TEXT NOT NULL,
    manifest INTEGER NOT NULL,
    digest TEXT NOT NULL,
    previous TEXT,
    pushed_by TEXT NOT NULL,
    pulled_at INTEGER,
    since INTEGER NOT NULL,
    since_at INTEGER NOT NULL,
    until INTEGER,
    until_at INTEGER
);
CREATE UNIQUE INDEX tags_live ON tags (repository, name) WHERE until IS NULL;
CREATE INDEX tags_ever ON tags (repository, name, since);
CREATE INDEX tags_by_manifest ON tags (manifest, until_at);

-- The log of changes; grows by a row with each change that changed anything.
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    facts TEXT NOT NULL,
    kind TEXT NOT NULL,
    change TEXT NOT NULL,
    manifest INTEGER
);

-- What the server that had the directory last was told, for programs that were not; times in
-- microseconds.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
