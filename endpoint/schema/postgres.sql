-- The local endpoint's registry for many nodes: what sqlite.sql has, as
-- PostgreSQL writes it; what a column is stands there. registry_postgres.c
-- makes it, in one transaction.

CREATE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE sql VOLATILE AS
    'SELECT floor(extract(epoch FROM clock_timestamp()))::BIGINT';

CREATE TABLE schema_number (number INTEGER NOT NULL);

CREATE TABLE certificate (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    pem TEXT NOT NULL,
    claim TEXT,
    is_temporary INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('PENDING_ACTIVATION', 'ACTIVE', 'INACTIVE', 'REVOKED')),
    created BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    connected BIGINT NOT NULL,
    maker TEXT,
    modified BIGINT NOT NULL DEFAULT unixepoch(),
    ca TEXT,
    is_sni_only INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX certificate_temporary ON certificate (not_after)
    WHERE is_temporary = 1;
CREATE INDEX certificate_claim ON certificate (number)
    WHERE claim IS NOT NULL AND is_temporary = 0;

CREATE TABLE token (
    certificate BIGINT PRIMARY KEY
        REFERENCES certificate (number) ON DELETE CASCADE,
    hash BYTEA NOT NULL UNIQUE,
    expires BIGINT NOT NULL,
    request_hash BYTEA,
    reply BYTEA
);
CREATE INDEX token_expires ON token (expires);

-- ---- things ----

CREATE TABLE thing_type (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version BIGINT NOT NULL DEFAULT 1,
    created BIGINT NOT NULL DEFAULT unixepoch()
);
CREATE TABLE thing_group (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version BIGINT NOT NULL DEFAULT 1,
    created BIGINT NOT NULL DEFAULT unixepoch(),
    parent TEXT REFERENCES thing_group (name)
);
CREATE INDEX thing_group_parent ON thing_group (parent);
CREATE TABLE billing_group (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL DEFAULT '{}',
    version BIGINT NOT NULL DEFAULT 1,
    created BIGINT NOT NULL DEFAULT unixepoch()
);

CREATE TABLE thing (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    created BIGINT NOT NULL,
    type TEXT REFERENCES thing_type (name),
    billing_group TEXT REFERENCES billing_group (name),
    version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX thing_type_of ON thing (type) WHERE type IS NOT NULL;
CREATE INDEX thing_billing_group ON thing (billing_group)
    WHERE billing_group IS NOT NULL;

CREATE TABLE membership (
    thing BIGINT NOT NULL REFERENCES thing (number) ON DELETE CASCADE,
    thing_group TEXT NOT NULL REFERENCES thing_group (name),
    PRIMARY KEY (thing, thing_group)
);
CREATE INDEX membership_group ON membership (thing_group);

CREATE TABLE certificate_thing (
    certificate BIGINT NOT NULL
        REFERENCES certificate (number) ON DELETE CASCADE,
    thing BIGINT NOT NULL REFERENCES thing (number) ON DELETE CASCADE,
    is_exclusive INTEGER NOT NULL,
    PRIMARY KEY (certificate, thing)
);
CREATE INDEX certificate_thing_thing ON certificate_thing (thing);

-- ---- policies ----

CREATE TABLE policy (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    version_created BIGINT NOT NULL DEFAULT unixepoch(),
    last_version BIGINT NOT NULL DEFAULT 1,
    created BIGINT NOT NULL DEFAULT unixepoch(),
    modified BIGINT NOT NULL DEFAULT unixepoch()
);

CREATE TABLE attachment (
    certificate BIGINT NOT NULL
        REFERENCES certificate (number) ON DELETE CASCADE,
    policy TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (certificate, policy)
);
CREATE INDEX attachment_policy ON attachment (policy);

CREATE TABLE group_attachment (
    thing_group TEXT NOT NULL REFERENCES thing_group (name),
    policy TEXT NOT NULL REFERENCES policy (name),
    PRIMARY KEY (thing_group, policy)
);
CREATE INDEX group_attachment_policy ON group_attachment (policy);

-- ---- the rest ----

CREATE TABLE template (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    hook TEXT,
    is_enabled INTEGER NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    version_created BIGINT NOT NULL DEFAULT unixepoch(),
    last_version BIGINT NOT NULL DEFAULT 1,
    created BIGINT NOT NULL DEFAULT unixepoch(),
    modified BIGINT NOT NULL DEFAULT unixepoch(),
    description TEXT,
    role TEXT
);

CREATE TABLE version (
    owner TEXT NOT NULL,
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (owner, number)
);
CREATE FUNCTION drop_versions() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM version WHERE owner = TG_TABLE_NAME || '/' || OLD.name;
    RETURN NULL;
END $$;
CREATE TRIGGER policy_deleted AFTER DELETE ON policy
    FOR EACH ROW EXECUTE FUNCTION drop_versions();
CREATE TRIGGER template_deleted AFTER DELETE ON template
    FOR EACH ROW EXECUTE FUNCTION drop_versions();

CREATE TABLE resource (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created BIGINT NOT NULL DEFAULT unixepoch(),
    PRIMARY KEY (kind, name)
);

CREATE TABLE spare_key (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pem TEXT NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- ---- what others have to look at again ----

-- Numbers without a gap, in the order of commits: whoever writes one has the
-- lock until then. Every node is told by a notice.
CREATE TABLE change (
    seq BIGINT PRIMARY KEY,
    what TEXT
);
CREATE FUNCTION note(whom TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('imprint change', 0));
    SELECT coalesce(max(seq), 0) + 1 INTO last FROM change;
    INSERT INTO change (seq, what) VALUES (last, whom);
    DELETE FROM change WHERE seq <= last - 4096;
    NOTIFY imprint_change;
END $$;
-- Those of a thing's or a certificate's number.
CREATE FUNCTION note_thing(which BIGINT) RETURNS VOID LANGUAGE sql AS $$
    SELECT note(id) FROM certificate_thing
        JOIN certificate ON certificate.number = certificate
        WHERE thing = which;
$$;
CREATE FUNCTION note_certificate(which BIGINT) RETURNS VOID LANGUAGE sql AS $$
    SELECT note(id) FROM certificate WHERE number = which;
$$;
CREATE FUNCTION note_active(which BIGINT) RETURNS VOID LANGUAGE sql AS $$
    SELECT note(id) FROM certificate
        WHERE number = which AND state = 'ACTIVE';
$$;

CREATE FUNCTION certificate_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note(OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER certificate_changed AFTER UPDATE OF state ON certificate
    FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND OLD.state <> 'PENDING_ACTIVATION')
    EXECUTE FUNCTION certificate_changed();
CREATE TRIGGER certificate_deleted AFTER DELETE ON certificate
    FOR EACH ROW WHEN (OLD.state = 'ACTIVE')
    EXECUTE FUNCTION certificate_changed();

CREATE FUNCTION thing_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_thing(NEW.number);
    RETURN NULL;
END $$;
CREATE TRIGGER thing_changed AFTER UPDATE ON thing
    FOR EACH ROW WHEN (OLD.attributes <> NEW.attributes OR
        OLD.type IS DISTINCT FROM NEW.type)
    EXECUTE FUNCTION thing_changed();
CREATE FUNCTION membership_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM note_thing(OLD.thing);
    ELSE
        PERFORM note_thing(NEW.thing);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER membership_changed AFTER INSERT OR DELETE ON membership
    FOR EACH ROW EXECUTE FUNCTION membership_changed();

-- Of a certificate: attached things and policies. What is taken away, or is
-- exclusive now, counts in every state.
CREATE FUNCTION attached() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_active(NEW.certificate);
    RETURN NULL;
END $$;
CREATE FUNCTION detached() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_certificate(OLD.certificate);
    RETURN NULL;
END $$;
CREATE TRIGGER certificate_thing_made AFTER INSERT ON certificate_thing
    FOR EACH ROW EXECUTE FUNCTION attached();
CREATE TRIGGER certificate_thing_changed AFTER UPDATE ON certificate_thing
    FOR EACH ROW WHEN (OLD.is_exclusive <> NEW.is_exclusive)
    EXECUTE FUNCTION detached();
CREATE TRIGGER certificate_thing_deleted AFTER DELETE ON certificate_thing
    FOR EACH ROW EXECUTE FUNCTION detached();
CREATE TRIGGER attachment_made AFTER INSERT ON attachment
    FOR EACH ROW EXECUTE FUNCTION attached();
CREATE TRIGGER attachment_deleted AFTER DELETE ON attachment
    FOR EACH ROW EXECUTE FUNCTION detached();

CREATE FUNCTION note_all() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note(NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER policy_changed AFTER UPDATE OF document ON policy
    FOR EACH ROW EXECUTE FUNCTION note_all();
CREATE TRIGGER group_attachment_changed AFTER INSERT OR DELETE
    ON group_attachment FOR EACH ROW EXECUTE FUNCTION note_all();

CREATE FUNCTION note_settings() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note('settings');
    RETURN NULL;
END $$;
CREATE TRIGGER setting_changed AFTER INSERT OR UPDATE OR DELETE ON setting
    FOR EACH ROW EXECUTE FUNCTION note_settings();
