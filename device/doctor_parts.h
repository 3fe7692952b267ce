/* What the files of doctor share. */
#ifndef IMPRINT_DEVICE_DOCTOR_PARTS_H
#define IMPRINT_DEVICE_DOCTOR_PARTS_H

#include "device/claim.h"
#include "device/doctor.h"
#include "device/mqtt.h"
#include "device/route.h"
#include "device/tls.h"

struct imprint_doctor {
    struct imprint_device_settings settings; /* defaults filled in */
    struct imprint_device_identity identity; /* in use, if there is no claim */
    bool has_identity;
    struct imprint_claim claim;
    bool has_claim;
    struct imprint_address address;
    struct imprint_route route;
    char session_dir[32]; /* of our own, for handover.h; or "" */
    struct imprint_tls *tls;
    struct imprint_mqtt *session;
    struct imprint_doctor_cause *cause;
    char text[320]; /* what a step found */
    bool is_skipped;
    bool is_full;
    bool tries_renewal; /* by the identity in use */
    bool forces_alpn;   /* on whatever port */
    int family;         /* of the connection: AF_INET or AF_INET6 */
    size_t ipv4_count;  /* addresses of the endpoint */
    size_t ipv6_count;
};

/* A step: OK with a text, or what is wrong in cause, with its name. */
enum imprint_status imprint_doctor_directory(struct imprint_doctor *doctor);
enum imprint_status imprint_doctor_connect(struct imprint_doctor *doctor);
enum imprint_status imprint_doctor_subscribe(struct imprint_doctor *doctor);
enum imprint_status imprint_doctor_publish(struct imprint_doctor *doctor);
enum imprint_status imprint_doctor_register(struct imprint_doctor *doctor);
enum imprint_status imprint_doctor_full(struct imprint_doctor *doctor);

/* cause->name, and status. */
enum imprint_status imprint_doctor_blame(struct imprint_doctor *doctor,
                                         enum imprint_status status,
                                         const char *name);

bool imprint_doctor_is_stopped(const struct imprint_doctor *doctor);

/* A fresh session in place of the one that is there. */
enum imprint_status imprint_doctor_open(struct imprint_doctor *doctor);
/*
 * The connection ended when something was asked for. Is that to blame? OK: yes,
 * for a connection with no request lasts; else it is told what is.
 */
enum imprint_status imprint_doctor_control(struct imprint_doctor *doctor);
void imprint_doctor_hang_up(struct imprint_doctor *doctor);

#endif
