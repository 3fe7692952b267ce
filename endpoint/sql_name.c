#include "sql_name.h"

#include <stddef.h>

/* Numbers; NULL, which no table takes, if there is none of that name. */
#define CERTIFICATE(id) "(SELECT number FROM certificate WHERE id = " id ")"
#define THING(name) "(SELECT number FROM thing WHERE name = " name ")"
#define FIRST_THING                                         \
    "(SELECT min(name) FROM certificate_thing "             \
    "JOIN thing ON thing.number = certificate_thing.thing " \
    "WHERE certificate = certificate.number)"
#define CERTIFICATE_COLUMNS                                  \
    "SELECT id, pem, claim, maker, " FIRST_THING ", state, " \
    "is_temporary, created, not_after, connected FROM certificate "
#define PUT_NAME(table) \
    "INSERT INTO " table " (name) VALUES (?1) ON CONFLICT DO NOTHING"
#define FIND_NAME(table) "SELECT 1 FROM " table " WHERE name = ?1"
#define NAMES(table) "SELECT name FROM " table " ORDER BY name"
#define TEMPLATE_COLUMNS \
    "SELECT name, document, hook, is_enabled FROM template "

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_MARK] = "SAVEPOINT mark",
    [SQL_KEEP] = "RELEASE mark",
    [SQL_BACK] = "ROLLBACK TO mark",
    [SQL_PUT_CERTIFICATE] =
        "INSERT INTO certificate (id, pem, claim, maker, state, is_temporary, "
        "created, not_after, connected) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_ALL_CERTIFICATES] =
        CERTIFICATE_COLUMNS "WHERE is_temporary = 0 ORDER BY number",
    [SQL_ONE_CERTIFICATE] = CERTIFICATE_COLUMNS "WHERE id = ?1",
    [SQL_SET_STATE] = "UPDATE certificate SET state = ?2, "
                      "modified = unixepoch() WHERE id = ?1",
    [SQL_SET_CONNECTED] = "UPDATE certificate SET connected = ?2 "
                          "WHERE id = ?1 AND connected = 0",
    [SQL_DROP_CERTIFICATE] = "DELETE FROM certificate WHERE id = ?1",
    [SQL_PUT_TOKEN] = "INSERT INTO token (hash, certificate, expires) "
                      "SELECT ?1, number, ?3 FROM certificate WHERE id = ?2",
    [SQL_FIND_TOKEN] = "SELECT id, expires, request_hash, reply FROM token "
                       "JOIN certificate ON number = certificate "
                       "WHERE hash = ?1",
    [SQL_USE_TOKEN] =
        "UPDATE token SET request_hash = ?2, reply = ?3 WHERE hash = ?1",
    [SQL_ANY_EXPIRED] =
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM token WHERE expires <= ?1) "
        "OR EXISTS (SELECT 1 FROM certificate "
        "WHERE is_temporary = 1 AND not_after <= ?1)",
    [SQL_DROP_UNCLAIMED] =
        "DELETE FROM certificate WHERE state = 'PENDING_ACTIVATION' "
        "AND number IN (SELECT certificate FROM token WHERE expires <= ?1)",
    [SQL_DROP_TOKENS] = "DELETE FROM token WHERE expires <= ?1",
    [SQL_DROP_TEMPORARY] =
        "DELETE FROM certificate WHERE is_temporary = 1 AND not_after <= ?1",
    [SQL_PUT_KEY] = "INSERT INTO spare_key (pem) VALUES (?1) RETURNING id",
    [SQL_TAKE_KEY] = "DELETE FROM spare_key WHERE id = ?1 AND pem = ?2",
    [SQL_KEYS] = "SELECT id, pem FROM spare_key ORDER BY id",
    [SQL_PUT_SETTING] = "INSERT INTO setting (name, value) VALUES (?1, ?2) "
                        "ON CONFLICT (name) DO UPDATE SET "
                        "value = excluded.value",
    [SQL_DROP_SETTING] = "DELETE FROM setting WHERE name = ?1",
    [SQL_FIND_SETTING] = "SELECT value FROM setting WHERE name = ?1",
    [SQL_SETTINGS] = "SELECT name, value FROM setting "
                     "WHERE substr(name, 1, length(CAST(?1 AS TEXT))) = ?1 "
                     "ORDER BY name",
    [SQL_CHANGES] = "SELECT seq, what FROM change WHERE seq > ?1 ORDER BY seq",
    [SQL_LAST_CHANGE] = "SELECT coalesce(max(seq), 0) FROM change",

    [SQL_PUT_THING] =
        "INSERT INTO thing (name, attributes, type, billing_group, created) "
        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET "
        "attributes = excluded.attributes, type = excluded.type, "
        "billing_group = excluded.billing_group, version = thing.version + 1",
    [SQL_FIND_THING] = "SELECT name, attributes, type, billing_group, created "
                       "FROM thing WHERE name = ?1",
    [SQL_PUT_MEMBER] = "INSERT INTO membership (thing_group, thing) "
                       "VALUES (?1, " THING("?2") ") ON CONFLICT DO NOTHING",
    [SQL_DROP_MEMBERS] = "DELETE FROM membership WHERE thing = " THING("?1"),
    [SQL_GROUPS] = "SELECT thing_group FROM membership "
                   "WHERE thing = " THING("?1") " ORDER BY thing_group",
    [SQL_OTHER_THING] = "SELECT 1 FROM certificate_thing WHERE certificate "
                        "= " CERTIFICATE("?1") " AND thing <> " THING(
                            "?2") " AND (is_exclusive = 1 OR ?3 = 1)",
    [SQL_ATTACH_THING] =
        "INSERT INTO certificate_thing (certificate, thing, is_exclusive) "
        "VALUES (" CERTIFICATE("?1") ", " THING(
            "?2") ", ?3) "
                  "ON CONFLICT (certificate, thing) DO UPDATE SET "
                  "is_exclusive = excluded.is_exclusive",
    [SQL_THINGS] = "SELECT name, is_exclusive FROM certificate_thing "
                   "JOIN thing ON thing.number = certificate_thing.thing "
                   "WHERE certificate = " CERTIFICATE("?1") " ORDER BY name",
    [SQL_PUT_TYPE] = PUT_NAME("thing_type"),
    [SQL_PUT_GROUP] = PUT_NAME("thing_group"),
    [SQL_PUT_BILLING_GROUP] = PUT_NAME("billing_group"),
    [SQL_FIND_TYPE] = FIND_NAME("thing_type"),
    [SQL_FIND_GROUP] = FIND_NAME("thing_group"),
    [SQL_FIND_BILLING_GROUP] = FIND_NAME("billing_group"),
    [SQL_TYPES] = NAMES("thing_type"),
    [SQL_ALL_GROUPS] = NAMES("thing_group"),
    [SQL_BILLING_GROUPS] = NAMES("billing_group"),
    [SQL_PUT_POLICY] =
        "INSERT INTO policy (name, document) VALUES (?1, ?2) "
        "ON CONFLICT (name) DO UPDATE SET document = excluded.document, "
        "modified = unixepoch() WHERE policy.document <> excluded.document",
    [SQL_FIND_POLICY] = "SELECT document FROM policy WHERE name = ?1",
    [SQL_POLICIES] = "SELECT name FROM policy WHERE substr(name, 1, 1) <> '$' "
                     "ORDER BY name",
    [SQL_DROP_POLICY] =
        "DELETE FROM policy WHERE name = ?1 "
        "AND NOT EXISTS (SELECT 1 FROM attachment WHERE policy = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM group_attachment WHERE policy = ?1)",
    [SQL_DROP_THING] =
        "DELETE FROM thing WHERE name = ?1 AND NOT EXISTS "
        "(SELECT 1 FROM certificate_thing WHERE thing = thing.number)",
    [SQL_ATTACH] =
        "INSERT INTO attachment (certificate, policy) "
        "SELECT " CERTIFICATE("?1") ", ?2 "
                                    "WHERE (SELECT count(*) FROM attachment "
                                    "WHERE certificate = " CERTIFICATE(
                                        "?1") ") < ?3 "
                                              "ON CONFLICT DO NOTHING",
    [SQL_FIND_ATTACHMENT] = "SELECT 1 FROM attachment WHERE policy = ?2 "
                            "AND certificate = " CERTIFICATE("?1"),
    [SQL_DETACH] = "DELETE FROM attachment WHERE policy = ?2 "
                   "AND certificate = " CERTIFICATE("?1"),
    [SQL_ATTACH_GROUP] = "INSERT INTO group_attachment (thing_group, policy) "
                         "VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [SQL_DETACH_GROUP] =
        "DELETE FROM group_attachment WHERE thing_group = ?1 AND policy = ?2",
    [SQL_CERTIFICATE_POLICIES] =
        "SELECT name, document FROM attachment "
        "JOIN policy ON policy.name = attachment.policy "
        "WHERE certificate = " CERTIFICATE("?1") " ORDER BY name",
    [SQL_THING_POLICIES] =
        "WITH RECURSIVE up (above) AS (SELECT thing_group FROM membership "
        "WHERE thing = " THING(
            "?1") " UNION SELECT parent FROM thing_group "
                  "JOIN up ON name = above WHERE parent IS NOT NULL) "
                  "SELECT name, document FROM policy WHERE name IN "
                  "(SELECT policy FROM group_attachment "
                  "WHERE thing_group IN (SELECT above FROM up)) ORDER BY name",
    [SQL_PUT_TEMPLATE] =
        "INSERT INTO template (name, document, hook, is_enabled) "
        "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET "
        "document = excluded.document, hook = excluded.hook, "
        "is_enabled = excluded.is_enabled, modified = unixepoch()",
    [SQL_ALL_TEMPLATES] = TEMPLATE_COLUMNS "ORDER BY name",
    [SQL_ONE_TEMPLATE] = TEMPLATE_COLUMNS "WHERE name = ?1",
    [SQL_DROP_TEMPLATE] = "DELETE FROM template WHERE name = ?1",

    [SQL_REPORT_PENDING] = "SELECT id, NULL, created FROM certificate "
                           "WHERE state = 'PENDING_ACTIVATION' ORDER BY number",
    [SQL_REPORT_BARE_THINGS] =
        "SELECT NULL, name, created FROM thing WHERE NOT EXISTS (SELECT 1 "
        "FROM certificate_thing WHERE thing = thing.number) ORDER BY name",
    [SQL_REPORT_NEVER_SEEN] =
        "SELECT id, " FIRST_THING ", created FROM certificate "
        "WHERE state = 'ACTIVE' AND claim IS NULL AND connected = 0 "
        "ORDER BY number",
    [SQL_REPORT_SECONDS] =
        "SELECT old.id, thing.name, old.created FROM certificate AS old "
        "JOIN certificate_thing AS mine ON mine.certificate = old.number "
        "JOIN thing ON thing.number = mine.thing "
        "WHERE old.state = 'ACTIVE' AND EXISTS "
        "(SELECT 1 FROM certificate_thing AS its JOIN certificate AS new "
        "ON new.number = its.certificate WHERE its.thing = mine.thing "
        "AND new.state = 'ACTIVE' AND new.number > old.number) "
        "ORDER BY old.number, name",
};

const char *imprint_sql_name_text(enum imprint_sql_name which)
{
    return texts[which];
}
