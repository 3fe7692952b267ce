-- From schema 1, second part: takes over what is in the tables put aside.
INSERT INTO certificate (id, pem, claim, is_temporary, state, created,
        not_after, connected, maker, modified)
    SELECT id, pem, claim, 0, state, created, not_after, 0, maker, created
    FROM old_certificate ORDER BY rowid;
INSERT INTO token (certificate, hash, expires, request_hash, reply)
    SELECT number, hash, expires, request_hash, reply
    FROM old_token JOIN certificate ON id = certificate_id;
INSERT INTO thing (name, attributes, created)
    SELECT name, attributes, created FROM old_thing;
INSERT INTO certificate_thing
    SELECT certificate.number, thing.number, 0 FROM old_certificate
    JOIN certificate ON certificate.id = old_certificate.id
    JOIN thing ON thing.name = old_certificate.thing;
INSERT INTO policy (name, document) SELECT name, document FROM old_policy;
INSERT INTO attachment SELECT number, policy
    FROM old_attachment JOIN certificate ON id = certificate_id;
INSERT INTO template (name, document, is_enabled)
    SELECT name, document, 1 FROM old_template;
INSERT INTO spare_key SELECT id, pem FROM old_spare_key;
INSERT INTO setting SELECT name, CAST (value AS TEXT) FROM old_setting;
DROP TABLE old_attachment;
DROP TABLE old_token;
DROP TABLE old_certificate;
DROP TABLE old_policy;
DROP TABLE old_thing;
DROP TABLE old_template;
DROP TABLE old_spare_key;
DROP TABLE old_setting;
