#include "der.h"

bool imprint_der_take(struct imprint_slice *from, uint8_t tag,
                      struct imprint_slice *content)
{
    size_t head_len = 2;
    size_t len;
    size_t i;

    if (from->len < 2 || from->bytes[0] != tag)
        return false;
    len = from->bytes[1];
    if (len > 0x80) {
        head_len += len & 0x7f;
        if (head_len > 5 || from->len < head_len)
            return false;
        for (len = 0, i = 2; i < head_len; i++)
            len = len << 8 | from->bytes[i];
    } else if (len == 0x80) {
        return false;
    }
    if (from->len - head_len < len)
        return false;
    *content = imprint_slice_of(from->bytes + head_len, len);
    *from = imprint_slice_of(content->bytes + len, from->len - head_len - len);
    return true;
}
