#pragma once
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

/// An event counter, which never has an event; -1 when descriptors ran out.
static inline int cmhd_silence(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Variadic functions do not import into Swift; each of these calls one, with its types spelled out.

/// What a daemon is started with. `context` is the first argument of every callback.
struct cmhd_settings {
    int listener;
    unsigned int threads;
    size_t memory;
    unsigned int connections;
    unsigned int connections_per_address;
    unsigned int timeout;
    /// GnuTLS' priorities; NULL for no TLS.
    const char *priorities;
    void *context;
    void (*log)(void *context, const char *format, va_list arguments);
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    size_t (*unescape)(void *context, struct MHD_Connection *connection, char *text);
    MHD_AccessHandlerCallback handler;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

/// Every session gets its credentials when its connection begins; the daemon's own have none.
static inline int cmhd_no_certificate(void) { return -1; }

/// Starts a daemon on a socket that listens already; the daemon closes it when it stops.
static inline struct MHD_Daemon *cmhd_start(const struct cmhd_settings *s) {
    struct MHD_OptionItem more[5];
    size_t n = 0;
    if (s->threads > 1) more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)s->threads, NULL};
    if (s->connections_per_address > 0)
        more[n++] = (struct MHD_OptionItem){
            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)s->connections_per_address, NULL};
    if (s->priorities) {
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)s->priorities};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)cmhd_no_certificate};
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (s->priorities ? MHD_USE_TLS : 0), 0, NULL, NULL, s->handler,
        s->context, MHD_OPTION_EXTERNAL_LOGGER, s->log, s->context, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)s->listener,
        MHD_OPTION_STRICT_FOR_CLIENT, (int)1, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->memory,
        MHD_OPTION_CONNECTION_LIMIT, s->connections, MHD_OPTION_CONNECTION_TIMEOUT, s->timeout,
        MHD_OPTION_URI_LOG_CALLBACK, s->target, s->context, MHD_OPTION_UNESCAPE_CALLBACK, s->unescape, s->context,
        MHD_OPTION_NOTIFY_COMPLETED, s->completed, s->context, MHD_OPTION_NOTIFY_CONNECTION, s->connection, s->context,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

static inline int cmhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/// The GnuTLS session, or NULL without TLS.
static inline void *cmhd_session(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : NULL;
}

static inline const struct sockaddr *cmhd_peer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

/// What the notification of the connection's start left behind.
static inline void *cmhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/// Bytes of the request line and the header lines, with the empty one that ends them.
static inline size_t cmhd_head_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static inline int cmhd_each_header(struct MHD_Connection *connection, MHD_KeyValueIteratorN iterator, void *context) {
    return MHD_get_connection_values_n(connection, MHD_HEADER_KIND, iterator, context);
}

/// A response over a copy of the bytes.
static inline struct MHD_Response *cmhd_copied(const void *bytes, size_t count) {
    return MHD_create_response_from_buffer(count, (void *)bytes, count > 0 ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
}

static inline ssize_t cmhd_no_content(void *context, uint64_t position, char *buffer, size_t most) {
    (void)context, (void)position, (void)buffer, (void)most;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/// A response that says neither a length nor chunks, for HEAD where GET would get a stream; it closes the connection.
static inline struct MHD_Response *cmhd_no_length(void) {
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, cmhd_no_content, NULL, NULL);
    if (response) MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    return response;
}

/// A response over bytes that stay where they are until `release` is called with `owner`.
static inline struct MHD_Response *cmhd_lent(
    void *bytes, size_t count, MHD_ContentReaderFreeCallback release, void *owner) {
    return MHD_create_response_from_buffer_with_free_callback_cls(count, bytes, release, owner);
}

static const ssize_t cmhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t cmhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;

/// A response whose length is not known and whose body `reader` gives, until `release` is called with `owner`.
static inline struct MHD_Response *cmhd_streamed(
    MHD_ContentReaderCallback reader, MHD_ContentReaderFreeCallback release, void *owner) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, reader, owner, release);
}
