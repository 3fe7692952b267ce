#include "settings_table.h"

#include <string.h>

#include "settings.h"

#define SWITCH IMPRINT_SETTINGS_SWITCH
#define REPEATED IMPRINT_SETTINGS_REPEATED
#define NOT_ARGV IMPRINT_SETTINGS_NOT_ARGV
#define NOT_FILE IMPRINT_SETTINGS_NOT_FILE
#define ARGV_ONLY IMPRINT_SETTINGS_ARGV_ONLY

const struct imprint_settings_row imprint_settings_table[] = {
    {"endpoint", "provision renew doctor", "AWS_HOSTNAME", "HOST[:PORT]",
     "where to provision", 0},
    {"port", "provision renew doctor", NULL, "PORT",
     "of the endpoint; auto: 8883, then 443 [8883]", 0},
    {"proxy", "provision renew doctor", "HTTPS_PROXY", "URL",
     "http://, socks5:// or socks5h://HOST:PORT; none: without [none]", 0},
    {"no-proxy", "provision renew doctor", "NO_PROXY", "HOST,...",
     "hosts, with all names below, that are reached without it", 0},
    {"proxy-user", "provision renew doctor", NULL, "NAME", "for the proxy", 0},
    {"proxy-password-file", "provision renew doctor", NULL, "FILE",
     "whose first line is the password for the proxy", 0},
    {"ca", "provision renew doctor", NULL, "FILE",
     "roots that the endpoint is checked against [the PKCS#12's, or the "
     "system's]",
     0},
    {"claim", "provision doctor", NULL, "FILE",
     "the claim: a PEM certificate, or PKCS#12", 0},
    {"claim-key", "provision doctor", NULL, "FILE",
     "its PEM key, or pkcs11: or tpm2: [private.key beside a PEM claim]", 0},
    {"identity-key", "provision renew doctor", NULL, "URI",
     "where its own key is made: pkcs11:..., tpm2: [file:; renew: as it is]",
     0},
    {"pkcs11-module", "provision renew doctor reset", NULL, "FILE",
     "the token's library [p11-kit's, that knows all]", 0},
    {"tcti", "provision renew doctor reset", "TPM2TOOLS_TCTI", "TEXT",
     "where the TPM is, as tpm2-tss writes it [it looks for one]", 0},
    {"pin", "", NULL, "TEXT", "of the token", NOT_ARGV | NOT_FILE},
    {"pin-file", "provision renew doctor reset", NULL, "FILE",
     "whose first line is the token's PIN", 0},
    {"claim-json", "provision doctor", NULL, "FILE",
     "in its place: a trusted user's claim; -: standard input", 0},
    {"claim-after", "provision", NULL, "WHAT",
     "keep, lock (mode 0000) or erase its key, behind success [keep]", 0},
    {"password", "", "IDENTITY_PASSWORD", "TEXT", "of the claim's key",
     NOT_ARGV | NOT_FILE},
    {"password-file", "provision doctor", NULL, "FILE",
     "whose first line is the password of the claim's key", 0},
    {"template", "provision renew doctor", "TEMPLATE_NAME", "NAME",
     "the provisioning template", 0},
    {"thing-name", "provision renew doctor", "THING_NAME", "NAME",
     "parameter ThingName, and SerialNumber unless given", 0},
    {"param", "provision renew doctor", NULL, "NAME=VALUE",
     "a parameter of the template; may be repeated", REPEATED},
    {"proof", "provision renew doctor", NULL, "HOW:KEYFILE",
     "prove a secret to the hook: hmac:FILE, ecdsa:FILE or ecdsa:URI", 0},
    {"key", "provision renew doctor", NULL, "KIND",
     "p256, p384, rsa2048, rsa3072, or service (made there) [p256]", 0},
    {"format", "provision renew doctor", NULL, "FORMAT", "json or cbor [cbor]",
     0},
    {"mqtt", "provision renew doctor", NULL, "VERSION", "3 (3.1.1) or 5 [3]",
     0},
    {"tls-max", "provision renew doctor", NULL, "VERSION", "1.2 or 1.3 [1.3]",
     0},
    {"client-id", "provision renew doctor", NULL, "ID",
     "of the claim's session [imprint- and 32 random hex digits]", 0},
    {"client-id-verify", "provision renew doctor", NULL, "ID",
     "under the new identity [the thing name]", 0},
    {"timeout", "provision renew doctor", NULL, "SECONDS",
     "for CONNACK or another reply [20]", 0},
    {"timeout-connect", "provision renew doctor", NULL, "SECONDS",
     "for name lookup and TCP connection [timeout]", 0},
    {"timeout-tls", "provision renew doctor", NULL, "SECONDS",
     "for the TLS handshake [timeout]", 0},
    {"deadline", "provision renew doctor", NULL, "TIME",
     "for the whole run, with its waits [none]", 0},
    {"wait-for-clock", "provision renew doctor", NULL, "TIME",
     "wait so long for a clock that can't be right to be set [0]", 0},
    {"spread", "provision renew doctor", NULL, "TIME",
     "wait a part of this before the first try; the serial number says which "
     "[0]",
     0},
    {"retry", "provision renew doctor", NULL, "HOW",
     "too early behind runs that failed: wait, end (exit 4) or now [wait]", 0},
    {"attempts", "provision renew doctor", NULL, "COUNT",
     "tries without progress before giving up [5]", 0},
    {"early-verify", "provision renew", NULL, "",
     "begin the new identity's connection early: fewer round trips", SWITCH},
    {"early-requests", "provision renew", NULL, "",
     "send them before CONNACK: one less, but AWS asks not to", SWITCH},
    {"force", "provision", NULL, "",
     "get another identity even if there is one", SWITCH | ARGV_ONLY},
    {"if-needed", "renew", NULL, "",
     "only if the certificate expires soon: see --before", SWITCH | ARGV_ONLY},
    {"before", "renew", NULL, "TIME",
     "with --if-needed: good for less than this [30d]", 0},
    {"keep-former", "renew", NULL, "COUNT",
     "0: erase the identity that was replaced [1]", 0},
    {"replaces-parameter", "renew", NULL, "NAME",
     "tells the hook the id of the certificate that is replaced "
     "[ReplacesCertificateId]",
     0},
    {"full", "doctor", NULL, "",
     "provision into a directory that is thrown away", SWITCH | ARGV_ONLY},
    {"yes", "reset cloud", NULL, "", "do not ask", SWITCH | ARGV_ONLY},
    {"state", "provision renew doctor rollback status reset", NULL, "DIR",
     "the device's directory [/var/lib/imprint]", 0},
    /* documents: all are orders */
    {"param", "template", NULL, "NAME=VALUE",
     "try: what the device sends; may be repeated", REPEATED | ARGV_ONLY},
    {"hook", "template", NULL, "TARGET",
     "exec:PROGRAM or http://HOST/PATH, the template's hook", ARGV_ONLY},
    {"existing", "template", NULL, "FILE",
     "try: the thing is there already, as this JSON says", ARGV_ONLY},
    {"action", "policy", NULL, "ACTION", "try: iot:Connect or another",
     ARGV_ONLY},
    {"resource", "policy", NULL, "ARN",
     "try: an ARN, or client/ID, topic/T, topicfilter/F", ARGV_ONLY},
    {"thing", "policy", NULL, "NAME", "try: the certificate's thing",
     ARGV_ONLY},
    {"thing-type", "policy", NULL, "TYPE", "try: the thing's type", ARGV_ONLY},
    {"attribute", "policy", NULL, "NAME=VALUE",
     "try: an attribute of the thing; may be repeated", REPEATED | ARGV_ONLY},
    {"client-id", "policy", NULL, "ID", "try: the connection's client id",
     ARGV_ONLY},
    {"source-ip", "policy", NULL, "ADDRESS", "try: where it comes from",
     ARGV_ONLY},
    {"certificate", "policy", NULL, "FILE",
     "try: the certificate, for its variables", ARGV_ONLY},
    {"connect", "policy", NULL, "ATTRIBUTE,...",
     "try: LastWill, PersistentConnect", ARGV_ONLY},
    {"template", "policy", NULL, "NAME", "claim: may provision by it",
     ARGV_ONLY},
    {"flow", "policy", NULL, "FLOW", "claim: csr, service or both [both]",
     ARGV_ONLY},
    {"format", "policy", NULL, "FORMAT", "claim: json, cbor or both [both]",
     ARGV_ONLY},
    {"client-id-prefix", "policy", NULL, "TEXT",
     "claim: what its client ids begin with [any]", ARGV_ONLY},
    {"region", "policy", NULL, "NAME", "claim: [us-east-1]", ARGV_ONLY},
    {"account", "policy", NULL, "DIGITS", "claim: [000000000000]", ARGV_ONLY},
    {"partition", "policy", NULL, "NAME",
     "claim: aws, aws-cn or aws-us-gov [aws]", ARGV_ONLY},
    /* the endpoint */
    {"dir", "endpoint", NULL, "DIR",
     "the endpoint's directory [~/.local/share/imprint]", 0},
    {"listen", "endpoint", NULL, "HOST[:PORT]",
     "where devices connect; port 0 is any free one [127.0.0.1:8883]", 0},
    {"registry", "endpoint", NULL, "URL",
     "run: postgresql://... of many nodes, or sqlite; from now on [sqlite]",
     ARGV_ONLY},
    {"rest", "endpoint", NULL, "HOST:PORT",
     "run: AWS's control plane there, too; port 0 is any free one", ARGV_ONLY},
    {"rest-tls", "endpoint", NULL, "", "run: with TLS, by the endpoint's CA",
     SWITCH | ARGV_ONLY},
    {"no-auth", "endpoint", NULL, "",
     "run: take unsigned requests; on a loopback address only",
     SWITCH | ARGV_ONLY},
    {"allow-remote", "endpoint", NULL, "",
     "run: let --rest be reached from elsewhere; needs --rest-tls",
     SWITCH | ARGV_ONLY},
    {"lifetime", "endpoint", NULL, "SECONDS",
     "credentials add: with a session token, for so long [for ever]",
     ARGV_ONLY},
    {"passphrase-file", "endpoint", NULL, "FILE",
     "backup, restore: its first line encrypts the private keys", ARGV_ONLY},
    {"log", "endpoint", NULL, "", "run: print events on stderr, too",
     SWITCH | ARGV_ONLY},
    {"clock", "endpoint", NULL, "OFFSET",
     "run: start with the service's clock so far off", ARGV_ONLY},
    {"faults", "endpoint", NULL, "FILE", "run, fault: the rules of this file",
     ARGV_ONLY},
    {"explain", "endpoint", NULL, "",
     "run: answer a refused CONNECT of MQTT 3.1.1, too", SWITCH | ARGV_ONLY},
    {"strict", "endpoint", NULL, "", "run: hang up, as AWS does",
     SWITCH | ARGV_ONLY},
    {"follow", "endpoint", NULL, "", "log: go on as events come; or -f",
     SWITCH | ARGV_ONLY},
    {"name", "endpoint", NULL, "NAME", "claim: the batch's name", ARGV_ONLY},
    {"template", "endpoint", NULL, "NAME",
     "claim, register: may provision by it [fleet]", ARGV_ONLY},
    {"policy", "endpoint", NULL, "NAME",
     "claim, register: attach this policy instead", ARGV_ONLY},
    {"rsa", "endpoint", NULL, "", "claim: with an RSA-2048 key, not P-256",
     SWITCH | ARGV_ONLY},
    {"temporary", "endpoint", NULL, "",
     "claim: a trusted user's, for five minutes", SWITCH | ARGV_ONLY},
    {"out", "endpoint", NULL, "DIR", "claim --temporary: where its files go",
     ARGV_ONLY},
    {"qr", "endpoint", NULL, "", "claim --temporary: as a QR code, no files",
     SWITCH | ARGV_ONLY},
    {"claim", "endpoint", NULL, "NAME", "register: it is a claim so named",
     ARGV_ONLY},
    {"thing", "endpoint", NULL, "NAME", "register: attach it to this thing",
     ARGV_ONLY},
    {"force", "endpoint", NULL, "",
     "delete: detach it and make it inactive first", SWITCH | ARGV_ONLY},
    {"remove", "endpoint", NULL, "", "ca: take them no longer",
     SWITCH | ARGV_ONLY},
    {"hook", "endpoint", NULL, "TARGET",
     "template: exec:PROGRAM, http://HOST/PATH or a Lambda's ARN", ARGV_ONLY},
    {"no-hook", "endpoint", NULL, "", "template: without a hook",
     SWITCH | ARGV_ONLY},
    {"enabled", "endpoint", NULL, "", "template: provision by it again",
     SWITCH | ARGV_ONLY},
    {"disabled", "endpoint", NULL, "", "template: nobody may provision by it",
     SWITCH | ARGV_ONLY},
    {"endpoint-url", "cloud", NULL, "URL",
     "what speaks in AWS's place: that of imprint endpoint run --rest",
     ARGV_ONLY},
    {"name", "cloud", NULL, "NAME", "init: what the fleet is called",
     ARGV_ONLY},
    {"region", "cloud", NULL, "REGION", "init: of AWS [us-east-1]", ARGV_ONLY},
    {"thing-name", "cloud", NULL, "PATTERN",
     "init: what its things are called [<name>-${SerialNumber}]", ARGV_ONLY},
    {"hook", "cloud", NULL, "ARN",
     "init: the function that decides who may register, or none", ARGV_ONLY},
    {"profile", "cloud", NULL, "NAME",
     "of ~/.aws/credentials and ~/.aws/config [AWS_PROFILE, default]",
     ARGV_ONLY},
    /* everybody's */
    {"json",
     "provision renew doctor rollback status settings endpoint template policy "
     "cloud",
     NULL, "", "print JSON", SWITCH | ARGV_ONLY},
    {"log", "provision renew doctor rollback status reset", NULL, "LEVEL",
     "error, info, debug or trace [error]", 0},
    {"config",
     "provision renew doctor rollback status reset endpoint template policy "
     "cloud",
     NULL, "FILE", "the settings file [" IMPRINT_SETTINGS_FILE "]", NOT_FILE},
};

const size_t imprint_settings_table_count =
    sizeof(imprint_settings_table) / sizeof(imprint_settings_table[0]);

bool imprint_settings_table_is_device(const struct imprint_settings_row *row)
{
    static const char *const verbs[] = {"provision", "renew", "status"};

    if (row->traits & ARGV_ONLY)
        return false;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strstr(row->verbs, verbs[i]))
            return true;
    }
    return row->verbs[0] == '\0';
}

bool imprint_settings_table_has_verb(const struct imprint_settings_row *row,
                                     const char *verb)
{
    size_t len = strlen(verb);

    for (const char *at = row->verbs; (at = strstr(at, verb)); at += len) {
        if ((at == row->verbs || at[-1] == ' ') &&
            (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return strcmp(verb, "settings") == 0 && row->verbs[0] != '\0' &&
           imprint_settings_table_is_device(row);
}

static bool has_name(const struct imprint_settings_row *row, const char *name,
                     size_t len)
{
    return strlen(row->name) == len && strncmp(row->name, name, len) == 0;
}

const struct imprint_settings_row *imprint_settings_table_option(
    const char *verb, const char *name, size_t len)
{
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        const struct imprint_settings_row *row = &imprint_settings_table[i];

        if (has_name(row, name, len) &&
            imprint_settings_table_has_verb(row, verb))
            return row;
    }
    return NULL;
}

const struct imprint_settings_row *imprint_settings_table_setting(
    const char *name, size_t len)
{
    const struct imprint_settings_row *found = NULL;

    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        const struct imprint_settings_row *row = &imprint_settings_table[i];

        if (!has_name(row, name, len))
            continue;
        found = row;
        if (!(row->traits & IMPRINT_SETTINGS_ARGV_ONLY))
            break;
    }
    return found;
}

_Static_assert(sizeof(imprint_settings_table) /
                       sizeof(imprint_settings_table[0]) <=
                   IMPRINT_SETTINGS_ROW_MAX_COUNT,
               "settings.c has no room for so many");
