-- A registry as schema 1 made it, with a row of everything.
CREATE TABLE certificate (
    id TEXT PRIMARY KEY,            -- SHA-256 of the DER, lower-case hex
    pem TEXT NOT NULL,
    claim TEXT,                     -- the claim's name; NULL: a device's
    state TEXT NOT NULL CHECK (state IN
        ('PENDING_ACTIVATION', 'ACTIVE', 'INACTIVE', 'REVOKED')),
    created INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    maker TEXT,                     -- id of the certificate that asked for it
    thing TEXT
);

-- Unused, or used by one request, whose reply is kept for a repeat of it.
CREATE TABLE token (
    hash BLOB PRIMARY KEY,          -- SHA-256 of the token
    certificate_id TEXT NOT NULL UNIQUE
        REFERENCES certificate (id) ON DELETE CASCADE,
    expires INTEGER NOT NULL,
    request_hash BLOB,              -- NULL: unused
    reply BLOB
) WITHOUT ROWID;
CREATE INDEX token_expires ON token (expires);

CREATE TABLE thing (
    name TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE policy (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE attachment (
    certificate_id TEXT NOT NULL
        REFERENCES certificate (id) ON DELETE CASCADE,
    policy TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (certificate_id, policy)
) WITHOUT ROWID;
CREATE INDEX attachment_policy ON attachment (policy);

CREATE TABLE template (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
) WITHOUT ROWID;

-- RSA keys made ahead, for CreateKeysAndCertificate. Taking one is deleting it.
CREATE TABLE spare_key (
    id INTEGER PRIMARY KEY,
    pem TEXT NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- What those who let clients in have to look at again; NULL: everything.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate_id TEXT
);
CREATE TRIGGER change_prune AFTER INSERT ON change
BEGIN
    DELETE FROM change WHERE seq <= NEW.seq - 4096;
END;
CREATE TRIGGER certificate_changed AFTER UPDATE OF state ON certificate
WHEN OLD.state = 'ACTIVE' AND NEW.state <> 'ACTIVE'
BEGIN
    INSERT INTO change (certificate_id) VALUES (NEW.id);
END;
CREATE TRIGGER certificate_deleted AFTER DELETE ON certificate
WHEN OLD.state = 'ACTIVE'
BEGIN
    INSERT INTO change (certificate_id) VALUES (OLD.id);
END;
CREATE TRIGGER policy_changed AFTER UPDATE ON policy
BEGIN
    INSERT INTO change (certificate_id) VALUES (NULL);
END;
CREATE TRIGGER attachment_made AFTER INSERT ON attachment
WHEN (SELECT state FROM certificate WHERE id = NEW.certificate_id) = 'ACTIVE'
BEGIN
    INSERT INTO change (certificate_id) VALUES (NEW.certificate_id);
END;
CREATE TRIGGER attachment_deleted AFTER DELETE ON attachment
BEGIN
    INSERT INTO change (certificate_id) VALUES (OLD.certificate_id);
END;

INSERT INTO certificate VALUES
    ('c1', 'pem 1', 'default', 'ACTIVE', 10, 2524607999, NULL, NULL),
    ('b2', 'pem 2', NULL, 'ACTIVE', 20, 2524607999, 'c1', 'device-1'),
    ('a3', 'pem 3', NULL, 'PENDING_ACTIVATION', 30, 2524607999, 'c1', NULL),
    ('d4', 'pem 4', NULL, 'REVOKED', 40, 2524607999, 'c1', 'device-1');
INSERT INTO token VALUES
    (x'01', 'b2', 3620, x'0a0b', x'7b7d'),
    (x'02', 'a3', 3630, NULL, NULL);
INSERT INTO thing VALUES
    ('device-1', '{
  "serial": "1"
}
', 21),
    ('device-2', '{}
', 22);
INSERT INTO policy VALUES
    ('claim-fleet', '{"Version":"2012-10-17","Statement":[]}'),
    ('device', '{"Version":"2012-10-17","Statement":[]}');
INSERT INTO attachment VALUES ('c1', 'claim-fleet'), ('b2', 'device'),
    ('d4', 'device');
INSERT INTO template VALUES ('fleet', '{"Resources":{}}');
INSERT INTO spare_key VALUES (7, 'key 7');
INSERT INTO setting VALUES ('pool_size', 16), ('token_lifetime_s', 3600);
PRAGMA user_version = 1;
