CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL,
    generation bigint NOT NULL DEFAULT 1,
    reconciled_generation bigint NOT NULL DEFAULT 1,
    journal_written bigint NOT NULL DEFAULT 0,
    seen_at timestamptz NOT NULL DEFAULT now(),
    quiet_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
  );

CREATE TABLE absence (
    began_at timestamptz PRIMARY KEY,
    ended_at timestamptz NOT NULL,
    CHECK (ended_at >= began_at)
  );

CREATE SEQUENCE fact_revision AS bigint;

CREATE TABLE repository (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    upstream text COLLATE "C",
    is_private boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
  );

CREATE TABLE manifest (
    digest text COLLATE "C" PRIMARY KEY,
    media_type text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('image', 'index', 'other')),
    bytes bytea NOT NULL,
    size integer GENERATED ALWAYS AS (octet_length(bytes)) STORED,
    subject text COLLATE "C",
    artifact_type text,
    annotations jsonb,
    platform jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
  );

CREATE INDEX manifest_subject ON manifest (subject) WHERE subject IS NOT NULL;

CREATE TABLE repository_manifest (
    repository_id bigint NOT NULL REFERENCES repository (id),
    digest text COLLATE "C" NOT NULL REFERENCES manifest (digest),
    upstream text COLLATE "C",
    credential text COLLATE "C",
    committed_at timestamptz NOT NULL DEFAULT now(),
    -- Somebody asked for it to go: what was pulled before then no longer keeps it.
    removed_at timestamptz,
    PRIMARY KEY (repository_id, digest),
    CHECK ((upstream IS NULL) = (credential IS NULL))
  );

CREATE INDEX repository_manifest_digest ON repository_manifest (digest);

CREATE TABLE tag (
    repository_id bigint NOT NULL REFERENCES repository (id),
    name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    digest text COLLATE "C" NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    asked_at timestamptz,
    PRIMARY KEY (repository_id, name),
    CONSTRAINT tag_names_manifest FOREIGN KEY (repository_id, digest)
      REFERENCES repository_manifest (repository_id, digest)
  );

CREATE INDEX tag_digest ON tag (repository_id, digest);

CREATE TABLE tag_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL REFERENCES repository (id),
    name text COLLATE "C" NOT NULL,
    from_digest text COLLATE "C",
    to_digest text COLLATE "C",
    principal text COLLATE "C" NOT NULL,
    operation_id uuid,
    moved_at timestamptz NOT NULL DEFAULT now()
  );

CREATE INDEX tag_move_tag ON tag_move (repository_id, name, id);

CREATE TABLE object (
    id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('uploading', 'live', 'condemned', 'purging')),
    digest text COLLATE "C",
    size bigint CHECK (size >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz,
    purge_after timestamptz,
    claimed_until timestamptz,
    lost_at timestamptz,
    UNIQUE (id, state),
    CHECK (state = 'uploading' OR state = 'purging' OR (digest IS NOT NULL AND size IS NOT NULL)),
    CHECK (state <> 'condemned' OR purge_after IS NOT NULL)
  );

CREATE INDEX object_condemned ON object (purge_after) WHERE state = 'condemned';

CREATE INDEX object_purging ON object (claimed_until) WHERE state = 'purging';

CREATE INDEX object_resurrect ON object (digest) WHERE state = 'condemned';

CREATE TABLE extent (
    object_id uuid NOT NULL REFERENCES object (id) ON DELETE CASCADE,
    start bigint NOT NULL CHECK (start >= 0),
    length bigint NOT NULL CHECK (length > 0),
    key text COLLATE "C",
    PRIMARY KEY (object_id, start),
    CONSTRAINT extent_overlaps EXCLUDE USING gist (object_id WITH =, int8range(start, start + length) WITH &&)
  );

CREATE TABLE blob (
    digest text COLLATE "C" PRIMARY KEY,
    object_id uuid NOT NULL UNIQUE,
    state text NOT NULL DEFAULT 'live' CHECK (state = 'live'),
    size bigint NOT NULL CHECK (size >= 0),
    stored_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT blob_lives FOREIGN KEY (object_id, state) REFERENCES object (id, state)
  );

CREATE TABLE manifest_blob (
    manifest text COLLATE "C" NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    digest text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    role text NOT NULL CHECK (role IN ('config', 'layer')),
    media_type text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    required boolean NOT NULL DEFAULT true,
    held text COLLATE "C" REFERENCES blob (digest),
    PRIMARY KEY (manifest, digest),
    CHECK (held = digest)
  );

CREATE INDEX manifest_blob_held ON manifest_blob (held) WHERE held IS NOT NULL;

CREATE INDEX manifest_blob_digest ON manifest_blob (digest);

CREATE TABLE manifest_child (
    parent text COLLATE "C" NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    digest text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    platform jsonb,
    artifact_type text,
    annotations jsonb,
    held text COLLATE "C" REFERENCES manifest (digest),
    PRIMARY KEY (parent, digest),
    CHECK (held = digest)
  );

CREATE INDEX manifest_child_held ON manifest_child (held) WHERE held IS NOT NULL;

CREATE INDEX manifest_child_digest ON manifest_child (digest);

CREATE TABLE upload_session (
    id uuid PRIMARY KEY,
    object_id uuid NOT NULL UNIQUE REFERENCES object (id) ON DELETE CASCADE,
    repository_id bigint NOT NULL REFERENCES repository (id),
    epoch integer NOT NULL DEFAULT 0,
    expected_digest text COLLATE "C",
    expected_size bigint CHECK (expected_size >= 0),
    active_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
  );

CREATE INDEX upload_session_expiry ON upload_session (expires_at);

CREATE TABLE fill (
    id uuid PRIMARY KEY,
    upstream text COLLATE "C" NOT NULL,
    credential text COLLATE "C" NOT NULL,
    repository_id bigint NOT NULL REFERENCES repository (id),
    digest text COLLATE "C" NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    state text NOT NULL CHECK (state IN ('wanted', 'running', 'done', 'failed')),
    session_id uuid REFERENCES upload_session (id) ON DELETE SET NULL,
    worker text,
    epoch integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    due_at timestamptz NOT NULL DEFAULT now(),
    error jsonb,
    wanted_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
  );

CREATE UNIQUE INDEX fill_once ON fill (digest, upstream, credential) WHERE state IN ('wanted', 'running');

CREATE INDEX fill_due ON fill (due_at) WHERE state = 'wanted';

CREATE INDEX fill_lease ON fill (claimed_until) WHERE state = 'running';

CREATE INDEX fill_session ON fill (session_id) WHERE session_id IS NOT NULL;

CREATE INDEX fill_failed ON fill (digest, ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX fill_ended ON fill (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE repository_blob (
    repository_id bigint NOT NULL REFERENCES repository (id),
    digest text COLLATE "C" NOT NULL,
    upstream text COLLATE "C",
    credential text COLLATE "C",
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, digest),
    CHECK ((upstream IS NULL) = (credential IS NULL))
  );

CREATE INDEX repository_blob_digest ON repository_blob (digest);

CREATE TABLE pin (
    repository_id bigint NOT NULL REFERENCES repository (id),
    kind text NOT NULL CHECK (kind IN ('blob', 'manifest')),
    digest text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (kind, digest, repository_id)
  );

CREATE INDEX pin_repository ON pin (repository_id, until);

CREATE TABLE lease (
    object_id uuid NOT NULL REFERENCES object (id) ON DELETE CASCADE,
    holder uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL,
    PRIMARY KEY (object_id, holder)
  );

CREATE TABLE container (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    repository_id bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    tag text COLLATE "C",
    state text NOT NULL CHECK (state IN ('created', 'running', 'paused', 'exited', 'dead')),
    labels jsonb NOT NULL DEFAULT '{}',
    run jsonb NOT NULL DEFAULT '{}',
    reporter text COLLATE "C",
    principal text COLLATE "C" NOT NULL,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT container_uses_image FOREIGN KEY (repository_id, digest)
      REFERENCES repository_manifest (repository_id, digest)
  );

CREATE INDEX container_image ON container (repository_id, digest);

CREATE TABLE trash (
    id uuid PRIMARY KEY,
    repository_id bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    operation_id uuid,
    removed_at timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL,
    CONSTRAINT trash_keeps_image FOREIGN KEY (repository_id, digest)
      REFERENCES repository_manifest (repository_id, digest)
  );

CREATE INDEX trash_image ON trash (repository_id, digest);

CREATE INDEX trash_until ON trash (until);

CREATE TABLE pull_count (
    repository_id bigint NOT NULL REFERENCES repository (id),
    digest text COLLATE "C" NOT NULL,
    pulls bigint NOT NULL CHECK (pulls >= 0),
    pulled_at timestamptz NOT NULL,
    PRIMARY KEY (repository_id, digest)
  );

CREATE TABLE operation (
    id uuid PRIMARY KEY,
    principal text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('accepted', 'running', 'completed', 'failed', 'cancelled')),
    named jsonb,
    worker text,
    epoch integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    due_at timestamptz NOT NULL DEFAULT now(),
    cancel_asked_at timestamptz,
    error jsonb,
    outcome jsonb,
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (principal, request_id),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'failed' OR error IS NOT NULL)
  );

CREATE INDEX operation_due ON operation (kind, due_at) WHERE state = 'accepted';

CREATE INDEX operation_lease ON operation (claimed_until) WHERE state = 'running';

CREATE INDEX operation_list ON operation (principal, accepted_at DESC, id DESC);

CREATE INDEX operation_list_state ON operation (principal, state, accepted_at DESC, id DESC);

CREATE TABLE operation_manifest (
    operation_id uuid NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    repository_id bigint NOT NULL REFERENCES repository (id),
    digest text COLLATE "C" NOT NULL,
    PRIMARY KEY (operation_id, repository_id, digest)
  );

CREATE INDEX operation_manifest_image ON operation_manifest (repository_id, digest);

CREATE TABLE review (
    kind text NOT NULL CHECK (kind IN ('blob', 'manifest')),
    repository_id bigint NOT NULL DEFAULT 0,
    digest text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, repository_id, digest),
    CHECK ((kind = 'blob') = (repository_id = 0))
  );

CREATE INDEX review_due ON review (due_at);

CREATE TABLE journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
  );

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition smallint NOT NULL CHECK (partition >= 0 AND partition < 8),
    subject text NOT NULL,
    message jsonb NOT NULL,
    message_id text NOT NULL
  );

CREATE INDEX outbox_order ON outbox (partition, id);

CREATE TABLE outbox_partition (
    partition smallint PRIMARY KEY,
    worker text,
    epoch integer NOT NULL DEFAULT 0,
    leased_until timestamptz
  );

INSERT INTO outbox_partition (partition) SELECT generate_series(0, 7);
