#pragma once
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/// `gnutls_free` is a variable, which Swift does not let through.
static inline void cgnutls_free(void *memory) { gnutls_free(memory); }
