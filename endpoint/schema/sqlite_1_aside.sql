-- From schema 1, first part: puts its tables aside, so that sqlite.sql can
-- make its own.
DROP TRIGGER change_prune;
DROP TRIGGER certificate_changed;
DROP TRIGGER certificate_deleted;
DROP TRIGGER policy_changed;
DROP TRIGGER attachment_made;
DROP TRIGGER attachment_deleted;
DROP TABLE change;
DROP INDEX token_expires;
DROP INDEX attachment_policy;
ALTER TABLE certificate RENAME TO old_certificate;
ALTER TABLE token RENAME TO old_token;
ALTER TABLE thing RENAME TO old_thing;
ALTER TABLE policy RENAME TO old_policy;
ALTER TABLE attachment RENAME TO old_attachment;
ALTER TABLE template RENAME TO old_template;
ALTER TABLE spare_key RENAME TO old_spare_key;
ALTER TABLE setting RENAME TO old_setting;
