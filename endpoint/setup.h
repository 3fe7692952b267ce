/* Names of what a first run puts into the registry. */
#ifndef IMPRINT_ENDPOINT_SETUP_H
#define IMPRINT_ENDPOINT_SETUP_H

/* Where everything is, in ARNs. */
#define IMPRINT_SETUP_REGION "us-east-1"
#define IMPRINT_SETUP_ACCOUNT "000000000000"

#define IMPRINT_SETUP_TEMPLATE "fleet"
#define IMPRINT_SETUP_CLAIM "default"
#define IMPRINT_SETUP_CLAIM_POLICY "fleet-claim"
#define IMPRINT_SETUP_DEVICE_POLICY "fleet-device"

#endif
