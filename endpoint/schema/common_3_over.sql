-- From schema 3, on either database: what is listed by claims has an index.
CREATE INDEX certificate_claim ON certificate (number)
    WHERE claim IS NOT NULL AND is_temporary = 0;
