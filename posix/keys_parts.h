/* What the files of keys share. */
#ifndef IMPRINT_POSIX_KEYS_PARTS_H
#define IMPRINT_POSIX_KEYS_PARTS_H

struct imprint_keys_key {
    void *pkey; /* an EVP_PKEY, the key's own */
};

#endif
