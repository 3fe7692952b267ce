#include "library.h"

#include <dlfcn.h>
#include <string.h>

bool imprint_library_load(const char *file,
                          const struct imprint_library_symbol *symbols,
                          size_t symbol_count, void *table)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; library && i < symbol_count; i++) {
        void *symbol = dlsym(library, symbols[i].name);

        if (!symbol)
            return false;
        memcpy((char *)table + symbols[i].offset, &symbol, sizeof(symbol));
    }
    return library != NULL;
}
