#pragma once
#include <microhttpd.h>

/* Swift cannot call variadic functions: each call that the server makes is here with its types. */

typedef void *(*fedgate_uri_callback) (void *cls, const char *uri, struct MHD_Connection *connection);
typedef void (*fedgate_log_callback) (void *cls, const char *format, va_list arguments);

struct fedgate_mhd_options
{
  const struct sockaddr *address;
  unsigned int flags;
  unsigned int threads;
  size_t connection_memory;
  unsigned int connections;
  unsigned int connections_per_address;
  unsigned int idle_seconds;
  unsigned int backlog;
  fedgate_log_callback log;
  fedgate_uri_callback uri;
  MHD_AccessHandlerCallback handler;
  MHD_RequestCompletedCallback completed;
  MHD_NotifyConnectionCallback connection;
  void *cls;
};

static inline struct MHD_Daemon *
fedgate_mhd_start (const struct fedgate_mhd_options *o)
{
  return MHD_start_daemon (
    o->flags, 0, NULL, NULL, o->handler, o->cls,
    MHD_OPTION_EXTERNAL_LOGGER, o->log, o->cls,
    MHD_OPTION_SOCK_ADDR, o->address,
    MHD_OPTION_URI_LOG_CALLBACK, o->uri, o->cls,
    MHD_OPTION_NOTIFY_COMPLETED, o->completed, o->cls,
    MHD_OPTION_NOTIFY_CONNECTION, o->connection, o->cls,
    MHD_OPTION_THREAD_POOL_SIZE, o->threads,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->connection_memory,
    MHD_OPTION_CONNECTION_LIMIT, o->connections,
    MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_address,
    MHD_OPTION_CONNECTION_TIMEOUT, o->idle_seconds,
    MHD_OPTION_LISTEN_BACKLOG_SIZE, o->backlog,
    MHD_OPTION_STRICT_FOR_CLIENT, 1,
    MHD_OPTION_END);
}

static inline int
fedgate_mhd_port (struct MHD_Daemon *daemon)
{
  const union MHD_DaemonInfo *info = MHD_get_daemon_info (daemon, MHD_DAEMON_INFO_BIND_PORT);
  return NULL == info ? -1 : (int) info->port;
}

static inline int
fedgate_mhd_socket (struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return NULL == info ? -1 : (int) info->connect_fd;
}

static inline const struct sockaddr *
fedgate_mhd_client (struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return NULL == info ? NULL : info->client_addr;
}

static inline void *
fedgate_mhd_socket_context (struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return NULL == info ? NULL : info->socket_context;
}
