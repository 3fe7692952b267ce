-- From schema 2, second part: takes over what is in the tables put aside.
INSERT INTO certificate (number, id, pem, claim, is_temporary, state, created,
        not_after, connected, maker, modified)
    SELECT number, id, pem, claim, is_temporary, state, created, not_after,
        connected, maker, created
    FROM old_certificate ORDER BY number;
INSERT INTO token (certificate, hash, expires, request_hash, reply)
    SELECT certificate, hash, expires, request_hash, reply
    FROM old_token ORDER BY certificate;
INSERT INTO thing_type (name) SELECT name FROM old_thing_type;
INSERT INTO thing_group (name) SELECT name FROM old_thing_group;
INSERT INTO billing_group (name) SELECT name FROM old_billing_group;
INSERT INTO thing (number, name, attributes, created, type, billing_group)
    SELECT number, name, attributes, created, type, billing_group
    FROM old_thing ORDER BY number;
INSERT INTO membership SELECT thing, thing_group FROM old_membership;
INSERT INTO certificate_thing
    SELECT certificate, thing, is_exclusive FROM old_certificate_thing;
INSERT INTO policy (name, document) SELECT name, document FROM old_policy;
INSERT INTO attachment SELECT certificate, policy FROM old_attachment;
INSERT INTO group_attachment
    SELECT thing_group, policy FROM old_group_attachment;
INSERT INTO template (name, document, hook, is_enabled)
    SELECT name, document, hook, is_enabled FROM old_template;
INSERT INTO spare_key SELECT id, pem FROM old_spare_key;
INSERT INTO setting SELECT name, value FROM old_setting;
DROP TABLE old_group_attachment;
DROP TABLE old_attachment;
DROP TABLE old_token;
DROP TABLE old_certificate_thing;
DROP TABLE old_membership;
DROP TABLE old_certificate;
DROP TABLE old_policy;
DROP TABLE old_thing;
DROP TABLE old_thing_type;
DROP TABLE old_thing_group;
DROP TABLE old_billing_group;
DROP TABLE old_template;
DROP TABLE old_spare_key;
DROP TABLE old_setting;
