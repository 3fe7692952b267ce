-- The local endpoint's registry. Times are Unix seconds. PRAGMA user_version
-- is the number of this schema; registry_sqlite.c makes and checks it, and
-- turns an older one into this.
--
-- Certificates and things have numbers, which grow, and what hangs on them goes
-- by these: it then stands at the end of its table, where the device before it
-- stands, however many there are. Names and digests are looked up once.

CREATE TABLE certificate (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,        -- SHA-256 of the DER, lower-case hex
    pem TEXT NOT NULL,
    claim TEXT,                     -- the claim's name; NULL: a device's
    is_temporary INTEGER NOT NULL,  -- a claim that goes at not_after
    state TEXT NOT NULL CHECK (state IN
        ('PENDING_ACTIVATION', 'ACTIVE', 'INACTIVE', 'REVOKED')),
    created INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    connected INTEGER NOT NULL,     -- first time; 0: never
    maker TEXT,                     -- id of the certificate that asked for it
    modified INTEGER NOT NULL DEFAULT (unixepoch()),
    ca TEXT,                        -- id of the registered CA that signed it
    is_sni_only INTEGER NOT NULL DEFAULT 0  -- registered without a CA
);
CREATE INDEX certificate_temporary ON certificate (not_after)
    WHERE is_temporary = 1;
CREATE INDEX certificate_claim ON certificate (number)
    WHERE claim IS NOT NULL AND is_temporary = 0;

-- Unused, or used by one request, whose reply is kept for a repeat of it.
CREATE TABLE token (
    certificate INTEGER PRIMARY KEY
        REFERENCES certificate (number) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE,      -- SHA-256 of the token
    expires INTEGER NOT NULL,
    request_hash BLOB,              -- NULL: unused
    reply BLOB
);
CREATE INDEX token_expires ON token (expires);

-- ---- things ----

-- document: what the control plane was told of it, a JSON object.
CREATE TABLE thing_type (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL DEFAULT (unixepoch())
) WITHOUT ROWID;
CREATE TABLE thing_group (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    parent TEXT REFERENCES thing_group (name)
) WITHOUT ROWID;
CREATE INDEX thing_group_parent ON thing_group (parent);
CREATE TABLE billing_group (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL DEFAULT (unixepoch())
) WITHOUT ROWID;

CREATE TABLE thing (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,       -- a JSON object of texts, sorted by name
    created INTEGER NOT NULL,
    type TEXT REFERENCES thing_type (name),
    billing_group TEXT REFERENCES billing_group (name),
    version INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX thing_type_of ON thing (type) WHERE type IS NOT NULL;
CREATE INDEX thing_billing_group ON thing (billing_group)
    WHERE billing_group IS NOT NULL;

CREATE TABLE membership (
    thing INTEGER NOT NULL REFERENCES thing (number) ON DELETE CASCADE,
    thing_group TEXT NOT NULL REFERENCES thing_group (name),
    PRIMARY KEY (thing, thing_group)
) WITHOUT ROWID;
CREATE INDEX membership_group ON membership (thing_group);

CREATE TABLE certificate_thing (
    certificate INTEGER NOT NULL
        REFERENCES certificate (number) ON DELETE CASCADE,
    thing INTEGER NOT NULL REFERENCES thing (number) ON DELETE CASCADE,
    is_exclusive INTEGER NOT NULL,  -- the certificate may have no other one
    PRIMARY KEY (certificate, thing)
) WITHOUT ROWID;
CREATE INDEX certificate_thing_thing ON certificate_thing (thing);

-- ---- policies ----

-- document is the default version's; the others are in table version.
CREATE TABLE policy (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    version_created INTEGER NOT NULL DEFAULT (unixepoch()),
    last_version INTEGER NOT NULL DEFAULT 1,    -- a number is not used again
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    modified INTEGER NOT NULL DEFAULT (unixepoch())
) WITHOUT ROWID;

CREATE TABLE attachment (
    certificate INTEGER NOT NULL
        REFERENCES certificate (number) ON DELETE CASCADE,
    policy TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (certificate, policy)
) WITHOUT ROWID;
CREATE INDEX attachment_policy ON attachment (policy);

CREATE TABLE group_attachment (
    thing_group TEXT NOT NULL REFERENCES thing_group (name),
    policy TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (thing_group, policy)
) WITHOUT ROWID;
CREATE INDEX group_attachment_policy ON group_attachment (policy);

-- ---- the rest ----

CREATE TABLE template (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    hook TEXT,                      -- a target or an ARN; NULL: none
    is_enabled INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    version_created INTEGER NOT NULL DEFAULT (unixepoch()),
    last_version INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    modified INTEGER NOT NULL DEFAULT (unixepoch()),
    description TEXT,
    role TEXT                       -- the provisioning role's ARN
) WITHOUT ROWID;

-- Documents of policies and templates that are not the default version.
CREATE TABLE version (
    owner TEXT NOT NULL,            -- 'policy/NAME' or 'template/NAME'
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (owner, number)
) WITHOUT ROWID;
CREATE TRIGGER policy_deleted AFTER DELETE ON policy
BEGIN
    DELETE FROM version WHERE owner = 'policy/' || OLD.name;
END;
CREATE TRIGGER template_deleted AFTER DELETE ON template
BEGIN
    DELETE FROM version WHERE owner = 'template/' || OLD.name;
END;

-- What the control plane alone looks at: credentials, roles, CAs, tags...
-- (resource.h has the kinds, and what is in a document).
CREATE TABLE resource (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,         -- a JSON object
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- RSA keys made ahead, for CreateKeysAndCertificate. Taking one is deleting it.
CREATE TABLE spare_key (
    id INTEGER PRIMARY KEY,
    pem TEXT NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- What those who let clients in have to look at again: a certificate's id,
-- 'settings', or NULL for every certificate. A device that is registered for
-- the first time leaves nothing here: nobody can have looked at it yet.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT
);
CREATE TRIGGER change_prune AFTER INSERT ON change
BEGIN
    DELETE FROM change WHERE seq <= NEW.seq - 4096;
END;

CREATE TRIGGER certificate_changed AFTER UPDATE OF state ON certificate
WHEN OLD.state <> NEW.state AND OLD.state <> 'PENDING_ACTIVATION'
BEGIN
    INSERT INTO change (what) VALUES (NEW.id);
END;
CREATE TRIGGER certificate_deleted AFTER DELETE ON certificate
WHEN OLD.state = 'ACTIVE'
BEGIN
    INSERT INTO change (what) VALUES (OLD.id);
END;

CREATE TRIGGER thing_changed AFTER UPDATE ON thing
WHEN OLD.attributes <> NEW.attributes OR OLD.type IS NOT NEW.type
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate_thing
        JOIN certificate ON certificate.number = certificate
        WHERE thing = NEW.number;
END;
CREATE TRIGGER membership_made AFTER INSERT ON membership
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate_thing
        JOIN certificate ON certificate.number = certificate
        WHERE thing = NEW.thing;
END;
CREATE TRIGGER membership_deleted AFTER DELETE ON membership
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate_thing
        JOIN certificate ON certificate.number = certificate
        WHERE thing = OLD.thing;
END;
CREATE TRIGGER certificate_thing_made AFTER INSERT ON certificate_thing
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate
        WHERE number = NEW.certificate AND state = 'ACTIVE';
END;
CREATE TRIGGER certificate_thing_changed AFTER UPDATE ON certificate_thing
WHEN OLD.is_exclusive <> NEW.is_exclusive
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate WHERE number = NEW.certificate;
END;
CREATE TRIGGER certificate_thing_deleted AFTER DELETE ON certificate_thing
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate WHERE number = OLD.certificate;
END;

CREATE TRIGGER policy_changed AFTER UPDATE OF document ON policy
BEGIN
    INSERT INTO change (what) VALUES (NULL);
END;
CREATE TRIGGER attachment_made AFTER INSERT ON attachment
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate
        WHERE number = NEW.certificate AND state = 'ACTIVE';
END;
CREATE TRIGGER attachment_deleted AFTER DELETE ON attachment
BEGIN
    INSERT INTO change (what)
        SELECT id FROM certificate WHERE number = OLD.certificate;
END;
CREATE TRIGGER group_attachment_made AFTER INSERT ON group_attachment
BEGIN
    INSERT INTO change (what) VALUES (NULL);
END;
CREATE TRIGGER group_attachment_deleted AFTER DELETE ON group_attachment
BEGIN
    INSERT INTO change (what) VALUES (NULL);
END;

CREATE TRIGGER setting_made AFTER INSERT ON setting
BEGIN
    INSERT INTO change (what) VALUES ('settings');
END;
CREATE TRIGGER setting_changed AFTER UPDATE ON setting
BEGIN
    INSERT INTO change (what) VALUES ('settings');
END;
CREATE TRIGGER setting_deleted AFTER DELETE ON setting
BEGIN
    INSERT INTO change (what) VALUES ('settings');
END;
